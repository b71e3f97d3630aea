//! What a configuration asks for and a host cannot do, where nothing less would be safe.

use std::collections::BTreeSet;

use host::Capabilities;
use host::exchange::IdentitySource;
use host::key::KeyPart;
use policy::config::{Problem, Problems};

use crate::config::{Config, Cost, OnMissingKey, Transport};

/// # Errors
/// All that this host cannot do.
pub(crate) fn check(config: &Config, capabilities: &Capabilities) -> Result<(), Problems> {
    let mut problems = Vec::new();
    let mut services = config.services.iter();
    if !capabilities.calls_grpc() && services.any(|service| service.transport == Transport::Grpc) {
        let message = r#"this host makes no gRPC calls; ask the service with "transport": "http""#;
        problems.push(Problem::new("", message));
    }
    if capabilities.calls_per_request() == Some(1) {
        problems.extend(second_call(config));
    }
    if !capabilities.shares_properties() && config.sources.identity == IdentitySource::Property {
        let places = identity_places(config).into_iter();
        problems.extend(places.map(|path| Problem::new(path, NO_IDENTITY)));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Problems::from_list(problems))
    }
}

/// Where a configuration asks who the caller is.
fn identity_places(config: &Config) -> Vec<String> {
    let is_of_caller = |part: &KeyPart| matches!(part, KeyPart::Claim(_) | KeyPart::Consumer);
    let mut places = Vec::new();
    for (place, limit) in config.limits.iter().enumerate() {
        let fallback = match &limit.on_missing_key {
            OnMissingKey::Fallback(parts) => parts.as_slice(),
            _ => &[],
        };
        for (asks, key) in [
            (limit.matches.asks_for_identity(), "match"),
            (limit.key.iter().any(is_of_caller), "key"),
            (fallback.iter().any(is_of_caller), "on_missing_key.fallback"),
        ] {
            if asks {
                places.push(format!("limits[{place}].{key}"));
            }
        }
    }
    if !config.bypass.claims.is_empty() {
        places.push("bypass.claims".to_owned());
    }
    places
}

const NO_IDENTITY: &str = "this host does not hand on who the caller is from filter to filter, so nobody would be \
     known here: set \"identity_from\": \"header\" behind jwt-auth, or use the bundle";

/// A limit that would need a call of its own, beside that of another one: a request may match both.
/// Limits of one service that cost the same, in one mode, are asked about in one call.
fn second_call(config: &Config) -> Option<Problem> {
    let mut calls = BTreeSet::new();
    for (place, limit) in config.limits.iter().enumerate() {
        let Some(service) = limit.service else {
            continue;
        };
        let cost = match &limit.cost {
            Cost::Fixed(cost) => format!("{cost}"),
            Cost::Header { name, max, default } => format!("{name} {max} {default}"),
        };
        calls.insert((service, cost, limit.mode.enforces()));
        if calls.len() > 1 {
            let message = "this host makes one call at a time for each request, and this limit \
                           needs a second one: give all limits one service, one cost and one mode";
            return Some(Problem::new(format!("limits[{place}].service"), message));
        }
    }
    None
}
