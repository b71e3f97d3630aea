//! What audit-emitter records, by rule.

use audit_emitter::config::{Assurance, Config, Level, Rule};
use policy::config::Configuration;
use serde_json::{Map, Value, json};

use super::{is_of_all, mode_word};

/// The rules that requests reach, the last of them for all that no other is about. A witness that is
/// the store itself is none.
pub(super) fn effective(text: &str, config: &mut Map<String, Value>) -> Option<Value> {
    let read = Config::parse(text).ok()?;
    let sink = config.get("sink").cloned();
    let chain = config.get_mut("chain").and_then(Value::as_object_mut);
    if let Some(chain) = chain
        && let (Some(witness), Some(sink)) = (chain.get("witness"), sink.as_ref())
        && (witness == sink || clusters(witness).is_some_and(|one| Some(one) == clusters(sink)))
    {
        chain.remove("witness");
    }
    let count = read.rules.iter().position(|rule| is_of_all(&rule.matches));
    let (own, rest) = match count {
        Some(last) => (last, read.rules.get(last)),
        None => (read.rules.len(), Some(&read.default_rule)),
    };
    let mut rules: Vec<Value> = Vec::new();
    for (index, rule) in read.rules.iter().enumerate().take(own) {
        let mut earlier = read.rules.iter().take(index);
        if !earlier.any(|first| first.matches.covers(&rule.matches)) {
            let mut row = row(rule, false);
            let written = config.get("rules").and_then(|rules| rules.get(index));
            if let Some(members) = row.as_object_mut() {
                members.insert(
                    "is_about_health".to_owned(),
                    is_about_health(written).into(),
                );
            }
            rules.push(row);
        }
    }
    rules.extend(rest.map(|rule| row(rule, true)));
    Some(json!({ "rules": rules }))
}

/// The cluster that a sink or a witness sends to.
fn clusters(destination: &Value) -> Option<&str> {
    let mut kinds = destination.as_object()?.values();
    kinds.find_map(|kind| kind.get("cluster")?.as_str())
}

/// Whether a rule is about nothing but the paths by which orchestrators ask whether something lives.
fn is_about_health(rule: Option<&Value>) -> bool {
    let paths = rule.and_then(|rule| rule.get("match")?.get("paths")?.as_array());
    paths.is_some_and(|paths| {
        let mut paths = paths.iter().filter_map(Value::as_str);
        paths.all(|path| HEALTH.contains(&path.trim_end_matches('z')))
    })
}

const HEALTH: [&str; 7] = [
    "/health",
    "/healthcheck",
    "/live",
    "/liveness",
    "/ping",
    "/read",
    "/ready",
];

fn row(rule: &Rule, is_rest: bool) -> Value {
    let keep = rule.retention.keep;
    let span = |time: std::time::Duration| format!("{}s", time.as_secs());
    let mut row = json!({
        "mode": mode_word(rule.mode),
        "level": rule.level.as_str(),
        "is_rest": is_rest,
        "is_sampled": !rule.sample.is_all(),
        "is_recorded": rule.level > Level::None,
        "class": rule.retention.class,
        "assurance": match rule.assurance {
            Assurance::BestEffort => "best_effort",
            Assurance::Buffered => "buffered",
            // Nobody has verified the caller when the request would be held.
            Assurance::Synchronous if rule.matches.asks_for_identity() => "buffered",
            Assurance::Synchronous => "synchronous",
        },
    });
    if let Some(members) = row.as_object_mut() {
        // One time is both ends.
        for (key, time) in [
            ("at_least", keep.at_least.or(keep.at_most)),
            ("at_most", keep.at_most),
        ] {
            members.extend(time.map(|time| (key.to_owned(), span(time).into())));
        }
    }
    row
}
