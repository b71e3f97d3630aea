//! Filters that go by the caller, where nothing says who that is.
//!
//! On Envoy the identity that jwt-auth has verified goes on to the filters behind it as a property, in the bundle in
//! memory, and on APISIX and Kong as a header, which jwt-auth takes out of every request first.

use audit_emitter::config::Config as AuditEmitter;
use host::exchange::IdentitySource;
use host::key::{KeyPart, OnMissingKey};
use meshward_bundle::config::{Part, split};
use pii_redactor::config::Config as PiiRedactor;
use policy::config::{Configuration as _, Warning};
use policy::filters::JWT_AUTH;
use policy::json::Json;
use token_bucket::config::Config as TokenBucket;

use super::plugin::{Host, Site};
use super::tree::Tree;
use super::wiring::Fault;
use super::{BUNDLE, codes};

/// The filters of one document of a manifest that go by a caller whom nobody has verified.
pub(super) fn of_sites(source: &str, sites: &[(Site<'_>, Option<Json>)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (site, config) in sites {
        let Some(config) = config.as_ref() else {
            continue;
        };
        let text = config.to_string();
        if verifies(site.filter, config) || site.filter == JWT_AUTH {
            continue;
        }
        let mut tellers = sites.iter().filter(|(other, config)| {
            let config = config.as_ref();
            let tells = config.is_some_and(|config| verifies(other.filter, config));
            tells && is_beside(other, site)
        });
        let is_told = tellers.next().is_some();
        let knows_chain = site
            .chain
            .is_some_and(|(list, _)| is_whole(list, site.host));
        for (part, text) in parts(site.filter, &text) {
            let within = |warning: Warning| match site.filter {
                BUNDLE => warning.under(part.key()),
                _ => warning,
            };
            let of_header = of_header(part, &text, site.host, is_told, knows_chain);
            let found = of_header.or_else(|| match knows_chain && !is_told {
                true => asks(part, &text),
                false => None,
            });
            if let Some(warning) = found.map(within) {
                let problem = warning.problem();
                faults.push(Fault {
                    code: codes::of_warning(warning.code()),
                    is_error: false,
                    bypasses: Vec::new(),
                    span: site.place(source, problem.path()),
                    message: format!("{}: {}", problem.path(), problem.message()),
                });
            }
        }
    }
    faults
}

/// Parts of a bundle without `auth` that go by the caller.
pub(super) fn of_bundle(text: &str) -> Vec<Warning> {
    let Ok(config) = Json::parse(text.as_bytes()) else {
        return Vec::new();
    };
    let is_from_header = |text: &str| {
        let json = Json::parse(text.as_bytes()).unwrap_or(Json::Null);
        json.member("identity_from").and_then(Json::as_str) == Some("header")
    };
    if verifies(BUNDLE, &config) {
        return Vec::new();
    }
    let parts = split(text).parts.into_iter();
    let parts = parts.filter(|part| !is_from_header(&part.json));
    parts
        .filter_map(|part| Some(asks(part.part, &part.json)?.under(part.part.key())))
        .collect()
}

/// The parts that a configuration has, each with its own configuration.
fn parts(filter: &str, text: &str) -> Vec<(Part, String)> {
    if filter == BUNDLE {
        let parts = split(text).parts.into_iter();
        return parts.map(|part| (part.part, part.json)).collect();
    }
    let part = Part::of_filter(filter).into_iter();
    part.map(|part| (part, text.to_owned())).collect()
}

/// Whether a filter tells those behind it who the caller is.
fn verifies(filter: &str, config: &Json) -> bool {
    filter == JWT_AUTH || filter == BUNDLE && config.member(Part::Auth.key()).is_some()
}

/// Whether a filter is before another one, as far as the manifest says where they are.
fn is_beside(other: &Site<'_>, site: &Site<'_>) -> bool {
    match (other.chain, site.chain) {
        // One that is behind is for the order of the chain to say.
        (Some((list, _)), Some((own, _))) => std::ptr::eq(list, own),
        _ => true,
    }
}

/// Whether a list has all filters that requests pass.
fn is_whole(list: &Tree, host: Host) -> bool {
    let is_router =
        |item: &Tree| item.get("name").and_then(Tree::text) == Some("envoy.filters.http.router");
    match host {
        Host::Envoy => list.items().iter().any(is_router),
        Host::Kong | Host::EnvoyGateway => true,
        Host::Istio | Host::Higress | Host::Apisix => false,
    }
}

/// What is wrong with an identity that is read from the header.
fn of_header(
    part: Part,
    text: &str,
    host: Host,
    is_told: bool,
    knows_chain: bool,
) -> Option<Warning> {
    let source = match part {
        Part::Limits => TokenBucket::check(text).result.ok()?.sources.identity,
        Part::Redact => PiiRedactor::check(text).result.ok()?.sources.identity,
        Part::Audit => AuditEmitter::check(text).result.ok()?.sources.identity,
        Part::Auth => return None,
    };
    if source != IdentitySource::Header {
        return None;
    }
    let message = match (host.is_limited(), is_told) {
        (false, true) => {
            "on Envoy jwt-auth hands the identity on as a property and takes the header out of requests, so nobody is known here; leave it out"
        }
        (false, false) => {
            "x-meshward-identity is what the client says, so anybody can be anybody; leave it out, and let jwt-auth stand before this filter"
        }
        (true, false) if knows_chain => {
            "no jwt-auth stands before this filter, so x-meshward-identity is what the client says, and anybody can be anybody"
        }
        (true, _) => return None,
    };
    Some(Warning::new(
        "identity_from_client",
        "identity_from",
        message,
    ))
}

/// The first key that goes by the caller, and what happens where nobody knows one.
fn asks(part: Part, text: &str) -> Option<Warning> {
    let (path, then) = match part {
        Part::Limits => of_limits(text)?,
        Part::Redact => of_redact(text)?,
        Part::Audit => of_audit(text)?,
        Part::Auth => return None,
    };
    let message = format!(
        "goes by the caller, and no jwt-auth stands before this filter, so there is none: {then}"
    );
    Some(Warning::new("caller_unknown", path, message))
}

fn of_limits(text: &str) -> Option<(String, &'static str)> {
    let config = TokenBucket::check(text).result.ok()?;
    for (place, limit) in config.limits.iter().enumerate() {
        if limit.matches.asks_for_identity() {
            return Some((
                format!("limits[{place}].match"),
                "the limit counts no request",
            ));
        }
        if let Some(part) = limit.key.iter().position(is_of_caller) {
            let then = match &limit.on_missing_key {
                OnMissingKey::Skip => "the limit counts no request",
                OnMissingKey::Deny => "every request is refused",
                OnMissingKey::Shared => "all clients share one bucket",
                OnMissingKey::Fallback(_) => "every request counts by the fallback",
            };
            return Some((format!("limits[{place}].key[{part}]"), then));
        }
    }
    let has_claims = !config.bypass.claims.is_empty();
    has_claims.then(|| ("bypass.claims".to_owned(), "nobody bypasses the limits"))
}

fn of_redact(text: &str) -> Option<(String, &'static str)> {
    let config = PiiRedactor::check(text).result.ok()?;
    for (place, rule) in config.rules.iter().enumerate() {
        if rule.matches.asks_for_identity() {
            return Some((format!("rules[{place}].match"), "the rule never applies"));
        }
        if !rule.unless.is_empty() {
            return Some((format!("rules[{place}].unless"), "nobody is exempt"));
        }
    }
    for (place, budget) in config.data_budgets.iter().enumerate() {
        if let Some(part) = budget.key.iter().position(is_of_caller) {
            let then = match &budget.on_missing_key {
                OnMissingKey::Skip => "the budget counts nothing",
                OnMissingKey::Deny => "every request is refused",
                OnMissingKey::Shared => "all clients share one budget",
                OnMissingKey::Fallback(_) => "every request counts by the fallback",
            };
            return Some((format!("budget[{place}].key[{part}]"), then));
        }
    }
    None
}

fn of_audit(text: &str) -> Option<(String, &'static str)> {
    let config = AuditEmitter::check(text).result.ok()?;
    let place = config
        .rules
        .iter()
        .position(|rule| rule.matches.asks_for_identity())?;
    Some((format!("rules[{place}].match"), "the rule never applies"))
}

const fn is_of_caller(part: &KeyPart) -> bool {
    matches!(part, KeyPart::Claim(_) | KeyPart::Consumer)
}
