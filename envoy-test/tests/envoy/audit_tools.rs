//! Audit trails in the hands of others: a collector, schema validators, a query engine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Algorithm, Collector, Peers, Rotel, Token, UpstreamResponse};
use envoy_test::trail::Trail;
use envoy_test::{FILTERS, paths, poll};
use serde_json::json;

use crate::bed::wait_until;

const FILTER: &str = "audit-emitter";

/// All four filters, with everything that a record can say.
fn bootstrap(peers: &Peers) -> Bootstrap {
    let mut bootstrap = peers.bootstrap(&FILTERS).unwrap();
    let configuration = json!({
        "sink": {"otlp_http": {"cluster": "collector"}},
        "batch": {"max_delay": "200ms"},
        "rules": [
            {"match": {"paths": ["/patients/**"]}, "level": "full", "template": "/patients/{id}",
             "retention": {"class": "hipaa", "keep": "6y"}},
            {"match": {"paths": ["/orders/**"]}, "level": "request"},
            {"match": {"paths": ["/echo"]}, "level": "full", "assurance": "synchronous"},
        ],
        "subject": {"pseudonymize": {"key_env": "SUBJECT", "epoch": "2026"}},
        "fields": {"query": "keys", "headers": ["x-tenant"]},
        "chain": {"signing_key_env": "CHAIN", "heartbeat": "2s"},
    });
    bootstrap
        .configure(FILTER, &configuration.to_string())
        .unwrap();
    // What is only reported is seen.
    let redactor = json!({
        "rules": [
            {"name": "patients", "match": {"paths": ["/patients/**"]}, "apply_to": ["response.body"],
             "detect": ["EMAIL", "US_SSN", "CREDIT_CARD"]},
            {"name": "orders", "mode": "report", "match": {"paths": ["/orders/**"]},
             "apply_to": ["response.body"], "detect": ["EMAIL"]},
        ],
    });
    bootstrap
        .configure("pii-redactor", &redactor.to_string())
        .unwrap();
    let order = UpstreamResponse::json(r#"{"id":17,"buyer":"jane@example.com"}"#);
    peers.upstream.respond_with("/orders/17", order);
    let vm = "/typed_config/config/vm_config";
    bootstrap.filter(FILTER).unwrap().pointer_mut(vm).unwrap()["environment_variables"] = json!({
        "key_values": {
            "SUBJECT": "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo",
            "CHAIN": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        }
    });
    bootstrap
}

/// Requests of every kind: served, refused by each filter, unknown, malformed.
fn send(envoy: &Envoy, peers: &Peers) -> usize {
    let token = Token::of("drew").scope("patients:read orders:read");
    let token = peers.idp.mint(Algorithm::Rs256, &token).unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let patient = || Request::get("/patients/7?name=jane&q=1").bearer(&token);
    let requests = [
        patient()
            .header("traceparent", trace)
            .header("x-tenant", "acme")
            .header("sec-gpc", "1"),
        patient()
            .header("user-agent", "curl/8 \"\\\u{7f}é")
            .header("x-forwarded-for", "192.0.2.1, 2001:db8::1"),
        Request::get("/orders/17?secret=hush").bearer(&token),
        Request::get("/orders/17"),
        Request::get("/orders/17").bearer("garbage"),
        Request::get("/healthz"),
        Request::new("POST", "/echo")
            .bearer(&token)
            .chunk("{\"a\":1}"),
        Request::new("PURGE", "/orders/17").bearer(&token),
        Request::get("/healthz/..%2forders/17").bearer(&token),
        Request::get("/%zz/\u{e9}"),
        Request::new("POST", "/x.Y/Z")
            .header("content-type", "application/grpc")
            .bearer(&token),
    ];
    let mut sent = 0;
    for protocol in Protocol::BOTH {
        let client = envoy.client(protocol);
        for request in &requests {
            sent += usize::from(client.send(request).is_ok());
        }
        for _ in 0..4 {
            sent += usize::from(client.send(&Request::get("/search").bearer(&token)).is_ok());
        }
    }
    sent
}

/// Waits until a collector has a whole trail of so many requests.
fn trail(collector: &Collector, requests: usize) -> Vec<String> {
    let whole = || {
        let texts = collector.trail();
        let trail = Trail::read(&texts).unwrap();
        (trail.is_complete() && trail.requests >= requests).then_some(texts)
    };
    poll(30, whole).unwrap_or_else(|| panic!("{:?}", Trail::read(&collector.trail())))
}

fn python(script: &str, arguments: &[&Path]) -> Output {
    Command::new(paths::audit_tool("venv/bin/python").unwrap())
        .arg(paths::root().join("envoy-test/audit").join(script))
        .args(arguments)
        .output()
        .unwrap()
}

fn assert_succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    println!("{text}");
    text
}

/// Everything that a collector got, as files.
fn write_down(collector: &Collector, texts: &[String]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trail.ndjson"), texts.join("\n") + "\n").unwrap();
    for (number, (media_type, body)) in collector.requests().iter().enumerate() {
        let ending = if media_type == "application/json" {
            "json"
        } else {
            "bin"
        };
        fs::write(
            folder.path().join(format!("request-{number}.{ending}")),
            body,
        )
        .unwrap();
    }
    folder
}

#[test]
fn records_are_what_the_schemas_say_and_can_be_queried() {
    let peers = Peers::start().unwrap();
    peers.collector.keep_requests();
    let envoy = Envoy::start(&bootstrap(&peers), Options::default()).unwrap();
    let sent = send(&envoy, &peers);
    // Some that the connection manager itself answers have a record too.
    let texts = trail(&peers.collector, sent);
    wait_until(Duration::from_secs(20), "a heartbeat", || {
        let trail = peers.collector.trail();
        trail.iter().any(|text| text.contains("\"heartbeat\""))
    });
    let everything = format!("{texts:?}");
    for secret in ["hush", "garbage", "drew", "jane"] {
        assert!(!everything.contains(secret), "{secret} is in a record");
    }
    let folder = write_down(&peers.collector, &peers.collector.trail());
    let response = assert_succeeded(&python("validate.py", &[folder.path()]));
    assert!(response.contains(" 0 mistakes"), "{response}");
    let page = paths::root().join("filters/audit-emitter/README.md");
    let file = folder.path().join("trail.ndjson");
    let response = assert_succeeded(&python("query.py", &[&page, &file]));
    assert!(response.contains("jwt-auth/"), "{response}");
    assert_eq!(envoy.traps(), 0);
}

/// A validator that finds nothing wrong with anything would find nothing wrong with us.
#[test]
fn the_validator_finds_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = json!({"class_uid": 0, "activity_id": 99, "nonsense": 1}).to_string();
    fs::write(folder.path().join("trail.ndjson"), wrong).unwrap();
    fs::write(
        folder.path().join("request-0.json"),
        r#"{"resourceLog":[]}"#,
    )
    .unwrap();
    let output = python("validate.py", &[folder.path()]);
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("nonsense") && text.contains("resourceLog"),
        "{text}"
    );
}

#[test]
fn a_trail_goes_through_a_collector_that_others_have_written() {
    let peers = Peers::start().unwrap();
    peers.collector.keep_requests();
    let rotel = Rotel::start(peers.collector.address()).unwrap();
    let mut bootstrap = bootstrap(&peers);
    bootstrap
        .move_cluster("collector", rotel.address())
        .unwrap();
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let envoy = Envoy::start(&bootstrap, options).unwrap();
    let sent = send(&envoy, &peers);
    let texts = trail(&peers.collector, sent);
    assert!(
        peers
            .collector
            .requests()
            .iter()
            .all(|(media_type, _)| media_type == "application/x-protobuf")
    );
    let folder = write_down(&peers.collector, &texts);
    assert_succeeded(&python("validate.py", &[folder.path()]));
}
