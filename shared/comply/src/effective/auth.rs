//! Whom jwt-auth lets through, and what it asks of them.

use std::collections::BTreeSet;
use std::time::Duration;

use jwt_auth::config::{
    Access, Config, KeySource, Optional, Provider, ProviderKind, Providers, Requirement,
};
use policy::config::Configuration;
use policy::mode::{Mode, OnError};
use serde_json::{Map, Value, json};

use super::reach::{VALUE_TESTS, is_about_health, is_bounded, is_of_all, items, names_a_value};
use super::{mode_word, span};

/// `admits`: each rule, and the default, by which somebody gets through, but for health checks.
/// `otherwise`: what decides about requests that no rule with a condition is about. `keys`: the API
/// keys that somebody asks for.
pub(super) fn effective(
    text: &str,
    config: &Map<String, Value>,
    unreachable: &BTreeSet<String>,
    now_s: i64,
) -> Option<Value> {
    let read = Config::parse(text).ok()?;
    let written = items(config, "rules");
    let mut admits = Vec::new();
    if read.on_error == OnError::Allow {
        admits.push(json!({"mode": "enforce", "access": "undecided"}));
    }
    let rules = read.rules.iter().zip(written).enumerate();
    let reached = rules.filter(|(index, _)| !unreachable.contains(&format!("rules[{index}]")));
    let mut last = (&read.default.access, read.default.mode, None);
    for (_, (rule, written)) in reached {
        if is_of_all(&rule.matches) {
            last = (&rule.access, rule.mode, written.get("require"));
            break;
        }
        let is_anonymous = matches!(rule.access, Access::Anonymous);
        if !(is_anonymous && is_about_health(Some(written))) {
            let require = written.get("require");
            admits.extend(admitted(&read, config, (&rule.access, rule.mode, require)));
        }
    }
    admits.extend(admitted(&read, config, last));
    let (access, mode, _) = last;
    let word = match access {
        Access::Deny => "deny",
        Access::Require(requirement) if asks(requirement) => "require",
        Access::Require(_) | Access::Anonymous => "anonymous",
    };
    Some(json!({
        "admits": admits,
        "otherwise": {"mode": mode_word(mode), "access": word},
        "keys": keys(&read, config, now_s),
        "failures": failures(config),
    }))
}

/// What is asked of those who get through. Where a rule only reports, everybody does, and what it would
/// ask stands beside that.
fn admitted(
    config: &Config,
    written: &Map<String, Value>,
    (access, mode, require): (&Access, Mode, Option<&Value>),
) -> Vec<Value> {
    let mut rows = Vec::new();
    if !mode.enforces() {
        rows.push(json!({"mode": "enforce", "access": "reported"}));
    }
    match access {
        Access::Deny => {}
        Access::Anonymous => rows.push(json!({"mode": mode_word(mode), "access": "anonymous"})),
        Access::Require(requirement) => {
            rows.push(required(config, written, requirement, (mode, require)));
        }
    }
    rows
}

fn required(
    config: &Config,
    written: &Map<String, Value>,
    requirement: &Requirement,
    (mode, require): (Mode, Option<&Value>),
) -> Value {
    let is_there = requirement.optional == Optional::No;
    let claims = require.and_then(Value::as_object);
    let claims = claims.map_or(&[][..], |require| items(require, "claims"));
    // All of `scopes` are needed, and any of `scopes_any` is enough.
    let any = &requirement.scopes_any;
    let has_rights = requirement.scopes.iter().any(|scope| is_a_right(scope))
        || !any.is_empty() && any.iter().all(|scope| is_a_right(scope))
        || claims.iter().any(gives_a_right);
    let consent = requirement.consent.as_ref();
    let purposes = consent.map_or(&[][..], |consent| consent.required());
    let is_granted_unasked = written
        .get("consent")
        .is_some_and(|consent| consent.get("default").is_some_and(|word| word == "granted"));
    let asks_consent = is_there && !purposes.is_empty() && !is_granted_unasked;
    let has_certificate = requirement
        .tls
        .as_ref()
        .is_some_and(|tls| tls.wants_certificate());
    let (lifetimes, lifetime) = lifetimes(config, requirement);
    let factors = Factors::of(claims, &requirement.step_up.acr_values);
    json!({
        "mode": mode_word(mode),
        "access": "require",
        "require": require,
        "is_authenticated": is_authenticated(config, requirement),
        "is_forgeable": asks(requirement) && is_forgeable(config, requirement),
        "has_certificate": has_certificate,
        "has_rights": is_there && has_rights,
        "has_session": !requirement.providers.list().is_empty() || has_certificate,
        "lifetimes": lifetimes.into_iter().map(span).collect::<Vec<_>>(),
        "lifetime": lifetime.map(span),
        "is_introspected": is_introspected(config, &requirement.providers),
        "asks_consent": asks_consent,
        "stops_objections": asks_consent && is_objected_to(written, purposes),
        "amr": factors.methods,
        "kinds_of_factors": factors.kinds,
        "acr": factors.acr,
    })
}

/// Whether a scope says what its owner may do. Those of the protocol ask the issuer for something.
fn is_a_right(scope: &str) -> bool {
    !PROTOCOL_SCOPES.contains(&scope) && !scope.trim().is_empty()
}

/// Whether a condition on a claim asks for what not every token of the issuer has.
fn gives_a_right(condition: &Value) -> bool {
    let claim = condition.get("claim").and_then(Value::as_str);
    let texts = VALUE_TESTS.iter().filter_map(|test| condition.get(test));
    let texts = texts.flat_map(|value| match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    });
    let mut texts = texts.filter_map(Value::as_str);
    names_a_value(condition)
        && claim.is_some_and(|claim| !CLAIMS_OF_ALL.contains(&claim))
        && texts.all(is_a_right)
}

/// Whether nobody gets through without a credential that was verified.
fn is_authenticated(config: &Config, requirement: &Requirement) -> bool {
    asks(requirement) && !is_forgeable(config, requirement)
}

fn asks(requirement: &Requirement) -> bool {
    !requirement.providers.list().is_empty() && requirement.optional == Optional::No
}

/// Whether whoever is on the way to the issuer says who callers are: keys are fetched, or tokens asked about, without
/// TLS. What carries the connection (a mesh, a tunnel) is in no configuration of the filter.
fn is_forgeable(config: &Config, requirement: &Requirement) -> bool {
    let is_plain = |index: &usize| match config.providers.get(*index).map(|one| &one.kind) {
        Some(ProviderKind::Token(token)) => match &token.keys {
            KeySource::Inline(_) => false,
            KeySource::Fetched(source) => {
                let discovery = source.discovery.as_ref();
                source.endpoint.scheme == "http" || discovery.is_some_and(|one| one.plain_http)
            }
        },
        Some(ProviderKind::Introspection(how)) => how.endpoint.scheme == "http",
        _ => false,
    };
    match &requirement.providers {
        Providers::AnyOf(list) => list.iter().any(is_plain),
        Providers::AllOf(list) => !list.is_empty() && list.iter().all(is_plain),
    }
}

/// How a token must say that its owner has logged in.
struct Factors {
    /// The methods (RFC 8176) that it must name, all of them.
    methods: BTreeSet<String>,
    /// How many of what one knows, has and is.
    kinds: usize,
    /// The classes of which it must name one.
    acr: Vec<String>,
}

impl Factors {
    fn of(claims: &[Value], acr_values: &[String]) -> Self {
        let texts = |value: &Value| -> Vec<String> {
            let one = value.as_str().into_iter();
            let all = value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            one.chain(all).map(str::to_owned).collect()
        };
        let asked = |claim: &'static str, tests: &'static [&'static str]| {
            let about = claims
                .iter()
                .filter(move |one| one.get("claim").and_then(Value::as_str) == Some(claim));
            about.flat_map(move |one| tests.iter().filter_map(|test| one.get(test)))
        };
        // Of a list with one item the claim must have that one.
        let single = asked("amr", &["in"])
            .map(texts)
            .filter(|list| list.len() == 1);
        let all = asked("amr", &["equals", "contains", "all"]).map(texts);
        let methods: BTreeSet<String> = all.chain(single).flatten().collect();
        let kinds = METHODS.iter();
        let kinds = kinds.filter(|kind| kind.iter().any(|method| methods.contains(*method)));
        let in_claims = asked("acr", &["equals", "contains", "in"]).flat_map(texts);
        Self {
            kinds: kinds.count(),
            methods,
            acr: acr_values.iter().cloned().chain(in_claims).collect(),
        }
    }
}

/// How old each credential that will do can be, and how old any: of several that will do the oldest
/// counts, of several that are all needed the youngest. API keys and certificates are good for as long as
/// they are, and of a token that an issuer is asked about only the issuer knows.
fn lifetimes(config: &Config, requirement: &Requirement) -> (Vec<Duration>, Option<Duration>) {
    let of_provider = |index: &usize| match &config.providers.get(*index)?.kind {
        ProviderKind::Token(token) => {
            let times = [token.claims.max_lifetime, token.claims.max_age];
            times.into_iter().flatten().min()
        }
        ProviderKind::ApiKeys(_) | ProviderKind::Introspection(_) => None,
    };
    let list = requirement.providers.list();
    let known: Vec<Duration> = list.iter().filter_map(of_provider).collect();
    let any = match &requirement.providers {
        Providers::AnyOf(list) if known.len() < list.len() => None,
        Providers::AnyOf(_) => known.iter().copied().max(),
        Providers::AllOf(_) => known.iter().copied().min(),
    };
    let since_login = requirement.step_up.max_age;
    let any = any.into_iter().chain(since_login).min();
    (known.into_iter().chain(since_login).collect(), any)
}

/// Whether the issuer is asked, lately, about whatever credential is shown.
fn is_introspected(config: &Config, providers: &Providers) -> bool {
    let asks = |index: &usize| match config.providers.get(*index).map(|one| &one.kind) {
        Some(ProviderKind::Introspection(how)) => how.cache_duration <= HOUR,
        _ => false,
    };
    match providers {
        Providers::AnyOf(list) => !list.is_empty() && list.iter().all(asks),
        Providers::AllOf(list) => list.iter().any(asks),
    }
}

/// Whether people may object to one of these purposes, with the list there or nobody getting through.
pub(super) fn is_objected_to(written: &Map<String, Value>, purposes: &[String]) -> bool {
    items(written, "objections").iter().any(|list| {
        let objected = list
            .as_object()
            .map_or(&[][..], |list| items(list, "purposes"));
        let mut objected = objected.iter().filter_map(Value::as_str);
        let is_optional = list
            .pointer("/remote/on_error")
            .is_some_and(|word| word == "allow");
        !is_optional && objected.any(|purpose| purposes.iter().any(|own| own == purpose))
    })
}

/// How long the API keys of the providers that some rule names are good for.
fn keys(config: &Config, written: &Map<String, Value>, now_s: i64) -> Vec<Value> {
    let used = written.get("providers").and_then(Value::as_object);
    let is_used = |provider: &Provider| used.is_some_and(|used| used.contains_key(&provider.name));
    let providers = config.providers.iter().filter(|provider| is_used(provider));
    let entries = providers.flat_map(|provider| match &provider.kind {
        ProviderKind::ApiKeys(keys) => keys.entries.as_slice(),
        ProviderKind::Token(_) | ProviderKind::Introspection(_) => &[],
    });
    let ends_in = |expires_s: i64| {
        span(Duration::from_secs(
            u64::try_from(expires_s.saturating_sub(now_s)).unwrap_or(0),
        ))
    };
    let rows = entries.map(|key| json!({"id": key.id, "ends_in": key.expires_s.map(ends_in)}));
    rows.collect()
}

/// The limits of failed attempts: by what, and whether somebody who guesses is slowed down.
fn failures(written: &Map<String, Value>) -> Vec<Value> {
    let limits = written.get("failures").and_then(Value::as_object);
    let limits = limits.map_or(&[][..], |failures| items(failures, "limits"));
    let rows = limits.iter().map(|limit| {
        let rate = limit.get("rate").unwrap_or(&Value::Null);
        let of_minute = (MOST_FAILURES, Duration::from_secs(60));
        json!({
            "by": limit.get("key"),
            "is_bounded": is_bounded(rate, limit.get("burst"), of_minute, MOST_FAILURES),
        })
    });
    rows.collect()
}

const MOST_FAILURES: u64 = 100;

/// The methods of RFC 8176 of which it is clear what they prove: what one knows, has and is.
const METHODS: [&[&str]; 3] = [
    &["kba", "pin", "pwd"],
    &["hwk", "otp", "sc", "sms", "swk", "tel"],
    &["face", "fpt", "iris", "retina", "vbm"],
];
/// Scopes of OpenID Connect Core 1.0 (sections 3.1.2.1, 5.4 and 11).
const PROTOCOL_SCOPES: [&str; 6] = [
    "address",
    "email",
    "offline_access",
    "openid",
    "phone",
    "profile",
];
/// Claims whose value says how a token was made and not what its owner may do.
const CLAIMS_OF_ALL: [&str; 13] = [
    "aud",
    "auth_time",
    "azp",
    "email_verified",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "phone_number_verified",
    "token_type",
    "typ",
    "ver",
];
const HOUR: Duration = Duration::from_secs(3_600);
