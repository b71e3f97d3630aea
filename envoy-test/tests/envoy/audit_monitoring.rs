//! What operators see of the audit trail: metrics, alert rules and a dashboard that go together.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Envoy, Options, Sample};
use envoy_test::peers::{Mood, Peers};
use envoy_test::{paths, poll};
use serde_json::{Value, json};

const FILTER: &str = "audit-emitter";
const PREFIX: &str = "meshward_audit_emitter_";

/// The samples of an Envoy whose collector is in this mood and whose queue does this when full.
fn samples(mood: Mood, queue: &Value, expected: &str) -> Vec<Sample> {
    let peers = Peers::start().unwrap();
    peers.collector.set_mood(mood);
    let mut bootstrap = peers.bootstrap(&[FILTER, "jwt-auth"]).unwrap();
    let configuration = json!({
        "sink": {"otlp_http": {"cluster": "collector", "timeout": "500ms"}},
        "batch": {"max_delay": "100ms"},
        "queue": queue,
        "rules": [{"match": {"paths": ["/healthz"]}, "sample": "1%"}],
        "chain": {"signing_key_env": "CHAIN"},
    });
    bootstrap
        .configure(FILTER, &configuration.to_string())
        .unwrap();
    let vm = "/typed_config/config/vm_config";
    bootstrap.filter(FILTER).unwrap().pointer_mut(vm).unwrap()["environment_variables"] = json!({
        "key_values": {"CHAIN": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"}
    });
    let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
    let client = envoy.client(Protocol::Http1);
    for _ in 0..30 {
        client.send(&Request::get("/orders/17")).unwrap();
        client.send(&Request::get("/healthz")).unwrap();
    }
    let wanted = || {
        let samples = envoy.prometheus().unwrap();
        let found = samples
            .iter()
            .any(|sample| sample.name == format!("{PREFIX}{expected}") && sample.value > 0.0);
        found.then_some(samples)
    };
    poll(20, wanted).unwrap_or_else(|| panic!("{expected} is not there: {:?}", envoy.prometheus()))
}

/// The names of metrics in a query.
fn metrics_in(query: &str) -> BTreeSet<String> {
    let words =
        query.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let ours = words.filter(|word| word.starts_with("meshward_") || word.starts_with("envoy_"));
    ours.map(str::to_owned).collect()
}

/// Every query of the dashboard and of the alert rules.
fn queries() -> Vec<String> {
    let folder = paths::root().join("envoy-test/grafana");
    let dashboard = fs::read_to_string(folder.join("audit-emitter.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let mut queries: Vec<String> = targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    assert!(queries.len() > 10);
    let rules = fs::read_to_string(folder.join("audit-emitter.rules.yaml")).unwrap();
    queries.extend(
        rules
            .lines()
            .filter(|line| line.contains("meshward_") || line.contains("envoy_wasm"))
            .map(str::to_owned),
    );
    queries
}

#[test]
fn dashboard_and_rules_ask_for_metrics_that_a_run_emits() {
    let small = |on_full: &str| json!({"max_records": 10, "on_full": on_full});
    let mut emitted = BTreeSet::new();
    let mut labels = BTreeSet::new();
    for (mood, queue, expected) in [
        (
            Mood::Accepting,
            json!({}),
            "flush_duration_milliseconds_count",
        ),
        (Mood::Refusing(503), small("drop"), "oldest_record_seconds"),
        (Mood::Refusing(503), small("drop"), "lost_total"),
        (Mood::Refusing(400), small("log"), "spilled_total"),
        (
            Mood::Refusing(503),
            small("reject"),
            "rejected_requests_total",
        ),
    ] {
        for sample in samples(mood, &queue, expected) {
            labels.extend(
                sample
                    .labels
                    .keys()
                    .map(|label| format!("{}/{label}", sample.name)),
            );
            emitted.insert(sample.name);
        }
    }
    let mut asked = 0;
    for query in queries() {
        for metric in metrics_in(&query) {
            // It counts what must not happen; no test can make it happen in Envoy.
            if metric == "envoy_wasm_audit_emitter_vm_reload_success" {
                continue;
            }
            assert!(emitted.contains(&metric), "{metric}: {query}\n{emitted:?}");
            asked += 1;
        }
    }
    assert!(asked > 15);
    for label in [
        "records_total/class",
        "records_total/decision",
        "lost_total/reason",
        "spilled_total/reason",
        "batches_total/result",
        "rejected_requests_total/outcome",
        "sampled_out_total/class",
    ] {
        assert!(labels.contains(&format!("{PREFIX}{label}")), "{label}");
    }
}

#[test]
fn promtool_takes_the_rules_and_they_fire_when_they_should() {
    let folder = paths::root().join("envoy-test/grafana");
    for arguments in [
        ["check", "rules", "audit-emitter.rules.yaml"],
        ["test", "rules", "audit-emitter.rules.test.yaml"],
    ] {
        let output = Command::new(paths::audit_tool("bin/promtool").unwrap())
            .args(arguments)
            .current_dir(&folder)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
    }
}

#[test]
fn istio_gets_the_same_labels() {
    let read = |path: &str| fs::read_to_string(paths::root().join(path)).unwrap();
    let page = read("filters/audit-emitter/README.md");
    let shipped = read("envoy-test/envoy/meshward.yaml");
    let tags: Vec<&str> = page
        .lines()
        .filter(|line| line.contains("tag_name:"))
        .map(str::trim)
        .collect();
    assert!(tags.len() >= 5);
    for tag in tags {
        assert!(shipped.contains(tag), "{tag}");
    }
}
