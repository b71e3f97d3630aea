//! What operators see of the filters: metrics, alert rules and dashboards that go together.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Envoy, Options, Sample};
use envoy_test::peers::{Algorithm, Endpoint, ISSUER, Mood, Peers, Token, UpstreamResponse};
use envoy_test::{FILTERS, output_of, paths, poll};
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
        "chain": {"signing_key_env": "CHAIN", "witness": {"ndjson_http": {"cluster": "collector", "path": "/witness"}}},
        "consent": {"gpp": {"query": "gpp"}},
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
        client.send(&Request::get("/orders/17?gpp=none")).unwrap();
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

/// The names of metrics in a query; what may be anything in them is `*`.
fn metrics_in(query: &str) -> BTreeSet<String> {
    let query = query.replace("(.+)", "*");
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_*".contains(character);
    let words = query.split(|character: char| !is_part(character));
    let ours = words.filter(|word| word.starts_with("meshward_") || word.starts_with("envoy_"));
    ours.map(str::to_owned).collect()
}

/// Whether a metric is emitted, by its name or by a pattern.
fn is_emitted(emitted: &BTreeSet<String>, metric: &str) -> bool {
    let Some((start, end)) = metric.split_once('*') else {
        return emitted.contains(metric);
    };
    let fits = |name: &String| name.starts_with(start) && name.ends_with(end);
    emitted.iter().any(fits)
}

/// The files of rules; all filters have one, and so has what concerns all of them.
const RULES: [&str; 5] = [
    "meshward",
    "jwt-auth",
    "token-bucket",
    "pii-redactor",
    FILTER,
];

/// The Grafana dashboards that are shipped, by the names of their files.
const DASHBOARDS: [&str; 5] = [
    "overview",
    "jwt-auth",
    "token-bucket",
    "pii-redactor",
    FILTER,
];

fn grafana() -> PathBuf {
    paths::root().join("envoy-test/grafana")
}

/// Every query of the dashboards and of the alert rules.
fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    for name in DASHBOARDS {
        let dashboard = fs::read_to_string(grafana().join(format!("{name}.json"))).unwrap();
        let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
        let panels = dashboard["panels"].as_array().unwrap().iter();
        let targets = panels
            .filter_map(|panel| panel["targets"].as_array())
            .flatten();
        let before = queries.len();
        queries.extend(targets.map(|target| target["expr"].as_str().unwrap().to_owned()));
        assert!(queries.len() - before >= 8, "{name}");
    }
    for name in RULES {
        let rules = fs::read_to_string(grafana().join(format!("{name}.rules.yaml"))).unwrap();
        let rules = rules.lines();
        let asks = |line: &&str| {
            let is_query = line.contains("meshward_") || line.contains("envoy_wasm");
            is_query && !line.contains("record:")
        };
        queries.extend(rules.filter(asks).map(str::to_owned));
    }
    queries
}

/// The samples of the other filters after requests of every kind.
fn samples_of_the_others() -> Vec<Sample> {
    let peers = Peers::start().unwrap();
    let mut bootstrap = peers
        .bootstrap(&["jwt-auth", "token-bucket", "pii-redactor"])
        .unwrap();
    let remote =
        json!({"remote": {"uri": "http://idp:8081/jwks", "cluster": "idp", "plain_http": true}});
    let auth = json!({
        "providers": {
            "corp": {"issuer": ISSUER, "audiences": ["orders-api"], "jwks": remote, "algorithms": ["RS256", "ES256"]},
            // The set has no key for it.
            "narrow": {"issuer": "https://narrow.test", "audiences": "any", "jwks": remote, "algorithms": ["EdDSA"],
                "from": [{"header": "x-narrow"}]},
            "opaque": {
                "introspection": {"uri": "http://idp:8081/introspect", "cluster": "idp", "plain_http": true,
                    "client_id": "edge", "client_secret_env": "EDGE_SECRET"},
                "from": [{"header": "x-opaque"}]
            },
            // The key is "test".
            "staff": {"api_keys": {"from": [{"header": "x-staff"}], "keys": [{"id": "ward-4", "scopes": ["emergency"],
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]}},
        },
        "break_glass": {"scopes": ["emergency"]},
        "rules": [
            {"match": {"paths": ["/ward"]}, "require": {"provider": "staff"}},
            {"match": {"paths": ["/orders/**"]}, "require": {"provider": "corp"}},
            {"match": {"paths": ["/narrow"]}, "require": {"provider": "narrow"}},
            {"match": {"paths": ["/opaque"]}, "require": {"provider": "opaque"}},
            {"match": {"paths": ["/reported"]}, "mode": "report", "require": {"provider": "corp"}},
        ],
        "default": "anonymous",
        "on_error": "allow",
        "failures": {"limits": [{"key": ["ip"], "rate": "1000/min"}]},
        // Nobody stands in front.
        "client_address": {"trusted_hops": 5},
        "response_rules": [{"match": {"paths": ["/broken"]}, "hide_errors": true}],
    });
    let limits = json!({
        "limits": [
            {"name": "all", "key": ["ip"], "rate": "1000/min"},
            {"name": "few", "match": {"paths": ["/few"]}, "key": ["ip"], "rate": "1/h"},
            {"name": "shown", "match": {"paths": ["/shown"]}, "key": ["ip"], "rate": "1/h", "mode": "report"},
            // Nobody there speaks the protocol.
            {"name": "asked", "match": {"paths": ["/asked"]}, "key": ["ip"],
                "service": {"cluster": "idp", "domain": "edge", "timeout": "1s"}},
        ],
        "bypass": {"claims": [{"claim": "sub", "equals": "smoke"}]},
    });
    let redact = json!({
        "rules": [
            {"name": "cards", "match": {"paths": ["/cards"]}, "apply_to": ["response.body"],
                "detect": ["CREDIT_CARD"]},
            {"name": "accounts", "match": {"paths": ["/account"]}, "apply_to": ["response.body"], "detect": ["IBAN"]},
            {"name": "shown", "match": {"paths": ["/shown"]}, "mode": "report", "apply_to": ["response.body"], "detect": ["EMAIL"]},
            {"name": "small", "match": {"paths": ["/small"]}, "apply_to": ["request.body"], "max_body": "8B"},
            {"name": "mails", "apply_to": ["response.body"], "detect": ["EMAIL"], "fields": [{"name": "secret", "action": "remove"}]},
        ],
        "actions": {"CREDIT_CARD": "block", "IBAN": "detect"},
        "budget": [{"name": "accounts", "key": ["ip"], "class": "IBAN", "values": "1/h", "then": "report"},
            {"name": "staff", "match": {"paths": ["/account"]}, "key": ["header:x-badge"], "on_missing_key": "deny", "class": "IBAN", "values": "1/h", "then": "report"}],
        "on_error": {"unsupported_encoding": "block", "unsupported_type": "pass"},
    });
    for (filter, configuration) in [
        ("jwt-auth", auth),
        ("token-bucket", limits),
        ("pii-redactor", redact),
    ] {
        bootstrap
            .configure(filter, &configuration.to_string())
            .unwrap();
    }
    bootstrap
        .set_environment("jwt-auth", "EDGE_SECRET", "of the edge")
        .unwrap();
    let body = |path: &str, content_type: &str, body: &str| {
        peers
            .upstream
            .respond_with(path, UpstreamResponse::new(200, content_type, body));
    };
    body(
        "/cards",
        "application/json",
        r#"{"card":"4111 1111 1111 1111"}"#,
    );
    body(
        "/shown",
        "application/json",
        r#"{"mail":"ada@example.com"}"#,
    );
    body(
        "/mails",
        "application/json",
        r#"{"mail":"ada@example.com"}"#,
    );
    body(
        "/account",
        "application/json",
        r#"{"iban":"DE89370400440532013000"}"#,
    );
    body(
        "/malformed",
        "application/json",
        r#"{"mail":"ada@example.com",,}"#,
    );
    body("/picture", "image/png", "\u{89}PNG");
    let broken = UpstreamResponse::new(503, "text/plain", "at line 7 of Shop.java");
    peers.upstream.respond_with("/broken", broken);
    let packed = UpstreamResponse::json("{}").header("content-encoding", "unheard-of");
    peers.upstream.respond_with("/packed", packed);
    // One key of the set cannot be used by anybody.
    let mut keys: Value = serde_json::from_str(&peers.idp.jwks()).unwrap();
    let unusable = json!({"kty": "EC", "kid": "half", "crv": "P-256", "x": "AA"});
    keys["keys"].as_array_mut().unwrap().push(unusable);
    peers.idp.set_body(Endpoint::Jwks, &keys.to_string());

    let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
    let client = envoy.client(Protocol::Http1);
    let token = |subject: &str| {
        peers
            .idp
            .mint(Algorithm::Rs256, &Token::of(subject))
            .unwrap()
    };
    let narrow = Token::of("alice").issuer("https://narrow.test");
    let narrow = peers.idp.mint(Algorithm::Rs256, &narrow).unwrap();
    for _ in 0..3 {
        for request in [
            Request::get("/orders/17"),
            Request::get("/orders/17").bearer(&token("alice")),
            Request::get("/orders/17").bearer(&token("smoke")),
            Request::get("/ward")
                .header("x-staff", "test")
                .header("x-break-glass", "ward 4"),
            Request::get("/reported"),
            Request::get("/narrow").header("x-narrow", &narrow),
            Request::get("/opaque").header("x-opaque", "anything"),
            Request::get("/few"),
            Request::get("/shown"),
            Request::get("/asked"),
            Request::get("/cards"),
            Request::get("/mails"),
            Request::get("/account"),
            Request::get("/malformed"),
            Request::get("/picture"),
            Request::get("/packed"),
            Request::get("/broken"),
            Request::new("POST", "/small").chunk("more than eight"),
        ] {
            // A blocked response may end in the middle.
            let _ = client.send(&request);
        }
    }
    // Counted with the tick.
    let expected = "meshward_token_bucket_bypassed_total";
    let wanted = || {
        let samples = envoy.prometheus().unwrap();
        let found = samples.iter().any(|s| s.name == expected && s.value > 0.0);
        found.then_some(samples)
    };
    poll(20, wanted).unwrap_or_else(|| panic!("{expected} is not there"))
}

/// Counters of what a test cannot make happen in Envoy, and why.
const NOT_PROVOKED: [&str; 18] = [
    "meshward_token_bucket_overflow_total", // more clients than the table has slots for
    "meshward_token_bucket_corrupt_total",  // another module that writes into the table
    "meshward_token_bucket_cas_retries_total", // two workers at the same bucket in the same instant
    "meshward_jwt_auth_failure_evictions_total", // failures from more addresses than there are cells
    "meshward_jwt_auth_failure_limit_errors_total", // shared memory that does not serve
    "meshward_jwt_auth_opt_out_errors_total",    // likewise
    "meshward_jwt_auth_opt_out_evictions_total", // more opt-outs than there is room for
    "meshward_jwt_auth_waiting_overflow_total",  // more requests than may wait
    "meshward_jwt_auth_consent_lookups_total",   // the consent service is that of a test of its own
    "meshward_jwt_auth_list_fetches_total",      // lists are fetched in a test of their own
    "meshward_jwt_auth_list_entries",
    "meshward_jwt_auth_list_age_seconds",
    "meshward_pii_redactor_budget_errors_total", // likewise
    "meshward_pii_redactor_budget_evictions_total", // more callers than there is room for
    "meshward_token_bucket_unshared_total",      // a host without shared memory
    "meshward_audit_emitter_handed_over_total",  // workers that end while others go on
    "meshward_audit_emitter_witness_lost_total", // a witness that is slower than a whole queue
    "meshward_*_route_config_errors_total",      // the metadata of routes is that of another test
];

#[test]
fn dashboards_and_rules_ask_for_metrics_that_a_run_emits() {
    let small = |on_full: &str| json!({"max_records": 10, "on_full": on_full});
    let mut emitted = BTreeSet::new();
    let mut labels = BTreeSet::new();
    for (mood, queue, expected) in [
        (
            Mood::Accepting,
            json!({}),
            "flush_duration_milliseconds_count",
        ),
        (Mood::Accepting, json!({}), "witness_batches_total"),
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
    emitted.extend(
        samples_of_the_others()
            .into_iter()
            .map(|sample| sample.name),
    );
    let mut asked = 0;
    for query in queries() {
        for metric in metrics_in(&query) {
            if NOT_PROVOKED.contains(&metric.as_str()) {
                assert!(!is_emitted(&emitted, &metric), "{metric} can be provoked");
                continue;
            }
            assert!(is_emitted(&emitted, &metric), "{metric}: {query}");
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
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

/// What is counted is for somebody to look at.
#[test]
fn a_dashboard_shows_each_metric_of_the_readmes() {
    let queries = queries().join("\n");
    let shown = metrics_in(&queries);
    let mut known = 0;
    for filter in FILTERS {
        let page = paths::root().join(format!("filters/{filter}/README.md"));
        let page = fs::read_to_string(page).unwrap();
        let section = page
            .lines()
            .skip_while(|line| *line != "## Metrics")
            .skip(1);
        let section = section.take_while(|line| !line.starts_with("## "));
        let names = section.filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        for (name, _) in names {
            let filter = filter.replace('-', "_");
            let metric = format!("meshward_{filter}_{name}");
            let histogram = format!("{metric}_bucket");
            let is_shown = shown.contains(&metric) || shown.contains(&histogram);
            assert!(is_shown, "{metric} is in no dashboard");
            known += 1;
        }
    }
    assert!(known > 40, "{known}");
}

/// In the bundle, too, where the parts share the time of a callback.
#[test]
fn checking_a_signature_takes_time() {
    let peers = Peers::start().unwrap();
    let mut bootstrap = peers.bootstrap(&FILTERS).unwrap();
    bootstrap.bundle().unwrap();
    let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
    let token = Token::of("alice").scope("orders:read");
    let token = peers.idp.mint(Algorithm::Rs256, &token).unwrap();
    let response = envoy
        .client(Protocol::Http1)
        .send(&Request::get("/orders/17").bearer(&token))
        .unwrap();
    assert_eq!(response.status, 200);
    let took_us = || {
        let samples = envoy.prometheus().unwrap();
        let mut sums = samples.into_iter().filter(|sample| {
            sample.name == "meshward_jwt_auth_verification_microseconds_sum" && sample.value > 0.0
        });
        sums.next()
    };
    assert!(poll(20, took_us).is_some(), "{:?}", envoy.prometheus());
}

#[test]
fn promtool_takes_the_rules_and_they_fire_when_they_should() {
    let checks = RULES.map(|name| ("check", format!("{name}.rules.yaml")));
    let tests = RULES.into_iter().chain(["weeks"]);
    let tests = tests.map(|name| ("test", format!("{name}.rules.test.yaml")));
    for (command, file) in checks.into_iter().chain(tests) {
        let output = Command::new(paths::audit_tool("bin/promtool").unwrap())
            .args([command, "rules", &file])
            .current_dir(grafana())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
    }
}

/// The files are what `dashboards.py` writes, so that nobody edits one in vain.
#[test]
fn dashboards_are_what_their_script_writes() {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Command::new("python3");
    script
        .arg(grafana().join("dashboards.py"))
        .arg(folder.path());
    output_of(&mut script).unwrap();
    for name in DASHBOARDS {
        let file = format!("{name}.json");
        let fresh = fs::read_to_string(folder.path().join(&file)).unwrap();
        let shipped = fs::read_to_string(grafana().join(&file)).unwrap();
        assert!(
            fresh == shipped,
            "{file} is stale; run python3 envoy-test/grafana/dashboards.py"
        );
    }
}

#[test]
fn istio_gets_the_same_labels() {
    let tags = |path: &str| -> Vec<String> {
        let text = fs::read_to_string(paths::root().join(path)).unwrap();
        let lines = text.lines().filter(|line| line.contains("tag_name:"));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    let shipped = tags("envoy-test/envoy/meshward.yaml");
    assert!(shipped.len() >= 14, "{shipped:?}");
    assert_eq!(tags("envoy-test/istio/metrics.yaml"), shipped);
}
