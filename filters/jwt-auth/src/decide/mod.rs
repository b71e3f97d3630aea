//! Decides about a request: its rule, its connection, its callers and what they may do.

pub(crate) mod connection;
mod preflight;

use std::rc::Rc;

use host::{Direction, Host, Moment, Request};
use policy::claim::ClaimCondition;
use policy::explain::{self, Condition, Step};
use policy::facts::Facts;
use policy::filters::JWT_AUTH;
use policy::identity::Identity;
use policy::json::Json;
use policy::matching::{Fit, Selection, candidates, select};
use policy::mode::Mode;

use crate::config::{Access, Config, GPC_PATH, Optional, Providers, Requirement, StepUp};
use crate::enforce::challenge::{Challenge, Detail};
use crate::reason::Reason;
use crate::token::claims::{self, check_audience};
use crate::verify::context::{Authenticated, Failure};
use crate::verify::verified::Verified;

/// What the filter does with a request.
#[derive(Debug)]
pub(crate) enum AuthDecision<'c> {
    /// The request passes.
    Pass {
        rule: &'c str,
        mode: Mode,
        requirement: Option<&'c Requirement>,
        found: Authenticated,
    },
    /// Hold it until keys or a response arrive.
    Wait {
        rule: &'c str,
        mode: Mode,
        provider: &'c str,
        /// What it comes to if they do not arrive.
        reason: Reason,
    },
    /// Send the client to where there is TLS.
    Redirect {
        rule: &'c str,
        mode: Mode,
        location: String,
    },
    /// Respond with a public document: the name of what it is, and its text.
    Serve(&'static str, &'c str),
    /// The request is refused.
    Refuse {
        rule: &'c str,
        mode: Mode,
        /// Who vouches for such callers, or `none`.
        provider: &'c str,
        reason: Reason,
        detail: Detail,
        /// Who it was, where that is known.
        caller: Option<Rc<Verified>>,
        requirement: Option<&'c Requirement>,
    },
}

impl<'c> AuthDecision<'c> {
    /// The decision on a request that asks for more than it may, by the mode of the filter.
    pub(crate) fn over_limit(config: &'c Config, reason: Reason) -> Self {
        Self::Refuse {
            rule: "requests",
            mode: config.mode,
            provider: NO_PROVIDER,
            reason,
            detail: Detail::default(),
            caller: None,
            requirement: None,
        }
    }
}

impl AuthDecision<'_> {
    /// What was needed of the callers to come to this is not needed any more.
    pub(crate) fn drop_parsed_identities(&self) {
        match self {
            Self::Pass { found, .. } => found
                .callers
                .iter()
                .for_each(|caller| caller.drop_parsed_identity()),
            Self::Refuse { caller, .. } => {
                if let Some(caller) = caller {
                    caller.drop_parsed_identity();
                }
            }
            Self::Wait { .. } | Self::Redirect { .. } | Self::Serve(..) => {}
        }
    }
}

/// Decides. `find` verifies the callers that a requirement asks for, under a rule of this mode.
pub(crate) fn decide<'c>(
    config: &'c Config,
    host: &dyn Host,
    request: &mut Request,
    now: &Moment<'_>,
    find: impl FnOnce(&Request, &Requirement, Mode) -> Result<Authenticated, Failure>,
) -> AuthDecision<'c> {
    if let Some((name, document)) = document(config, host, request) {
        return AuthDecision::Serve(name, document);
    }
    let pass = |rule, mode| AuthDecision::Pass {
        rule,
        mode,
        requirement: None,
        found: Authenticated::default(),
    };
    if config.allows_preflight
        && preflight::is_preflight(host, request)
        && preflight::may_be_allowed(config, host, request)
    {
        return pass("cors_preflight", config.mode);
    }
    let refuse = |rule, mode, reason| AuthDecision::Refuse {
        rule,
        mode,
        provider: NO_PROVIDER,
        reason,
        detail: Detail::default(),
        caller: None,
        requirement: None,
    };
    let facts = request.facts(host, Direction::Request);
    explain::note(|| Step::Choosing {
        filter: JWT_AUTH,
        about: "request",
    });
    let selection = select(config.rules.iter().map(|rule| &rule.matches), &facts);
    let (rule, mode, access) = match selection {
        Selection::Rule(index) => match config.rules.get(index) {
            Some(rule) => (rule.name.as_str(), rule.mode, &rule.access),
            None => return refuse(DEFAULT, config.default.mode, Reason::NoRule),
        },
        Selection::NoRule => (DEFAULT, config.default.mode, &config.default.access),
        Selection::Ambiguous(ambiguity) => {
            let mode = unclear_mode(config, &facts);
            return refuse(DEFAULT, mode, Reason::ambiguous(ambiguity));
        }
        Selection::Unreadable(_) => {
            let mode = unclear_mode(config, &facts);
            return refuse(DEFAULT, mode, Reason::PathUnreadable);
        }
    };
    let requirement = match access {
        Access::Anonymous => return pass(rule, mode),
        Access::Deny => return refuse(rule, mode, Reason::NoRule),
        Access::Require(requirement) => requirement,
    };
    if let Some(tls) = &requirement.tls
        && let Err(reason) = connection::check(host, request, tls)
    {
        let location = connection::https_location(host, request)
            .filter(|_| tls.redirect && !connection::is_encrypted(host, request, tls));
        return match location {
            Some(location) => AuthDecision::Redirect {
                rule,
                mode,
                location,
            },
            None => refuse(rule, mode, reason),
        };
    }
    let provider = provider_name(config, requirement);
    let found = match find(request, requirement, mode) {
        Ok(found) => found,
        Err(Failure::Wait(reason)) => {
            return AuthDecision::Wait {
                rule,
                mode,
                provider,
                reason,
            };
        }
        Err(Failure::Refused(reason, detail)) => {
            let challenge = Challenge::of(config, requirement);
            return AuthDecision::Refuse {
                rule,
                mode,
                provider,
                reason,
                detail: Detail {
                    challenge,
                    ..detail
                },
                caller: None,
                requirement: Some(requirement),
            };
        }
    };
    let caller = found.callers.first().cloned();
    if caller.is_none() && requirement.optional == Optional::No && requirement.asks_for_identity() {
        // Nobody vouches for the caller but a certificate that this host does not tell.
        return refuse(rule, mode, Reason::ClientCertificateRequired);
    }
    match check(host, request, requirement, &found.callers, now) {
        Ok(()) => AuthDecision::Pass {
            rule,
            mode,
            requirement: Some(requirement),
            found,
        },
        Err((reason, detail)) => AuthDecision::Refuse {
            rule,
            mode,
            provider: caller
                .as_ref()
                .and_then(|caller| config.providers.get(caller.provider))
                .map_or(NO_PROVIDER, |provider| provider.name.as_str()),
            reason,
            detail,
            caller,
            requirement: Some(requirement),
        },
    }
}

/// The mode of a request of which it is not clear which rule is about it: the strictest of those that it
/// may fall under, or it would walk around the one that enforces. A path that cannot be read may be any.
fn unclear_mode(config: &Config, facts: &dyn Facts) -> Mode {
    let rules = config.rules.iter().map(|rule| &rule.matches);
    let (found, may_be_none) = explain::unheard(|| candidates(rules, facts));
    let mut modes = found.iter().filter_map(|index| config.rules.get(*index));
    let enforces = modes.any(|rule| rule.mode.enforces());
    match enforces || (may_be_none && config.default.mode.enforces()) {
        true => Mode::Enforce,
        false => Mode::Report,
    }
}

/// The decision on a request that no rule can judge for what is in it.
pub(crate) fn uncheckable<'c>(mode: Mode, reason: Reason) -> AuthDecision<'c> {
    AuthDecision::Refuse {
        rule: DEFAULT,
        mode,
        provider: NO_PROVIDER,
        reason,
        detail: Detail::default(),
        caller: None,
        requirement: None,
    }
}

/// The decision on somebody who cannot wait any longer, or, with a reason of its own, not at all.
pub(crate) fn undecided<'c>(
    decision: &AuthDecision<'c>,
    instead: Option<Reason>,
) -> AuthDecision<'c> {
    let (rule, mode, provider, reason) = match decision {
        AuthDecision::Wait {
            rule,
            mode,
            provider,
            reason,
        } => (*rule, *mode, *provider, *reason),
        _ => (DEFAULT, Mode::Enforce, NO_PROVIDER, Reason::KeysUnavailable),
    };
    let reason = instead.unwrap_or(reason);
    AuthDecision::Refuse {
        rule,
        mode,
        provider,
        reason,
        detail: Detail::retry_after(1),
        caller: None,
        requirement: None,
    }
}

/// What a rule wants of the verified callers. Where it wants several, each condition is met by one
/// of them, but for consent, which is that of the first, who is the caller for everybody else. Where
/// no credential is needed and none is there, consent is what the request itself says of it.
fn check(
    host: &dyn Host,
    request: &mut Request,
    requirement: &Requirement,
    callers: &[Rc<Verified>],
    now: &Moment<'_>,
) -> Result<(), (Reason, Detail)> {
    let plain = |reason| (reason, Detail::default());
    if callers.is_empty() {
        return check_consent(host, request, requirement);
    }
    // A rule that asks for one caller is not met by what several have between them, however many credentials
    // the request brings.
    let (callers, others) = match requirement.providers {
        Providers::AnyOf(_) => callers.split_at_checked(1).unwrap_or((callers, &[])),
        Providers::AllOf(_) => (callers, &[][..]),
    };
    if requirement.tls.as_ref().is_some_and(|tls| tls.bound) {
        let is_bound = |caller: &Rc<Verified>| {
            let digest = caller.certificate.as_ref();
            digest.is_some_and(|digest| connection::is_bound_to(host, digest))
        };
        // Who steals a token has a bound one of his own to show beside it.
        if !callers.iter().any(is_bound) || !others.iter().all(is_bound) {
            return Err(plain(Reason::BindingMismatch));
        }
    }
    if !requirement.asks_for_identity() {
        return Ok(());
    }
    let identities: Option<Vec<Rc<Identity>>> =
        callers.iter().map(|caller| caller.identity()).collect();
    let identities = identities.ok_or_else(|| plain(Reason::TokenMalformed))?;
    if let Some(audiences) = &requirement.audiences {
        let others = others.iter().filter_map(|other| other.identity());
        let all: Vec<Rc<Identity>> = identities.iter().cloned().chain(others).collect();
        check_audiences(&all, &identities, audiences).map_err(plain)?;
    }
    let has = |scope: &String| identities.iter().any(|identity| identity.has_scope(scope));
    let any = requirement.scopes_any.is_empty() || requirement.scopes_any.iter().any(has);
    if !any || !requirement.scopes.iter().all(has) {
        explain::note(|| {
            let granted = identities.iter().flat_map(|identity| &identity.scopes);
            let granted: Vec<&str> = granted.map(String::as_str).collect();
            let (key, wanted) = match requirement.scopes.iter().all(has) {
                true => ("scopes_any", &requirement.scopes_any),
                false => ("scopes", &requirement.scopes),
            };
            Step::Lacks(Condition::new(key, wanted, granted.join(" ")))
        });
        let scopes = requirement.scopes.iter().chain(&requirement.scopes_any);
        let detail = Detail {
            scopes: scopes.cloned().collect(),
            ..Detail::default()
        };
        return Err((Reason::ScopeMissing, detail));
    }
    let facts = request.facts(host, Direction::Request);
    for condition in &requirement.claims {
        check_claim(&facts, condition, &identities).map_err(plain)?;
    }
    let step_up = &requirement.step_up;
    let logged_in = |identity: &Rc<Identity>| has_logged_in(step_up, identity, now);
    if *step_up != StepUp::default() && !identities.iter().any(logged_in) {
        let detail = Detail {
            step_up: step_up.clone(),
            ..Detail::default()
        };
        return Err((Reason::InsufficientAuthentication, detail));
    }
    if requirement.consent.is_some()
        && let (Some(caller), Some(first)) = (callers.first(), identities.first())
    {
        let known = caller.context();
        request.set_identity(Identity {
            agreed: known.agreed,
            objects_to: known.objects_to,
            opted_out: known.opted_out,
            emergency: known.emergency,
            ..first.as_ref().clone()
        });
    }
    check_consent(host, request, requirement)
}

/// What the caller must have agreed to, by the request and by the identity that is known.
fn check_consent(
    host: &dyn Host,
    request: &Request,
    requirement: &Requirement,
) -> Result<(), (Reason, Detail)> {
    let Some(consent) = &requirement.consent else {
        return Ok(());
    };
    let facts = request.facts(host, Direction::Request);
    let given = facts.consent();
    if consent.holds(given) {
        return Ok(());
    }
    explain::note(|| Step::Lacks(consent.told("consent", given)));
    let missing = consent.missing(given);
    // Who may have agreed is told to come again, and not that it was refused.
    let is_unknown = !missing.is_empty() && missing.iter().all(|purpose| given.is_unknown(purpose));
    let detail = Detail {
        purposes: missing.into_iter().map(str::to_owned).collect(),
        ..Detail::default()
    };
    let reason = match is_unknown {
        true => Reason::ConsentUnavailable,
        false => Reason::ConsentMissing,
    };
    Err((reason, detail))
}

/// One of the callers meets a condition, under every reading of the request.
fn check_claim(
    facts: &dyn Facts,
    condition: &ClaimCondition,
    identities: &[Rc<Identity>],
) -> Result<(), Reason> {
    let mut reason = if condition.is_about_object() {
        Reason::ObjectNotOwned
    } else {
        Reason::ClaimMismatch
    };
    for identity in identities {
        match condition.fit(Some(identity), facts) {
            Fit::Yes => return Ok(()),
            Fit::Maybe(ambiguity) => reason = Reason::ambiguous(ambiguity),
            Fit::No => {}
        }
    }
    explain::note(|| {
        let first = identities.first().map(|identity| &**identity);
        Step::Lacks(condition.told("claims", first, facts))
    });
    Err(reason)
}

/// Whether the caller has logged in as the rule wants it, and not too long ago. Who has not said when
/// or how has not.
fn has_logged_in(step_up: &StepUp, identity: &Identity, now: &Moment<'_>) -> bool {
    let how = identity.claim("acr").and_then(Json::as_str);
    let is_strong = step_up.acr_values.is_empty()
        || how.is_some_and(|acr| step_up.acr_values.iter().any(|wanted| wanted == acr));
    let is_recent = step_up.max_age.is_none_or(|max_age| {
        let when = claims::date(&identity.claims.0, "auth_time").ok().flatten();
        when.is_some_and(|when_s| {
            let age_s = now.wall_s() - when_s;
            (-MAX_CLOCK_SKEW_S..=max_age.as_secs_f64()).contains(&age_s)
        })
    });
    is_strong && is_recent
}

/// Every credential that is for somebody is for one of these, and of those who answer for the request at
/// least one is: API keys and certificates are for nobody in particular.
fn check_audiences(
    identities: &[Rc<Identity>],
    answering: &[Rc<Identity>],
    accepted: &[String],
) -> Result<(), Reason> {
    let is_for_somebody = |identity: &&Rc<Identity>| identity.claims.0.member("aud").is_some();
    if !answering.iter().any(|identity| is_for_somebody(&identity)) {
        return Err(Reason::AudienceMismatch);
    }
    let mut named = identities.iter().filter(is_for_somebody);
    named.try_for_each(|identity| check_audience(&identity.claims.0, accepted))
}

/// The public document that a request asks for: its name, and its text. What only reports leaves the
/// request to the rules, and the response to the upstream.
fn document<'c>(
    config: &'c Config,
    host: &dyn Host,
    request: &Request,
) -> Option<(&'static str, &'c str)> {
    if !config.mode.enforces() {
        return None;
    }
    if let Some(metadata) = &config.resource_metadata
        && asks_for(host, request, &metadata.path)
    {
        return Some(("resource_metadata", &metadata.document));
    }
    let resource = config.gpc_status.as_ref()?.resource.as_ref()?;
    asks_for(host, request, GPC_PATH).then_some(("gpc", resource))
}

fn asks_for(host: &dyn Host, request: &Request, wanted: &str) -> bool {
    matches!(request.method(host), "GET" | "HEAD" | "OPTIONS")
        && request.raw_path(host).starts_with(b"/.well-known/")
        && request
            .path(host)
            .is_ok_and(|path| path.readings().len() == 1 && path.canonical() == wanted)
}

/// The one provider that a requirement names.
fn provider_name<'c>(config: &'c Config, requirement: &Requirement) -> &'c str {
    match requirement.providers.list() {
        [] => NO_PROVIDER,
        [index] => config
            .providers
            .get(*index)
            .map_or(NO_PROVIDER, |provider| provider.name.as_str()),
        _ => "several",
    }
}

/// How far ahead the clock of an issuer may be.
const MAX_CLOCK_SKEW_S: f64 = 60.0;
const DEFAULT: &str = "default";
pub(crate) const NO_PROVIDER: &str = "none";
