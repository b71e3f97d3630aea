//! What audit-emitter records, by rule.

use audit_emitter::config::{Assurance, Config, Level, OnFull, Rule};
use policy::config::Configuration;
use serde_json::{Map, Value, json};

use super::reach::{is_about_health, is_of_all};
use super::{mode_word, span};

/// The rules that requests reach, the last of them for all that no other is about, and whether each
/// request but health checks has a record (`records_all`). A witness that is the store itself is none.
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
    let mut records_all = read.on_full != OnFull::Drop;
    for (index, rule) in read.rules.iter().enumerate().take(own) {
        let mut earlier = read.rules.iter().take(index);
        if !earlier.any(|first| first.matches.covers(&rule.matches)) {
            let written = config.get("rules").and_then(|rules| rules.get(index));
            records_all &= records_each(rule) || is_about_health(written);
            rules.push(row(rule));
        }
    }
    records_all &= rest.is_none_or(records_each);
    rules.extend(rest.map(row));
    Some(json!({ "rules": rules, "records_all": records_all }))
}

/// The cluster that a sink or a witness sends to.
fn clusters(destination: &Value) -> Option<&str> {
    let mut kinds = destination.as_object()?.values();
    kinds.find_map(|kind| kind.get("cluster")?.as_str())
}

/// Whether each request that a rule is about has a record, which gives way to no other.
fn records_each(rule: &Rule) -> bool {
    rule.level > Level::None && rule.sample.is_all() && rule.assurance != Assurance::BestEffort
}

fn row(rule: &Rule) -> Value {
    let keep = rule.retention.keep;
    let mut row = json!({
        "mode": mode_word(rule.mode),
        "level": rule.level.as_str(),
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
