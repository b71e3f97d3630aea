//! Whether a configuration goes by the route that the proxy has chosen.

use policy::config::join;
use policy::json::Json;

use super::{FOLDED_KEY, METADATA_KEY};

/// Whether anything in a configuration depends on the route: a `match` with `routes`, metadata of
/// routes, or rules that Higress folds in for routes or services.
///
/// Proxies choose the route anew when a filter changes a header, and filters go by the route that was
/// chosen first. So where this holds, nobody but the gateway may change a header that routes may go by.
#[must_use]
pub fn goes_by_route(config: &Json) -> bool {
    match config {
        Json::Object(members) => members
            .iter()
            .any(|(key, value)| match (key.as_str(), value) {
                (METADATA_KEY, said) => !matches!(said, Json::Null | Json::Bool(false)),
                (FOLDED_KEY, Json::Array(rules)) => rules.iter().any(is_for_routes),
                ("match", matches) if has_names(matches, "routes") => true,
                (_, inner) => goes_by_route(inner),
            }),
        Json::Array(items) => items.iter().any(goes_by_route),
        _ => false,
    }
}

/// Where a configuration asks for the name of the route or for its service: the paths of the keys.
pub(crate) fn keys_by_route(config: &Json, path: &str, found: &mut Vec<String>) {
    match config {
        Json::Object(members) => {
            for (key, value) in members {
                let place = join(path, key);
                let names_route = |item: &Json| item.as_str() == Some("route");
                let is_one = match (key.as_str(), value) {
                    ("routes", _) => path.ends_with("match") && has_names(config, key),
                    ("key" | "fallback", Json::Array(parts)) => parts.iter().any(names_route),
                    (key, _) => ROUTE_KEYS.contains(&key) && has_names(config, key),
                };
                if is_one {
                    found.push(place);
                } else {
                    keys_by_route(value, &place, found);
                }
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                keys_by_route(item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn is_for_routes(rule: &Json) -> bool {
    ROUTE_KEYS.iter().any(|key| has_names(rule, key)) || goes_by_route(rule)
}

fn has_names(object: &Json, key: &str) -> bool {
    let names = object.member(key).and_then(Json::as_array);
    names.is_some_and(|names| !names.is_empty())
}

const ROUTE_KEYS: [&str; 3] = ["_match_route_", "_match_route_prefix_", "_match_service_"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_that_goes_by_the_route_is_named() {
        let text = r#"{"rules":[{"match":{"paths":["/a"]}},{"match":{"routes":["a"]}}],"routes":["a"],
            "limits":[{"key":["ip"],"on_missing_key":{"fallback":["route"]}},{"key":["ip","route"]}],
            "_rules_":[{"_match_domain_":["a"],"rules":[{"match":{"routes":["b"]}}]},{"_match_service_":["a"]}],
            "also":{"match":{"routes":[]}}}"#;
        let mut found = Vec::new();
        keys_by_route(&Json::parse(text.as_bytes()).unwrap(), "", &mut found);
        let expected = [
            "rules[1].match.routes",
            "limits[0].on_missing_key.fallback",
            "limits[1].key",
            "_rules_[0].rules[0].match.routes",
            "_rules_[1]._match_service_",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn routes_are_found_wherever_they_stand() {
        for (text, expected) in [
            (r#"{"rules":[{"match":{"routes":["a"]}}]}"#, true),
            (
                r#"{"limits":{"limits":[{"match":{"routes":["a"]}}]}}"#,
                true,
            ),
            (
                r#"{"rules":[{"match":{"routes":[],"paths":["/a"]}}]}"#,
                false,
            ),
            (
                r#"{"rules":[{"match":{"paths":["/a"]}}],"routes":["a"]}"#,
                false,
            ),
            (r#"{"route_config":true}"#, true),
            (r#"{"route_config":{"on_error":"allow"}}"#, true),
            (r#"{"route_config":false}"#, false),
            (r#"{"_rules_":[{"_match_route_":["a"]}]}"#, true),
            (r#"{"_rules_":[{"_match_service_":["a"]}]}"#, true),
            (r#"{"_rules_":[{"_match_domain_":["a"]}]}"#, false),
            (
                r#"{"_rules_":[{"_match_domain_":["a"],"rules":[{"match":{"routes":["a"]}}]}]}"#,
                true,
            ),
            ("[]", false),
        ] {
            let config = Json::parse(text.as_bytes()).unwrap();
            assert_eq!(goes_by_route(&config), expected, "{text}");
        }
    }
}
