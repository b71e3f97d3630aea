//! `_rules_`, which Higress folds into a configuration: what a route may say, and what it is about.

use policy::json::Json;

use crate::emit::{Members, object, text};

const MATCHES: [(&str, &str); 4] = [
    ("_match_route_", "names of routes (`ingress`)"),
    ("_match_route_prefix_", "beginnings of names of routes"),
    ("_match_domain_", "hosts, `*` for all (`domain`)"),
    (
        "_match_service_",
        "services, with or without a port (`service`)",
    ),
];

/// An item of `_rules_`, which may have these members beside the one that says what it is about.
pub(crate) fn rule(mut members: Members) -> Json {
    for (key, meaning) in MATCHES {
        let names = object([
            ("description", text(meaning)),
            ("type", text("array")),
            ("items", object([("type", text("string"))])),
            ("minItems", 1.into()),
        ]);
        members.push((key.to_owned(), names));
    }
    let required = |(key, _): (&str, &str)| object([("required", Json::Array(vec![text(key)]))]);
    object([
        ("type", text("object")),
        ("properties", Json::Object(members)),
        ("oneOf", Json::Array(MATCHES.map(required).into())),
        ("additionalProperties", Json::Bool(false)),
    ])
}

/// The schemas of these keys; what a route leaves out stays as the plugin has it.
pub(crate) fn of_keys(properties: &Members, keys: &[&str]) -> Members {
    let wanted = properties
        .iter()
        .filter(|(name, _)| keys.contains(&name.as_str()));
    wanted
        .cloned()
        .map(|(name, mut schema)| {
            if let Json::Object(members) = &mut schema {
                members.retain(|(name, _)| name != "default");
            }
            (name, schema)
        })
        .collect()
}

/// Puts the schema of its items into that of `_rules_`.
pub(crate) fn fill(properties: &mut Members, item: Json) {
    let rules = properties.iter_mut().find(|(name, _)| name == "_rules_");
    if let Some((_, Json::Object(members))) = rules {
        let items = members.iter_mut().find(|(name, _)| name == "items");
        items.expect("it is a list").1 = item;
    }
}
