//! All four filters in one real Envoy, as they are shipped: as four modules and as the bundle.

use std::collections::BTreeMap;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::otlp::Record;
use envoy_test::peers::{Algorithm, Peers, Token};
use envoy_test::{ENVOY_VERSIONS, FILTERS};
use serde_json::Value;

/// How the filters are put into Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    Separate,
    Bundle,
}

const BOTH: [Chain; 2] = [Chain::Separate, Chain::Bundle];

fn start(peers: &Peers, chain: Chain, options: Options) -> Envoy {
    let mut bootstrap = peers.bootstrap(&FILTERS).unwrap();
    if chain == Chain::Bundle {
        bootstrap.bundle().unwrap();
    }
    Envoy::start(&bootstrap, options).unwrap()
}

/// What was decided about a request, in the order of the chain.
fn decisions(record: &Record) -> Vec<String> {
    let all = record.body["authorizations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.iter()
        .map(|item| {
            let policy = word(&item["policy"]["name"]);
            let filter = policy.split('/').next().unwrap_or_default();
            format!("{filter} {}", word(&item["decision"]))
        })
        .collect()
}

/// Sends what each filter has something to say about, and looks at what it said.
fn one_of_each(envoy: &Envoy, peers: &Peers, protocol: Protocol) {
    let client = envoy.client(protocol);
    let subject = format!("drew-{protocol:?}");
    let token = Token::of(&subject).scope("patients:read orders:read");
    let token = peers.idp.mint(Algorithm::Es256, &token).unwrap();
    let before = peers.collector.records().len();

    assert_eq!(
        client.send(&Request::get("/orders/17")).unwrap().status,
        401
    );
    let patient = client
        .send(&Request::get("/patients/7").bearer(&token))
        .unwrap();
    assert_eq!(patient.status, 200);
    assert!(patient.text().contains("[EMAIL]"), "{patient:?}");
    assert!(!patient.text().contains("ada@example.com"), "{patient:?}");
    // The limit is on the verified subject: the token's claim reached the next filter.
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    for _ in 0..30 {
        let response = client
            .send(&Request::get("/orders/17").bearer(&token))
            .unwrap();
        *statuses.entry(response.status).or_default() += 1;
    }
    assert!(statuses[&200] >= 19 && statuses[&429] >= 8, "{statuses:?}");

    let records = peers.collector.wait_for(before + 32).unwrap();
    let mut seen: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    for record in records.iter().skip(before) {
        *seen.entry(decisions(record)).or_default() += 1;
        let anonymous = record.body["actor"]["user"]["name"] == "anonymous";
        let caller = record.body["actor"]["user"]["uid"] == subject.as_str();
        assert!(anonymous || caller, "{:?}", record.body);
    }
    let chain = |list: &[&str]| -> Vec<String> { list.iter().map(|s| (*s).to_owned()).collect() };
    let passed = ["jwt-auth allowed", "token-bucket allowed"];
    assert_eq!(seen[&chain(&["jwt-auth denied"])], 1);
    assert_eq!(
        seen[&chain(&[passed[0], passed[1], "pii-redactor redacted"])],
        1
    );
    assert_eq!(seen[&chain(&passed)], statuses[&200]);
    assert_eq!(
        seen[&chain(&[passed[0], "token-bucket denied"])],
        statuses[&429]
    );
    assert_eq!(peers.collector.malformed(), Vec::<String>::new());
}

#[test]
fn works_on_every_envoy_of_the_matrix() {
    let versions = ENVOY_VERSIONS.into_iter();
    for (version, chain) in versions.flat_map(|version| BOTH.map(|chain| (version, chain))) {
        let peers = Peers::start().unwrap();
        let envoy = start(
            &peers,
            chain,
            Options {
                version,
                ..Options::default()
            },
        );
        for protocol in Protocol::BOTH {
            one_of_each(&envoy, &peers, protocol);
        }
        assert_eq!(envoy.traps(), 0, "{version} {chain:?}");
        assert!(envoy.stop().unwrap().cleanly, "{version} {chain:?}");
    }
}

#[test]
fn every_label_of_a_metric_is_one_in_prometheus() {
    let peers = Peers::start().unwrap();
    let envoy = start(
        &peers,
        Chain::Bundle,
        Options {
            workers: 2,
            ..Options::default()
        },
    );
    one_of_each(&envoy, &peers, Protocol::Http1);
    // What is counted in between is in the second only.
    let stats = envoy.stats().unwrap();
    let samples = envoy.prometheus().unwrap();
    let mut compared = 0;
    for (name, value) in stats.starting_with("wasmcustom.meshward.") {
        let mut parts = name.strip_prefix("wasmcustom.").unwrap().split(';');
        let name = parts.next().unwrap().replace(['.', '-'], "_");
        let labels: BTreeMap<String, String> = parts
            .map(|label| label.split_once('=').unwrap())
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect();
        let sample = samples
            .iter()
            .find(|sample| sample.name == name && sample.labels == labels);
        assert!(
            sample.is_some(),
            "{name} {labels:?} of value {value} is not in Prometheus"
        );
        compared += labels.len();
    }
    assert!(compared > 8, "there were only {compared} labels to compare");
}

#[test]
fn an_attacker_cannot_hand_in_an_identity() {
    for chain in BOTH {
        forged_identities(chain);
    }
}

fn forged_identities(chain: Chain) {
    let peers = Peers::start().unwrap();
    let envoy = start(&peers, chain, Options::default());
    let identity = r#"{"subject":"admin","scopes":["patients:read","orders:read"]}"#;
    for protocol in Protocol::BOTH {
        let client = envoy.client(protocol);
        let forged = |request: Request| request.header("x-meshward-identity", identity);
        let response = client.send(&forged(Request::get("/orders/17"))).unwrap();
        assert_eq!(response.status, 401);
        let token = Token::of("eve").scope("profile");
        let token = peers.idp.mint(Algorithm::Rs256, &token).unwrap();
        let response = client
            .send(&forged(Request::get("/orders/17").bearer(&token)))
            .unwrap();
        assert_eq!(response.status, 403);
        let response = client
            .send(&forged(Request::get("/echo").bearer(&token)))
            .unwrap();
        assert!(
            !response.text().contains("meshward"),
            "the upstream sees no identity: {response:?}"
        );
    }
}
