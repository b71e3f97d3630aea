//! Checking the credential of a request, and publishing what was verified.

use host::{Host, Request, exchange};

use crate::answer::Detail;
use crate::claims;
use crate::config::{Config, Location, Provider, Requirement};
use crate::credential;
use crate::forward;
use crate::jwks::KeySet;
use crate::keys::{Availability, RemoteKeySet};
use crate::reason::Reason;
use crate::signature::{Algorithm, Engine};
use crate::token::{ACCESS_TOKEN_TYPES, Token};

/// The keys of a provider, as they are at hand.
pub(crate) enum ProviderKeys {
    /// From the configuration.
    Inline(KeySet),
    /// Fetched, or to be fetched by the call.
    Remote {
        set: RemoteKeySet,
        call: Option<host::CallToken>,
    },
}

/// Why a request is not let through.
pub(crate) enum Failure {
    /// Keys are on their way.
    Wait,
    /// The request is refused.
    Refused(Reason, Detail),
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason, Detail::default())
    }
}

/// Checks the credential, cheap tests first, then publishes what was verified.
pub(crate) fn authenticate(
    host: &dyn Host,
    request: &Request,
    config: &Config,
    keys: &mut [ProviderKeys],
    engine: Engine,
    requirement: &Requirement,
    now_ns: u64,
) -> Result<(), Failure> {
    let accepted = |index: &usize| {
        config
            .providers
            .get(*index)
            .map(|provider| (*index, provider))
    };
    let candidates: Vec<(usize, &Provider)> =
        requirement.providers.iter().filter_map(accepted).collect();
    let locations = || {
        candidates
            .iter()
            .flat_map(|(_, provider)| provider.from.iter())
    };
    let text = credential::find(host, request, locations())?;
    let token = Token::parse(&text, &ACCESS_TOKEN_TYPES)?;
    let issuer = token
        .claims
        .member("iss")
        .and_then(policy::json::Json::as_str);
    let (index, provider) = candidates
        .iter()
        .find(|(_, provider)| Some(provider.claims.issuer.as_str()) == issuer)
        .ok_or(Reason::IssuerUnknown)?;
    // A token that was sent where this provider's tokens are not looked for is not its token.
    if !credential::find(host, request, provider.from.iter()).is_ok_and(|found| found == text) {
        return Err(Reason::CredentialMissing.into());
    }
    let algorithm = Algorithm::named(&token.algorithm)
        .filter(|algorithm| provider.algorithms.contains(algorithm))
        .ok_or(Reason::AlgorithmNotAllowed)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds, to a fraction of a microsecond"
    )]
    let now_s = host.wall_clock_ns() as f64 / 1e9;
    provider.claims.check(&token.claims, now_s)?;
    let keys = keys.get_mut(*index).ok_or(Reason::KeysUnavailable)?;
    check_signature(host, keys, engine, &token, algorithm, now_ns)?;

    let identity = claims::identity(&provider.name, &token.claims);
    if !requirement
        .scopes
        .iter()
        .all(|scope| identity.has_scope(scope))
    {
        let detail = Detail {
            scopes: requirement.scopes.clone(),
            retry_after_s: None,
        };
        // Who it was is known, also to the audit trail.
        let _ = exchange::publish_identity(host, &identity);
        return Err(Failure::Refused(Reason::ScopeMissing, detail));
    }
    let _ = exchange::publish_identity(host, &identity);
    if !requirement
        .claims
        .iter()
        .all(|condition| condition.holds(Some(&identity)))
    {
        return Err(Reason::ClaimMismatch.into());
    }
    if !provider.forward {
        let all: Vec<&Location> = locations().collect();
        for location in all {
            credential::strip(host, location);
        }
    }
    forward::set_headers(host, provider, &token.claims, token.payload);
    Ok(())
}

fn check_signature(
    host: &dyn Host,
    keys: &mut ProviderKeys,
    engine: Engine,
    token: &Token<'_>,
    algorithm: Algorithm,
    now_ns: u64,
) -> Result<(), Failure> {
    let known = match keys {
        ProviderKeys::Inline(set) => set,
        ProviderKeys::Remote { set, .. } => {
            let unknown = match set.availability(now_ns) {
                Availability::Soon => return Err(Failure::Wait),
                Availability::Unavailable { retry_after_s } => {
                    let detail = Detail {
                        scopes: Vec::new(),
                        retry_after_s: Some(retry_after_s),
                    };
                    return Err(Failure::Refused(Reason::KeysUnavailable, detail));
                }
                Availability::Keys(keys) => keys
                    .candidates(algorithm, token.key_id.as_deref())
                    .next()
                    .is_none(),
            };
            // Only a name that nobody knows is worth a fetch, not a wrong algorithm without one.
            if unknown && token.key_id.is_some() && set.wants_unknown_key(now_ns) {
                return Err(Failure::Wait);
            }
            match set.availability(now_ns) {
                Availability::Keys(keys) => keys,
                _ => return Err(Reason::KeysUnavailable.into()),
            }
        }
    };
    let mut candidates = known
        .candidates(algorithm, token.key_id.as_deref())
        .peekable();
    if candidates.peek().is_none() {
        return Err(Reason::KeyUnknown.into());
    }
    if candidates.any(|key| engine.verifies(host, token, key)) {
        Ok(())
    } else {
        Err(Reason::SignatureInvalid.into())
    }
}
