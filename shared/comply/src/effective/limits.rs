//! Whom token-bucket limits, and to what.

use std::time::Duration;

use policy::config::Configuration;
use policy::mode::OnError;
use serde_json::{Map, Value, json};
use token_bucket::config::{Config, OnMissingKey};

use super::mode_word;
use super::reach::{
    are_few_addresses, is_bounded, is_of_all, items, names_a_value, tells_callers_apart,
};

/// `rules`: each limit, and whether it counts each request by who sent it.
pub(super) fn effective(text: &str, config: &Map<String, Value>) -> Option<Value> {
    let read = Config::parse(text).ok()?;
    let bypass = config.get("bypass").and_then(Value::as_object);
    let is_narrow = bypass.is_none_or(|bypass| {
        let claims = items(bypass, "claims");
        are_few_addresses(bypass.get("ips")) && claims.iter().all(names_a_value)
    });
    let addresses = read.sources.client_address.prefixes;
    let limits = read.limits.iter().zip(items(config, "limits"));
    let rules = limits.map(|(limit, written)| {
        json!({
            "mode": mode_word(limit.mode),
            "is_by_caller": tells_callers_apart(&limit.key, &limit.on_missing_key, addresses),
            "is_bounded": windows(written).any(|window| {
                let rate = window.get("rate").unwrap_or(&Value::Null);
                is_bounded(rate, window.get("burst"), (1_000, SECOND), MOST_AT_ONCE)
            }),
            "everywhere": is_narrow
                && is_of_all(&limit.matches)
                && limit.on_missing_key != OnMissingKey::Skip
                && limit.on_error.storage == OnError::Deny,
        })
    });
    Some(json!({ "rules": rules.collect::<Vec<_>>() }))
}

/// The rates that a limit has; what a service counts, its own configuration says.
fn windows(limit: &Value) -> impl Iterator<Item = &Value> {
    let several = limit.get("windows").and_then(Value::as_array);
    several.into_iter().flatten().chain([limit])
}

const SECOND: Duration = Duration::from_secs(1);
const MOST_AT_ONCE: u64 = 10_000;
