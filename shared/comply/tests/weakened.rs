//! The example of each measure is weakened in every way of `weakenings.toml`: what it does must not count
//! as done for all any more.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use comply::assessment::MeasureState;
use comply::control::Catalog;
use comply::effective::forms;
use pii_redactor::detect::DETECTORS;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// 30 November 2026.
const NOW_S: i64 = 1_795_996_800;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    weakenings: Vec<Weakening>,
    harmless: Vec<Harmless>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weakening {
    name: String,
    #[serde(default)]
    needs: String,
    steps: Vec<(String, String, String)>,
}

/// What makes no difference, and to which measures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Harmless {
    why: String,
    weakenings: Vec<String>,
    measures: Vec<String>,
}

impl Weakening {
    /// A configuration, weakened; the same where it has nothing of the kind.
    fn of(&self, example: &Value) -> Value {
        let mut all = example.clone();
        if example.to_string().contains(&self.needs) {
            for (how, place, text) in &self.steps {
                let Some(value) = filled_in(text, example) else {
                    return all;
                };
                match how.as_str() {
                    "merge" => at(&mut all, place, &mut |found| merge(found, &value)),
                    "first" => first(&mut all, place, value),
                    "route" => at(&mut all, place, &mut |part| {
                        let mut own = value.clone();
                        own["_match_route_"] = json!(["shop"]);
                        part["_rules_"] = json!([own]);
                    }),
                    "redaction" => in_redaction(&mut all, &value),
                    "another" => another(&mut all, &value),
                    other => panic!("{}: {other}", self.name),
                }
            }
        }
        all
    }
}

/// What is merged, with the provider and the kinds that there are.
fn filled_in(text: &str, example: &Value) -> Option<Value> {
    let mut text = text.to_owned();
    if text.contains("$provider") {
        let providers = example.pointer("/auth/providers")?.as_object()?;
        text = text.replace("$provider", providers.keys().next()?);
    }
    let kinds = DETECTORS.iter().map(|kind| kind.name).chain(["default"]);
    let kinds: Map<String, Value> = kinds
        .map(|kind| (kind.to_owned(), json!("detect")))
        .collect();
    let text = text.replace("\"$detect\"", &Value::Object(kinds).to_string());
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// Changes whatever a place with `*` and `?key` leads to.
fn at(value: &mut Value, place: &str, change: &mut dyn FnMut(&mut Value)) {
    let Some(place) = place.strip_prefix('/') else {
        return change(value);
    };
    let (step, rest) = place.split_at(place.find('/').unwrap_or(place.len()));
    let (name, having) = step.split_once('?').unwrap_or((step, ""));
    let found: Vec<&mut Value> = match (name, value) {
        ("*", Value::Array(items)) => items.iter_mut().collect(),
        ("*", Value::Object(members)) => members.values_mut().collect(),
        (name, Value::Object(members)) => members.get_mut(name).into_iter().collect(),
        _ => Vec::new(),
    };
    for found in found {
        if having.is_empty() || found.get(having).is_some() {
            at(found, rest, change);
        }
    }
}

fn merge(object: &mut Value, more: &Value) {
    let object = object.as_object_mut().unwrap();
    for (key, value) in more.as_object().unwrap() {
        match value {
            Value::Null => object.remove(key),
            value => object.insert(key.clone(), value.clone()),
        };
    }
}

fn first(all: &mut Value, place: &str, item: Value) {
    let (part, list) = place.rsplit_once('/').unwrap();
    if let Some(Value::Object(part)) = all.pointer_mut(part) {
        let list = part.entry(list).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().insert(0, item);
    }
}

/// The presets at the top level are a rule for all messages, which has no conditions as long as it stands
/// there.
fn in_redaction(all: &mut Value, more: &Value) {
    let redact = all.get_mut("redact").and_then(Value::as_object_mut);
    if let Some(presets) = redact.and_then(|redact| redact.remove("presets")) {
        first(
            all,
            "/redact/rules",
            json!({"name": "all", "presets": presets}),
        );
    }
    at(all, "/redact/rules/*", &mut |rule| merge(rule, more));
}

fn another(all: &mut Value, provider: &Value) {
    at(all, "/auth/rules/*/require?provider", &mut |require| {
        let name = require["provider"].clone();
        merge(
            require,
            &json!({"provider": null, "any_of": [name, "other"]}),
        );
    });
    if all.to_string().contains("any_of") {
        all["auth"]["providers"]["other"] = provider.clone();
    }
}

/// A new measure has an example too, so it is weakened as well.
#[test]
fn no_weakened_example_counts_as_done_for_all() {
    let table: Table = toml::from_str(include_str!("weakenings.toml")).unwrap();
    let mut wrong = Vec::new();
    let mut harmless = BTreeSet::new();
    let mut fallen: BTreeMap<String, usize> = BTreeMap::new();
    for measure in Catalog::own().unwrap().measures {
        let id = &measure.id;
        let example: Value = serde_json::from_str(&measure.example).unwrap();
        fallen.insert(id.clone(), 0);
        for weakening in &table.weakenings {
            let name = &weakening.name;
            let weakened = weakening.of(&example);
            let text = weakened.to_string();
            // What only reports is enough for some measures, and what a filter refuses it does not do.
            let is_enough = measure.in_report_mode && name.contains("only report");
            let is_refused = meshward_bundle::config::check(&text).result.is_err();
            if weakened == example || is_enough || is_refused {
                continue;
            }
            let (state, _) = measure.set_by(&forms(weakened.as_object().unwrap(), &[], NOW_S));
            let mut listed = table.harmless.iter();
            let is_listed =
                listed.any(|row| row.weakenings.contains(name) && row.measures.contains(id));
            match (state == MeasureState::Set, is_listed) {
                (true, true) => _ = harmless.insert((name.clone(), id.clone())),
                (true, false) => wrong.push(format!("{id}: set, though: {name}: {text}")),
                (false, true) => wrong.push(format!("{id}: {state:?} makes a difference: {name}")),
                (false, false) => *fallen.get_mut(id).unwrap() += 1,
            }
        }
    }
    for row in &table.harmless {
        for (name, id) in row.weakenings.iter().flat_map(|name| {
            row.measures
                .iter()
                .map(move |id| (name.clone(), id.clone()))
        }) {
            if !harmless.contains(&(name.clone(), id.clone())) {
                wrong.push(format!("{id}: {name}: listed for nothing ({})", row.why));
            }
        }
    }
    for (id, count) in fallen {
        if count < MIN_WEAKENINGS {
            wrong.push(format!("{id}: weakened in {count} ways only"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An example in which less can be weakened shows little.
const MIN_WEAKENINGS: usize = 4;
