use serde_json::Value;

use super::*;
use crate::check::tree;

fn manager(settings: &str) -> ConnectionManager {
    ConnectionManager::of(&tree::read(settings).trees.remove(0))
}

/// What a real Envoy 1.40 did with these paths under these settings: the path that a filter saw, or the response.
#[test]
fn paths_are_what_envoy_makes_of_them() {
    let table: Value = serde_json::from_str(include_str!("paths.json")).unwrap();
    let settings = table["settings"].as_array().unwrap();
    let managers: Vec<_> = settings
        .iter()
        .map(|one| manager(&one.to_string()))
        .collect();
    let mut wrong = Vec::new();
    for (path, row) in table["rows"].as_object().unwrap() {
        for ((manager, settings), expected) in
            managers.iter().zip(settings).zip(row.as_array().unwrap())
        {
            let mut request = RequestData::new("GET", path);
            let now = match manager.receive(&mut request) {
                Ok(_) => request.path,
                Err(OwnResponse {
                    status, location, ..
                }) => match location {
                    Some(location) => format!("{status} {location}"),
                    None => status.to_string(),
                },
            };
            if now != expected.as_str().unwrap() {
                wrong.push(format!("{settings} {path}: {now}, and Envoy {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The address that a filter saw, and `X-Forwarded-For`, of a request from 203.0.113.7 to a real Envoy 1.40.
#[test]
fn addresses_are_what_envoy_finds() {
    for (settings, sent, address, list) in [
        ("{}", "", "203.0.113.7", ""),
        (
            "{}",
            "1.1.1.1, 198.51.100.1",
            "198.51.100.1",
            "1.1.1.1, 198.51.100.1",
        ),
        ("{}", "nonsense", "203.0.113.7", "nonsense"),
        ("use_remote_address: true", "", "203.0.113.7", "203.0.113.7"),
        (
            "use_remote_address: true",
            "198.51.100.1",
            "203.0.113.7",
            "198.51.100.1,203.0.113.7",
        ),
        (
            "{use_remote_address: true, skip_xff_append: true}",
            "198.51.100.1",
            "203.0.113.7",
            "198.51.100.1",
        ),
        (
            "{use_remote_address: true, xff_num_trusted_hops: 1}",
            "1.1.1.1, 198.51.100.1",
            "198.51.100.1",
            "1.1.1.1, 198.51.100.1,203.0.113.7",
        ),
        (
            "xff_num_trusted_hops: 1",
            "198.51.100.1",
            "203.0.113.7",
            "198.51.100.1",
        ),
        ("xff_num_trusted_hops: 1", "1.1.1.1,", "1.1.1.1", "1.1.1.1,"),
        (
            "xff_num_trusted_hops: 2",
            "1.1.1.1, 2.2.2.2, 10.9.9.9",
            "1.1.1.1",
            "1.1.1.1, 2.2.2.2, 10.9.9.9",
        ),
        (
            "skip_xff_append: true",
            "1.1.1.1:80",
            "203.0.113.7",
            "1.1.1.1:80",
        ),
        (
            "{use_remote_address: true, xff_num_trusted_hops: 2}",
            "1.1.1.1, 2.2.2.2, 10.9.9.9",
            "2.2.2.2",
            "1.1.1.1, 2.2.2.2, 10.9.9.9,203.0.113.7",
        ),
        (
            "{use_remote_address: true, xff_num_trusted_hops: 1}",
            "nonsense",
            "203.0.113.7",
            "nonsense,203.0.113.7",
        ),
    ] {
        let mut request = RequestData::new("GET", "/");
        request.client = "203.0.113.7".parse().unwrap();
        if !sent.is_empty() {
            let value = HeaderValues::One(sent.to_owned());
            request.headers.insert(FORWARDED_FOR.to_owned(), value);
        }
        manager(settings).receive(&mut request).unwrap();
        let seen = request.headers.get(FORWARDED_FOR);
        let seen = seen.map_or_else(String::new, |values| values.values().join(","));
        assert_eq!(
            (request.client.to_string().as_str(), seen.as_str()),
            (address, list),
            "{settings}: {sent}"
        );
    }
}

/// Hosts, headers and methods as a filter of a real Envoy 1.40 saw them, or the response.
#[test]
fn hosts_headers_and_methods_are_what_envoy_makes_of_them() {
    for (settings, sent, seen) in [
        ("{}", "a.example:80", "a.example:80"),
        ("strip_any_host_port: true", "a.example:80", "a.example"),
        ("strip_any_host_port: true", "[::1]:80", "[::1]"),
        ("strip_any_host_port: true", "a.example:", "a.example:"),
        ("strip_any_host_port: true", "a.example:x", "a.example:x"),
        (
            "strip_matching_host_port: true",
            "a.example:80",
            "a.example:80",
        ),
        ("strip_trailing_host_dot: true", "a.example.", "a.example"),
        ("strip_trailing_host_dot: true", "a.example..", "a.example."),
        (
            "strip_trailing_host_dot: true",
            "a.example.:80",
            "a.example:80",
        ),
        (
            "{strip_trailing_host_dot: true, strip_any_host_port: true}",
            "a.example.:80",
            "a.example",
        ),
    ] {
        let mut request = RequestData::new("GET", "/");
        let value = HeaderValues::Several(vec![sent.to_owned()]);
        request.headers.insert(":authority".to_owned(), value);
        manager(settings).receive(&mut request).unwrap();
        assert_eq!(request.headers[":authority"].values(), [seen], "{settings}");
    }
    let action = |word: &str| {
        manager(&format!(
            "common_http_protocol_options: {{headers_with_underscores_action: {word}}}"
        ))
    };
    let sent = || {
        let mut request = RequestData::new("GET", "/");
        for name in ["x_a", "x-b"] {
            let value = HeaderValues::One("1".to_owned());
            request.headers.insert(name.to_owned(), value);
        }
        request
    };
    let mut request = sent();
    assert_eq!(
        action("REJECT_REQUEST")
            .receive(&mut request)
            .unwrap_err()
            .status,
        400
    );
    action("DROP_HEADER").receive(&mut request).unwrap();
    assert!(request.headers.keys().eq(["x-b"]), "{request:?}");
    for (method, is_taken) in [
        ("PROPFIND", true),
        ("PURGE", true),
        ("get", false),
        ("QUERY", false),
        ("FOO", false),
    ] {
        let received = manager("{}").receive(&mut RequestData::new(method, "/"));
        assert_eq!(received.is_ok(), is_taken, "{method}");
    }
}
