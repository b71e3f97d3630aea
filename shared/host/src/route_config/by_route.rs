//! Whether a configuration goes by the route that the proxy has chosen.

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

fn is_for_routes(rule: &Json) -> bool {
    let keys = ["_match_route_", "_match_route_prefix_", "_match_service_"];
    keys.iter().any(|key| has_names(rule, key)) || goes_by_route(rule)
}

fn has_names(object: &Json, key: &str) -> bool {
    let names = object.member(key).and_then(Json::as_array);
    names.is_some_and(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

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
