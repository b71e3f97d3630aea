//! Configurations that cannot be meant: Envoy refuses them, and its log says why in our words.

use std::fs;
use std::process::Command;

use envoy_test::envoy::{self, Bootstrap, Envoy, Options};
use envoy_test::peers::Peers;
use envoy_test::{FILTERS, paths};

/// A filter, the text to replace in its shipped configuration, what with, and the message. Many more
/// are tried in the in-process host.
const MISTAKES: [(&str, &str, &str, &str); 4] = [
    (
        "audit-emitter",
        r#""queue""#,
        r#""queu""#,
        r#"queu: unknown key; did you mean "queue"?"#,
    ),
    ("jwt-auth", "}", "},", "configuration refused: "),
    (
        "token-bucket",
        "100/min",
        "100/fortnight",
        r#"limits[0].rate: "100/fortnight": unknown unit"#,
    ),
    (
        "pii-redactor",
        r#"["response.body"]"#,
        "true",
        "rules[0].apply_to: ",
    ),
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
fn envoy_does_not_start_with_one() {
    let peers = Peers::start().unwrap();
    for (filter, right, wrong, message) in MISTAKES {
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
        let mut bootstrap = peers.bootstrap(&[filter]).unwrap();
        bootstrap.configure(filter, "").unwrap();
        let verdict = envoy::validate(&bootstrap, Options::default()).unwrap();
        assert!(!verdict.accepted, "{filter} accepts nothing");
        let message = "configuration refused: ";
        assert!(verdict.log.contains(message), "{}", verdict.log);
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

/// The text of a manifest as Envoy can load it here.
fn loadable(text: &str) -> Bootstrap {
    let dist = paths::root().join("dist").display().to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text.replace("/meshward/dist", &dist)).unwrap();
    let mut bootstrap = Bootstrap::read(file.path()).unwrap();
    bootstrap.on_free_ports().unwrap();
    bootstrap
}

/// The comparison in the README of the command line says what Envoy itself finds.
#[test]
fn envoy_finds_what_the_comparison_says() {
    let path = paths::root().join("shared/cli/tests/wrong/compared.toml");
    let faults: toml::Value = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut compared = 0;
    for fault in faults["fault"].as_array().unwrap() {
        let word = |key: &str| fault.get(key).and_then(toml::Value::as_str);
        let Some(expected) = word("envoy") else {
            continue;
        };
        let manifest = paths::root()
            .join("envoy-test")
            .join(word("manifest").unwrap());
        let shipped = fs::read_to_string(manifest).unwrap();
        let text = shipped.replacen(word("replace").unwrap(), word("with").unwrap(), 1);
        let verdict = envoy::validate(&loadable(&text), Options::default()).unwrap();
        let found = if verdict.accepted { "no" } else { "yes" };
        assert_eq!(
            found,
            expected,
            "{}: {}",
            word("what").unwrap(),
            verdict.log
        );
        compared += 1;
    }
    assert!(compared >= 15, "{compared}");
}

/// A manifest that says the keys which it otherwise takes from the environment of Envoy.
fn with_keys(text: &str) -> String {
    let Some((head, rest)) = text.split_once("host_env_keys: [") else {
        return text.to_owned();
    };
    let (names, tail) = rest.split_once(']').unwrap();
    let key = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let pairs: Vec<String> = names
        .split(", ")
        .map(|name| format!("{name}: \"{key}\""))
        .collect();
    format!("{head}key_values: {{{}}}{tail}", pairs.join(", "))
}

/// Whatever filters are chosen, Envoy takes what `meshward init` writes, with the modules loaded.
#[test]
fn envoy_takes_what_init_writes() {
    let tool = paths::command_line().unwrap();
    for chosen in ["auth,limits", "audit", "redact", "limits,redact,audit"] {
        let folder = tempfile::TempDir::new().unwrap();
        let made = Command::new(&tool)
            .args(["init", "--host", "envoy", "--use", chosen, "--output-dir"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{chosen}");
        let text = fs::read_to_string(folder.path().join("envoy.yaml")).unwrap();
        let text = with_keys(&text);
        // It starts and serves: who is not authenticated is refused, all else finds no upstream.
        let envoy = Envoy::start(&loadable(&text), Options::default()).unwrap();
        let request = envoy_test::client::Request::get("/orders/17");
        let client = envoy.client(envoy_test::client::Protocol::Http1);
        let expected = if chosen.contains("auth") { 401 } else { 503 };
        assert_eq!(client.send(&request).unwrap().status, expected, "{chosen}");
    }
}
