//! `meshward check envoy FILE...`: what an Envoy configuration leaves open around the filters.
//!
//! The filters do not depend on any of it; it is the second line of defence, and the settings that
//! decide whose address a client's is.

use policy::config::Warning;
use policy::json::Json;
use policy::nearest;
use serde_json::Value;

use super::tree::Tree;
use super::wiring;

/// The number of connection managers in a document, and what they leave open.
pub(super) fn check(tree: &Value) -> (usize, Vec<Warning>) {
    let mut managers = Vec::new();
    visit(tree, &mut String::new(), &mut |path, value| {
        let kind = value.get("@type").and_then(Value::as_str);
        if kind.is_some_and(|kind| kind.ends_with(".HttpConnectionManager")) {
            managers.push((path.to_owned(), value.clone()));
        }
    });
    let warnings = managers.iter().flat_map(|(path, manager)| {
        of_manager(manager).map(|(code, message)| Warning::new(code, path.as_str(), message))
    });
    (managers.len(), warnings.collect())
}

/// What to say of documents that should be of Envoy and are not.
pub(super) fn without_manager(documents: &[Tree]) -> String {
    let members = documents.iter().flat_map(Tree::members);
    let near = nearest(
        "static_resources",
        members.map(|member| member.name.as_str()),
    );
    let hint = near.map_or_else(String::new, |near| {
        format!("; is {near:?} meant to be \"static_resources\"?")
    });
    format!("there is no HttpConnectionManager in it{hint}")
}

fn of_manager(manager: &Value) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_on = |name: &str| field(manager, name).and_then(Value::as_bool) == Some(true);
    let escaped_slashes =
        field(manager, "path_with_escaped_slashes_action").and_then(Value::as_str);
    let keeps_escaped_slashes = matches!(
        escaped_slashes,
        None | Some("KEEP_UNCHANGED" | "IMPLEMENTATION_SPECIFIC_DEFAULT")
    );
    let hops = field(manager, "xff_num_trusted_hops")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let detects = field(manager, "original_ip_detection_extensions").is_some();
    let remote_address = is_on("use_remote_address");
    let appends =
        remote_address && field(manager, "skip_xff_append").and_then(Value::as_bool) != Some(true);
    let counts_the_peer = appends && trusted_hops(manager).contains(&1);
    [
        (
            !is_on("normalize_path"),
            "normalize_path_off",
            "normalize_path is not true: dot segments reach the upstream as a client wrote them; requests that rules disagree about are refused with 400",
        ),
        (
            !is_on("merge_slashes"),
            "merge_slashes_off",
            "merge_slashes is not true: // reaches the upstream; requests that rules disagree about are refused with 400",
        ),
        (
            keeps_escaped_slashes,
            "escaped_slashes_kept",
            "path_with_escaped_slashes_action keeps %2F and %5C, which some servers take for slashes; use REJECT_REQUEST or UNESCAPE_AND_REDIRECT unless identifiers contain them",
        ),
        (
            !remote_address && hops == 0 && !detects,
            "client_address_from_client",
            "use_remote_address is not true and xff_num_trusted_hops is 0: at the edge, clients choose in X-Forwarded-For the address that limits and records go by",
        ),
        (
            counts_the_peer,
            "trusted_hops_is_the_peer",
            "use_remote_address is true, so Envoy itself appends its peer to X-Forwarded-For, and \"trusted_hops\": 1 is that peer; behind one proxy, 2 is the client",
        ),
    ]
    .into_iter()
    .filter_map(|(holds, code, message)| holds.then_some((code, message)))
}

/// What the configurations of the filters below say of `trusted_hops`.
fn trusted_hops(manager: &Value) -> Vec<u64> {
    let mut hops = Vec::new();
    visit(manager, &mut String::new(), &mut |_, value| {
        let text = match value.get("value") {
            Some(Value::String(text)) => text.clone(),
            Some(structure) => structure.to_string(),
            None => return,
        };
        let plugin = Json::parse(text.as_bytes()).ok();
        hops.extend(plugin.iter().flat_map(wiring::trusted_hops));
    });
    hops
}

/// A field by its name in the configuration; JSON may have it in camel case.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let camel = || {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |mut camel, word| {
            let (initial, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            camel.push_str(&initial.to_ascii_uppercase());
            camel.push_str(rest);
            camel
        })
    };
    value.get(name).or_else(|| value.get(camel()))
}

/// Calls `found` for every object, with its path.
fn visit<'v>(value: &'v Value, path: &mut String, found: &mut impl FnMut(&str, &'v Value)) {
    let length = path.len();
    match value {
        Value::Object(members) => {
            found(path, value);
            for (name, member) in members {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                visit(member, path, found);
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                visit(item, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(text: &str) -> Vec<Warning> {
        let tree = crate::check::tree::read(text).trees.remove(0);
        check(&serde_json::from_str(&tree.json().to_string()).unwrap()).1
    }

    fn codes(text: &str) -> Vec<&'static str> {
        warnings(text).iter().map(Warning::code).collect()
    }

    const MANAGER: &str = "\"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

    #[test]
    fn what_a_connection_manager_leaves_open_is_a_warning() {
        let listener = |settings: &str| {
            format!("filter_chains:\n- filters:\n  - typed_config:\n      {MANAGER}\n{settings}")
        };
        assert_eq!(
            codes(&listener("")),
            [
                "normalize_path_off",
                "merge_slashes_off",
                "escaped_slashes_kept",
                "client_address_from_client"
            ]
        );
        let paths = "      normalize_path: true\n      merge_slashes: true\n      path_with_escaped_slashes_action: REJECT_REQUEST\n";
        let plugin = |hops: u64| {
            format!(
                "      http_filters:\n      - typed_config:\n          config:\n            configuration:\n              value: '{{\"client_address\":{{\"trusted_hops\":{hops}}}}}'\n"
            )
        };
        for (settings, expected) in [
            ("      use_remote_address: true\n".to_owned(), &[][..]),
            ("      xff_num_trusted_hops: 1\n".to_owned(), &[]),
            (
                "      use_remote_address: false\n".to_owned(),
                &["client_address_from_client"],
            ),
            (
                format!("      use_remote_address: true\n{}", plugin(1)),
                &["trusted_hops_is_the_peer"],
            ),
            (
                format!(
                    "      use_remote_address: true\n      skip_xff_append: true\n{}",
                    plugin(1)
                ),
                &[],
            ),
            (
                format!("      use_remote_address: true\n{}", plugin(2)),
                &[],
            ),
        ] {
            assert_eq!(
                codes(&listener(&format!("{paths}{settings}"))),
                expected,
                "{settings}"
            );
        }
        let found = warnings(&listener("      normalize_path: false\n"));
        let first = found[0].to_string();
        assert!(
            first.starts_with("filter_chains[0].filters[0].typed_config: "),
            "{first}"
        );
        assert!(first.ends_with(" (normalize_path_off)"), "{first}");
    }

    #[test]
    fn json_in_camel_case_is_read_alike() {
        let json = r#"{"x":{"@type":"type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "normalizePath":true,"mergeSlashes":true,"pathWithEscapedSlashesAction":"UNESCAPE_AND_REDIRECT","useRemoteAddress":true}}"#;
        assert_eq!(codes(json), Vec::<&str>::new());
    }

    #[test]
    fn the_shipped_configurations_leave_nothing_open_but_escaped_slashes() {
        for text in [
            include_str!("../../../../envoy-test/envoy/meshward.yaml"),
            include_str!("../../../../envoy-test/envoy/fleet.yaml"),
        ] {
            assert_eq!(codes(text), ["escaped_slashes_kept"]);
        }
    }
}
