//! For which requests, callers and credentials something is done: asked here, for all filters.
//!
//! A value counts where it is one of those that are known to be good. Of any other nobody can tell.

use std::time::Duration;

use host::key::{KeyPart, OnMissingKey};
use policy::client_address::{IpRange, Prefixes};
use policy::config;
use policy::matching::Match;
use policy::units::Rate;
use serde_json::{Map, Value};

/// Whether every request fulfils a condition.
pub(super) fn is_of_all(matches: &Match) -> bool {
    let all = read_match(&serde_json::json!({"paths": ["/**"]}));
    all.is_some_and(|all| matches.covers(&all))
}

/// The same of the condition of a rule as it is written, whatever it says about consent.
pub(super) fn is_of_all_but_consent(rule: &Value) -> bool {
    let Some(mut members) = rule.get("match").and_then(Value::as_object).cloned() else {
        return true;
    };
    members.remove("consent");
    read_match(&Value::Object(members)).is_some_and(|read| is_of_all(&read))
}

/// A condition as it is written.
pub(super) fn read_match(written: &Value) -> Option<Match> {
    config::read(&written.to_string(), |node| Match::read(&node)).ok()
}

/// Whether a rule is about nothing but the paths by which orchestrators ask whether something lives.
pub(super) fn is_about_health(rule: Option<&Value>) -> bool {
    let paths = rule.and_then(|rule| rule.get("match")?.get("paths")?.as_array());
    paths.is_some_and(|paths| {
        let mut paths = paths.iter().map(Value::as_str);
        paths.all(|path| path.is_some_and(|path| HEALTH.contains(&path)))
    })
}

/// Whether the key of a bucket, and the one in its place, tell callers apart, by what none of them can
/// choose: a header, a parameter, a cookie, a host and a method have another value whenever a client
/// wants one.
pub(super) fn tells_callers_apart(
    key: &[KeyPart],
    on_missing_key: &OnMissingKey,
    addresses: Prefixes,
) -> bool {
    let is_caller = |part: &KeyPart| match part {
        // What is left of an address is a network of one customer.
        KeyPart::Ip => addresses.v4 >= 24 && addresses.v6 >= 48,
        KeyPart::Consumer => true,
        KeyPart::Claim(claim) => CALLER_CLAIMS.contains(&claim.as_str()),
        _ => false,
    };
    let tells = |key: &[KeyPart]| {
        let is_fixed = |part: &KeyPart| matches!(part, KeyPart::Route | KeyPart::Constant);
        key.iter().any(is_caller) && key.iter().all(|part| is_caller(part) || is_fixed(part))
    };
    tells(key)
        && match on_missing_key {
            OnMissingKey::Fallback(parts) => tells(parts),
            OnMissingKey::Skip | OnMissingKey::Deny | OnMissingKey::Shared => true,
        }
}

/// Whether a rate as it is written is at most `most` in `period`, and no more than `burst` come at once.
pub(super) fn is_bounded(
    rate: &Value,
    burst: Option<&Value>,
    (most, period): (u64, Duration),
    most_at_once: u64,
) -> bool {
    let Some(rate) = rate.as_str().and_then(|text| Rate::parse(text).ok()) else {
        return false;
    };
    let at_once = burst.and_then(Value::as_u64).unwrap_or(rate.count);
    let count = u128::from(rate.count) * period.as_nanos();
    count <= u128::from(most) * rate.period.as_nanos() && at_once <= most_at_once
}

/// Whether ranges of addresses are those of networks of one's own, or a few small ones.
pub(super) fn are_few_addresses(ranges: Option<&Value>) -> bool {
    let Some(ranges) = ranges.and_then(Value::as_array) else {
        return true;
    };
    let is_own = |range: &IpRange| {
        let mut own = OWN_NETWORKS
            .iter()
            .filter_map(|own| IpRange::parse(own).ok());
        own.any(|own| range.is_within(&own))
    };
    let mut public = 0_usize;
    ranges.iter().all(|text| {
        let text = text.as_str().unwrap_or_default();
        let Ok(range) = IpRange::parse(text) else {
            return false;
        };
        if is_own(&range) {
            return true;
        }
        public += 1;
        let address = text.split('/').next().unwrap_or_default();
        let bits = if address.contains(':') { 48 } else { 24 };
        let small = IpRange::parse(&format!("{address}/{bits}"));
        small.is_ok_and(|small| range.is_within(&small)) && public <= MAX_PUBLIC_RANGES
    })
}

/// Whether a condition on a claim names what the claim must be. One that it exists, begins or fits an
/// expression may hold for everybody.
pub(super) fn names_a_value(condition: &Value) -> bool {
    let mut tests = VALUE_TESTS.iter();
    tests.any(|test| condition.get(test).is_some())
}

/// What a member of a configuration lists.
pub(super) fn items<'c>(of: &'c Map<String, Value>, key: &str) -> &'c [Value] {
    let list = of.get(key).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// Conditions on claims that name a value.
pub(super) const VALUE_TESTS: [&str; 6] = [
    "equals",
    "in",
    "contains",
    "all",
    "at_least",
    "greater_than",
];
const HEALTH: [&str; 14] = [
    "/-/healthy",
    "/-/ready",
    "/actuator/health",
    "/health",
    "/health-check",
    "/health/live",
    "/health/ready",
    "/healthcheck",
    "/healthz",
    "/liveness",
    "/livez",
    "/readiness",
    "/readyz",
    "/startupz",
];

/// Claims of which a caller, a customer or a client has one value.
const CALLER_CLAIMS: [&str; 17] = [
    "account_id",
    "appid",
    "azp",
    "cid",
    "client_id",
    "customer_id",
    "email",
    "oid",
    "org",
    "org_id",
    "preferred_username",
    "sub",
    "tenant",
    "tenant_id",
    "tid",
    "uid",
    "user_id",
];

/// Private addresses, those of carriers' networks, of a link and of the host itself.
const OWN_NETWORKS: [&str; 9] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
];
const MAX_PUBLIC_RANGES: usize = 64;
