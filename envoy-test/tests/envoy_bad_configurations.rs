//! Configurations that cannot be meant: Envoy refuses them, and its log says why in our words.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use envoy_test::FILTERS;
use envoy_test::envoy::{self, Bootstrap, Envoy, Options};
use envoy_test::peers::Peers;

/// A filter, the text to replace in its shipped configuration, what with, and the message.
const MISTAKES: [(&str, &str, &str, &str); 17] = [
    // Bad JSON.
    ("audit-emitter", "{", "", "configuration refused: "),
    ("jwt-auth", "}", "},", "configuration refused: "),
    (
        "token-bucket",
        "\"limits\"",
        "limits",
        "configuration refused: ",
    ),
    ("pii-redactor", "[", "(", "configuration refused: "),
    // Unknown keys, with the name that was probably meant.
    (
        "audit-emitter",
        "\"queue\"",
        "\"queu\"",
        "queu: unknown key; did you mean \"queue\"?",
    ),
    (
        "jwt-auth",
        "\"issuer\"",
        "\"isuer\"",
        "providers.corp.isuer: unknown key; did you mean \"issuer\"?",
    ),
    (
        "token-bucket",
        "\"burst\"",
        "\"brust\"",
        "limits[0].brust: unknown key; did you mean \"burst\"?",
    ),
    (
        "pii-redactor",
        "\"detect\"",
        "\"detects\"",
        "rules[0].detects: unknown key; did you mean \"detect\"?",
    ),
    // Wrong types.
    ("audit-emitter", "20000", "\"many\"", "queue.max_records: "),
    (
        "jwt-auth",
        "[\"orders-api\"]",
        "17",
        "providers.corp.audiences: ",
    ),
    ("token-bucket", "20 }", "\"20\" }", "limits[0].burst: "),
    (
        "pii-redactor",
        "[\"response.body\"]",
        "true",
        "rules[0].apply_to: ",
    ),
    // Impossible values.
    ("audit-emitter", "\"1s\"", "\"0s\"", "batch.max_delay: "),
    (
        "jwt-auth",
        "\"ES256\"",
        "\"none\"",
        "providers.corp.algorithms[1]: ",
    ),
    (
        "token-bucket",
        "100/min",
        "100/fortnight",
        "limits[0].rate: \"100/fortnight\": unknown unit",
    ),
    (
        "token-bucket",
        "\"burst\": 20",
        "\"burst\": 0",
        "limits[0].burst: ",
    ),
    ("pii-redactor", "US_SSN", "US_SNN", "rules[0].detect[1]: "),
];

/// Envoy with one filter, in whose configuration something is wrong.
fn mistaken(peers: &Peers, filter: &str, right: &str, wrong: &str) -> Bootstrap {
    let mut bootstrap = peers.bootstrap(&[filter]).unwrap();
    let shipped = bootstrap.configuration(filter).unwrap();
    let mistaken = shipped.replacen(right, wrong, 1);
    assert_ne!(mistaken, shipped, "{filter} has no {right}");
    bootstrap.configure(filter, &mistaken).unwrap();
    bootstrap
}

#[test]
fn each_is_refused_with_its_place_and_reason() {
    let peers = Peers::start().unwrap();
    for (filter, right, wrong, message) in MISTAKES {
        let bootstrap = mistaken(&peers, filter, right, wrong);
        let verdict = envoy::validate(&bootstrap, Options::default()).unwrap();
        assert!(!verdict.accepted, "{filter}: {wrong} was accepted");
        assert!(
            verdict.log.contains(message),
            "{filter}: {message}\n{}",
            verdict.log
        );
    }
}

#[test]
fn envoy_does_not_start_with_one() {
    let peers = Peers::start().unwrap();
    for filter in FILTERS {
        let (_, right, wrong, message) = MISTAKES
            .into_iter()
            .rfind(|mistake| mistake.0 == filter)
            .unwrap();
        let bootstrap = mistaken(&peers, filter, right, wrong);
        let refused = Envoy::start(&bootstrap, Options::default())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("refused to start"), "{filter}: {refused}");
        assert!(refused.contains(message), "{filter}: {message}\n{refused}");
    }
}

#[test]
fn all_mistakes_are_named_at_once() {
    let peers = Peers::start().unwrap();
    let mut bootstrap = peers.bootstrap(&["token-bucket"]).unwrap();
    let mistaken = r#"{"limits": [{"name": "a", "key": ["ipp"], "rate": "x"}], "mod": "enforce"}"#;
    bootstrap.configure("token-bucket", mistaken).unwrap();
    let verdict = envoy::validate(&bootstrap, Options::default()).unwrap();
    for place in ["limits[0].key[0]: ", "limits[0].rate: ", "mod: unknown key"] {
        assert!(verdict.log.contains(place), "{place}\n{}", verdict.log);
    }
}

#[test]
fn nothing_at_all_is_no_configuration() {
    let peers = Peers::start().unwrap();
    for filter in FILTERS {
        for configuration in ["", "null", "[]", "{}"] {
            let mut bootstrap = peers.bootstrap(&[filter]).unwrap();
            bootstrap.configure(filter, configuration).unwrap();
            let verdict = envoy::validate(&bootstrap, Options::default()).unwrap();
            assert!(!verdict.accepted, "{filter} accepts {configuration:?}");
            assert!(
                verdict.log.contains("configuration refused: "),
                "{}",
                verdict.log
            );
        }
    }
}

#[test]
fn a_struct_is_read_like_a_text() {
    let peers = Peers::start().unwrap();
    for (configuration, accepted) in [
        (
            serde_json::json!({"limits": [{"name": "a", "key": ["ip"], "rate": "1/s"}]}),
            true,
        ),
        (
            serde_json::json!({"limits": [{"name": "a", "key": ["ip"], "rate": "1/x"}]}),
            false,
        ),
    ] {
        let mut bootstrap = peers.bootstrap(&["token-bucket"]).unwrap();
        let config = "/typed_config/config/configuration";
        *bootstrap
            .filter("token-bucket")
            .unwrap()
            .pointer_mut(config)
            .unwrap() = serde_json::json!({
            "@type": "type.googleapis.com/google.protobuf.Struct",
            "value": configuration,
        });
        let verdict = envoy::validate(&bootstrap, Options::default()).unwrap();
        assert_eq!(verdict.accepted, accepted, "{}", verdict.log);
    }
}
