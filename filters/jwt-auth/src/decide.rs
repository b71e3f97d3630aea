//! What becomes of a request: the rule, the connection, the callers and what they may do.

use std::rc::Rc;

use host::{Direction, Host, Request};
use policy::facts::Facts as _;
use policy::matching::{Selection, select};
use policy::mode::Mode;

use crate::answer::{Challenge, Detail};
use crate::claims::check_audience;
use crate::config::{Access, Config, Requirement, ResourceMetadata};
use crate::connection;
use crate::inquiry::{Failure, Found};
use crate::reason::Reason;
use crate::verified::Verified;

/// What the filter does with a request.
#[derive(Debug)]
pub(crate) enum Ruling<'c> {
    /// Let it pass.
    Pass {
        rule: &'c str,
        mode: Mode,
        requirement: Option<&'c Requirement>,
        found: Found,
    },
    /// Hold it until keys or an answer are there.
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
    /// Answer with the metadata of the resource.
    Serve(&'c ResourceMetadata),
    /// Refuse it.
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

impl Ruling<'_> {
    /// What was needed of the callers to come to this is not needed any more.
    pub(crate) fn settle(&self) {
        match self {
            Self::Pass { found, .. } => found.callers.iter().for_each(|caller| caller.settle()),
            Self::Refuse { caller, .. } => {
                if let Some(caller) = caller {
                    caller.settle();
                }
            }
            Self::Wait { .. } | Self::Redirect { .. } | Self::Serve(_) => {}
        }
    }
}

/// Decides. `find` verifies the callers that a requirement asks for.
pub(crate) fn rule_on<'c>(
    config: &'c Config,
    host: &dyn Host,
    request: &mut Request,
    find: impl FnOnce(&Request, &Requirement) -> Result<Found, Failure>,
) -> Ruling<'c> {
    if let Some(metadata) = &config.resource_metadata
        && asks_for(request, metadata)
    {
        return Ruling::Serve(metadata);
    }
    let pass = |rule, mode| Ruling::Pass {
        rule,
        mode,
        requirement: None,
        found: Found::default(),
    };
    if config.allows_preflight && is_preflight(host, request) {
        return pass("cors_preflight", config.mode);
    }
    let refuse = |rule, mode, reason| Ruling::Refuse {
        rule,
        mode,
        provider: NO_PROVIDER,
        reason,
        detail: Detail::default(),
        caller: None,
        requirement: None,
    };
    let facts = request.facts(host, &config.sources, Direction::Request);
    let selection = select(config.rules.iter().map(|rule| &rule.matches), &facts);
    let (rule, mode, access) = match selection {
        Selection::Rule(index) => match config.rules.get(index) {
            Some(rule) => (rule.name.as_str(), rule.mode, &rule.access),
            None => return refuse(DEFAULT, config.default.mode, Reason::NoRule),
        },
        Selection::NoRule => (DEFAULT, config.default.mode, &config.default.access),
        Selection::Ambiguous(ambiguity) => {
            return refuse(DEFAULT, config.default.mode, Reason::ambiguous(ambiguity));
        }
        Selection::Unreadable(_) => {
            return refuse(DEFAULT, config.default.mode, Reason::PathUnreadable);
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
        let location = connection::https_location(request)
            .filter(|_| tls.redirect && !connection::is_encrypted(host, request, tls));
        return match location {
            Some(location) => Ruling::Redirect {
                rule,
                mode,
                location,
            },
            None => refuse(rule, mode, reason),
        };
    }
    let provider = provider_name(config, requirement);
    let found = match find(request, requirement) {
        Ok(found) => found,
        Err(Failure::Wait(reason)) => {
            return Ruling::Wait {
                rule,
                mode,
                provider,
                reason,
            };
        }
        Err(Failure::Refused(reason, detail)) => {
            let challenge = Challenge::of(config, requirement);
            return Ruling::Refuse {
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
    let Some(caller) = found.callers.first().cloned() else {
        return Ruling::Pass {
            rule,
            mode,
            requirement: Some(requirement),
            found,
        };
    };
    match check(config, host, request, requirement, &caller) {
        Ok(()) => Ruling::Pass {
            rule,
            mode,
            requirement: Some(requirement),
            found,
        },
        Err((reason, detail)) => Ruling::Refuse {
            rule,
            mode,
            provider: config
                .providers
                .get(caller.provider)
                .map_or(NO_PROVIDER, |provider| provider.name.as_str()),
            reason,
            detail,
            caller: Some(caller),
            requirement: Some(requirement),
        },
    }
}

/// The ruling on a request that no rule can judge for what is in it. It is refused if any rule
/// would refuse anything: no rule may be walked around.
pub(crate) fn uncheckable(config: &Config, reason: Reason) -> Ruling<'_> {
    let mut modes = config.rules.iter().map(|rule| rule.mode);
    let mode = if modes.any(Mode::enforces) {
        Mode::Enforce
    } else {
        config.default.mode
    };
    Ruling::Refuse {
        rule: DEFAULT,
        mode,
        provider: NO_PROVIDER,
        reason,
        detail: Detail::default(),
        caller: None,
        requirement: None,
    }
}

/// The ruling on somebody who cannot wait any longer, or, with a reason of its own, not at all.
pub(crate) fn undecided<'c>(ruling: &Ruling<'c>, instead: Option<Reason>) -> Ruling<'c> {
    let (rule, mode, provider, reason) = match ruling {
        Ruling::Wait {
            rule,
            mode,
            provider,
            reason,
        } => (*rule, *mode, *provider, *reason),
        _ => (DEFAULT, Mode::Enforce, NO_PROVIDER, Reason::KeysUnavailable),
    };
    let reason = instead.unwrap_or(reason);
    Ruling::Refuse {
        rule,
        mode,
        provider,
        reason,
        detail: Detail::retry_after(1),
        caller: None,
        requirement: None,
    }
}

/// What a rule wants of a verified caller.
fn check(
    config: &Config,
    host: &dyn Host,
    request: &mut Request,
    requirement: &Requirement,
    caller: &Verified,
) -> Result<(), (Reason, Detail)> {
    let plain = |reason| (reason, Detail::default());
    if requirement.tls.as_ref().is_some_and(|tls| tls.bound) {
        let bound = caller
            .certificate
            .as_ref()
            .is_some_and(|digest| connection::is_bound_to(host, digest));
        if !bound {
            return Err(plain(Reason::BindingMismatch));
        }
    }
    if !requirement.asks_for_identity() {
        return Ok(());
    }
    let identity = caller.identity();
    let identity = &*identity.ok_or_else(|| plain(Reason::TokenMalformed))?;
    if let Some(audiences) = &requirement.audiences {
        check_audience(&identity.claims.0, audiences).map_err(plain)?;
    }
    let has = |scope: &String| identity.has_scope(scope);
    let any = requirement.scopes_any.is_empty() || requirement.scopes_any.iter().any(has);
    if !any || !requirement.scopes.iter().all(has) {
        let scopes = requirement.scopes.iter().chain(&requirement.scopes_any);
        let detail = Detail {
            scopes: scopes.cloned().collect(),
            ..Detail::default()
        };
        return Err((Reason::ScopeMissing, detail));
    }
    if !requirement
        .claims
        .iter()
        .all(|condition| condition.holds(Some(identity)))
    {
        return Err(plain(Reason::ClaimMismatch));
    }
    if let Some(consent) = &requirement.consent {
        request.set_identity(identity.clone());
        let facts = request.facts(host, &config.sources, Direction::Request);
        if !consent.holds(facts.consent()) {
            return Err(plain(Reason::ConsentMissing));
        }
    }
    Ok(())
}

fn asks_for(request: &Request, metadata: &ResourceMetadata) -> bool {
    matches!(request.method(), "GET" | "HEAD" | "OPTIONS")
        && request.raw_path().starts_with(b"/.well-known/")
        && request
            .path()
            .is_ok_and(|path| path.readings().len() == 1 && path.canonical() == metadata.path)
}

/// The question that browsers ask before a request of another origin (the Fetch standard, section
/// 3.2.2); it never carries credentials.
fn is_preflight(host: &dyn Host, request: &Request) -> bool {
    request.method() == "OPTIONS"
        && request.header(host, "origin").is_some()
        && request
            .header(host, "access-control-request-method")
            .is_some()
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

const DEFAULT: &str = "default";
pub(crate) const NO_PROVIDER: &str = "none";
