//! Chains, checkpoints, gaps, witnesses and hand-over, in a host in memory.

mod batches;
mod gaps;
mod succession;
mod synchronous;

use std::time::Duration;

use crate::support::{
    Collector, assert_whole, configured, get, get_and_send, logged, metric, requests_in, spilled,
    with_configuration,
};
use audit::keys::PublicKey;
use audit::record::Record;
use audit::{Control, Hash};
use audit_emitter::AuditEmitter;
use host::fake::{Process, Profile, Proxy, Request, Response};
use policy::decision::{Decision, Outcome as Decided};
use policy::finding::{Category, Finding, FindingOutcome, Place};

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn signed(sink: &str, more: &str) -> Proxy {
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    proxy.host().set_environment_variable("KEY", SEED);
    let configuration = format!(
        r#"{{"sink":{sink},"chain":{{"signing_key_env":"KEY","key_id":"edge-1","witness":{{"ndjson_http":{{"cluster":"witness"}}}}}}{more}}}"#
    );
    proxy.configure(configuration).unwrap();
    proxy
}

const OTLP: &str = r#"{"otlp_http":{"cluster":"collector"}}"#;

fn kinds(controls: &[Control]) -> Vec<&'static str> {
    controls.iter().map(Control::kind).collect()
}

#[test]
fn every_batch_ends_with_a_signature_that_a_witness_sees_too() {
    let mut proxy = signed(OTLP, "");
    let collector = Collector::of(&mut proxy);
    for _ in 0..3 {
        get(&mut proxy, "/orders/1");
        get_and_send(&mut proxy, "/orders/2");
    }
    let texts = collector.texts.borrow().clone();
    assert_eq!(texts.len(), 1 + 6 + 3);
    assert_eq!(assert_whole(&texts), 0);
    let key = PublicKey::from_hex(PUBLIC).unwrap();
    let records: Vec<Record> = texts
        .iter()
        .map(|t| Record::check_text(t).unwrap())
        .collect();
    let signed: Vec<u64> = records
        .iter()
        .filter(|record| record.is_signed_by(&key))
        .map(|record| record.sequence)
        .collect();
    assert_eq!(signed, [0, 3, 6, 9]);
    assert_eq!(records[3].signature.as_ref().unwrap().0, "edge-1");
    let statement = records[9].control.as_ref().unwrap().statement().unwrap();
    assert_eq!((statement.records, statement.previous_checkpoint), (6, 6));
    let testimony = collector.testimony.borrow();
    assert_eq!(testimony.len(), 4);
    assert!(testimony.iter().all(|record| texts.contains(record)));
    assert_eq!(metric(&proxy, "checkpoints_total"), 4);
    assert_eq!(metric(&proxy, "chains_opened_total"), 1);
    assert_eq!(metric(&proxy, "witness_batches_total;result=delivered"), 4);
}

/// What callers got in clear is added up in what is signed, and stays when the records go.
#[test]
fn signed_records_state_what_was_disclosed() {
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    let host = proxy.host();
    host.set_environment_variable("KEY", SEED);
    host.set_environment_variable("SUBJECT", PUBLIC);
    let configuration = format!(
        r#"{{"sink":{OTLP},"chain":{{"signing_key_env":"KEY"}},"subject":{{"pseudonymize":{{"key_env":"SUBJECT","epoch":"2026"}}}},
            "rules":[{{"match":{{"paths":["/patients/**"]}},"data_subject":{{"path":"/patients/{{id}}/**"}}}}]}}"#
    );
    proxy.configure(configuration).unwrap();
    let collector = Collector::of(&mut proxy);
    let get = |proxy: &mut Proxy, path: &str, kind: &str, outcome, count| {
        let finding = Finding::new(kind, Category::Personal, Place::ResponseBody, outcome);
        let found = Decision::new("pii-redactor", Decided::Allowed).found(finding.times(count));
        proxy.run(
            &Request::get(path).decisions(&[found]),
            &Response::json("{}"),
        );
    };
    get(&mut proxy, "/patients/7", "US_SSN", FindingOutcome::Seen, 3);
    get(&mut proxy, "/patients/8", "US_SSN", FindingOutcome::Seen, 1);
    get(
        &mut proxy,
        "/patients/9",
        "US_SSN",
        FindingOutcome::Masked,
        5,
    );
    get(&mut proxy, "/orders/1", "EMAIL", FindingOutcome::Seen, 2);
    proxy.advance(Duration::from_secs(2));
    get(&mut proxy, "/patients/7", "EMAIL", FindingOutcome::Seen, 1);
    proxy.advance(Duration::from_secs(2));
    let controls = collector.controls();
    let stated: Vec<String> = controls
        .iter()
        .filter_map(Control::statement)
        .map(|stated| format!("{:?} {:?}", stated.disclosed, stated.disclosed_people))
        .collect();
    assert_eq!(
        stated,
        [
            r#"{"EMAIL": 2, "US_SSN": 4} {"US_SSN": 2}"#,
            r#"{"EMAIL": 3, "US_SSN": 4} {"EMAIL": 1, "US_SSN": 2}"#,
        ]
    );
}

#[test]
fn silence_is_broken_by_heartbeats_but_nothing_is_opened_without_a_record() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    proxy.advance(Duration::from_secs(600));
    assert!(collector.texts.borrow().is_empty());
    get(&mut proxy, "/orders/1");
    proxy.advance(Duration::from_secs(200));
    let controls = collector.controls();
    assert_eq!(
        kinds(&controls),
        ["open", "checkpoint", "heartbeat", "heartbeat", "heartbeat"]
    );
    assert_whole(&collector.texts.borrow());
}

#[test]
fn each_retention_class_has_a_chain_of_its_own() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    for _ in 0..3 {
        get(&mut proxy, "/patients/7");
        get(&mut proxy, "/orders/1");
    }
    proxy.advance(Duration::from_secs(2));
    let texts = collector.texts.borrow();
    assert_whole(&texts);
    let chain = |text: &String| {
        let record = Record::check_text(text).unwrap();
        (record.chain_uid, record.class)
    };
    let mut chains: Vec<_> = texts.iter().map(chain).collect();
    chains.sort();
    chains.dedup();
    assert_eq!(chains.len(), 2);
    assert_ne!(chains[0].1, chains[1].1);
}

/// Who takes a whole chain away leaves no hole in any other; so the others speak of it.
#[test]
fn signed_records_name_the_chains_and_emitters_beside_them() {
    let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
    let process = Process::new(Profile::Envoy);
    let mut one = worker(&process, 1, &configuration);
    let collector = Collector::of(&mut one);
    let mut other = worker(&process, 2, &configuration);
    collector.serve(&mut other);
    for _ in 0..3 {
        get(&mut one, "/patients/1");
        get(&mut one, "/orders/1");
        get(&mut other, "/orders/2");
        one.advance(Duration::from_secs(2));
        other.advance(Duration::from_secs(2));
    }
    assert!(one.shut_down());
    let texts = collector.texts.borrow().clone();
    let records: Vec<Record> = texts
        .iter()
        .map(|text| Record::check_text(text).unwrap())
        .collect();
    let emitters: std::collections::BTreeSet<String> = records
        .iter()
        .filter_map(|record| match record.control.as_ref()? {
            Control::Open { emitter, .. } => Some(emitter.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(emitters.len(), 2);
    let chains: std::collections::BTreeSet<&str> = records
        .iter()
        .map(|record| record.chain_uid.as_str())
        .collect();
    assert_eq!(chains.len(), 3);
    // Without any one chain, what is left still names it.
    for taken in chains {
        let left = records.iter().filter(|record| record.chain_uid != taken);
        let statements: Vec<_> = left
            .filter_map(|record| record.control.as_ref()?.statement())
            .collect();
        let emitter = records
            .iter()
            .filter(|record| record.chain_uid == taken)
            .find_map(|record| Some(record.control.as_ref()?.statement()?.emitter.clone()))
            .unwrap();
        let is_named = statements.iter().any(|statement| {
            statement.peers.siblings.iter().any(|head| {
                head.chain_uid == taken
                    && records.iter().any(|record| {
                        record.chain_uid == taken && record.fingerprint == head.fingerprint
                    })
            }) || statement.peers.emitters.contains(&emitter)
        });
        assert!(is_named, "{taken}");
    }
}

/// Of many classes each is named by others, the last ones too.
#[test]
fn of_many_classes_each_is_named() {
    let rules: Vec<String> = (0..40)
        .map(|number| {
            format!(
                r#"{{"match":{{"paths":["/c{number}"]}},"retention":{{"class":"c{number:02}"}}}}"#
            )
        })
        .collect();
    let rules = format!(r#"{{"sink":"host_log","rules":[{}]}}"#, rules.join(","));
    let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
    proxy.configure(rules).unwrap();
    for number in 0..40 {
        get(&mut proxy, &format!("/c{number}"));
    }
    proxy.advance(Duration::from_secs(130));
    let records = logged(&proxy);
    let records: Vec<Record> = records
        .iter()
        .map(|text| Record::check_text(text).unwrap())
        .collect();
    let last = |class: &str| {
        let of = records.iter().rev().filter(|record| record.class == class);
        let mut statements = of.filter_map(|record| record.control.as_ref()?.statement());
        statements.next().unwrap().peers.siblings.clone()
    };
    let mut named: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for number in 0..40 {
        for head in last(&format!("c{number:02}")) {
            *named.entry(head.chain_uid).or_default() += 1;
        }
    }
    assert_eq!(named.len(), 40, "{named:?}");
    assert!(named.values().all(|count| *count == 32), "{named:?}");
}

/// One more worker of a process, with a random source of its own.
fn worker(process: &Process, seed: u64, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native_worker::<AuditEmitter>(process);
    proxy.host().set_random_seed(seed);
    proxy.configure(configuration).unwrap();
    proxy
}

#[test]
fn keys_must_be_good_ones() {
    for (chain, key, expected) in [
        (
            r#"{"signing_key_env":"KEY"}"#,
            "",
            r#""KEY" is set, but empty"#,
        ),
        (
            r#"{"signing_key_env":"KEY"}"#,
            "hunter2",
            "expected 32 bytes",
        ),
        (
            r#"{"signing_key_env":"KEY"}"#,
            "0000000000000000000000000000000000000000000000000000000000000000",
            "can be guessed",
        ),
        (
            r#"{"signing_key_env":"KEY","witness":{"ndjson_http":{"cluster":"w","headers_env":{"authorization":"NONE"}}}}"#,
            SEED,
            r#"chain.witness.headers_env.authorization: the environment variable "NONE" is not set"#,
        ),
    ] {
        let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
        proxy.host().set_environment_variable("KEY", key);
        let configuration = format!(r#"{{"sink":"host_log","chain":{chain}}}"#);
        let refused = proxy.configure(configuration).unwrap_err();
        assert!(refused.text().contains(expected), "{}", refused.text());
        assert!(key.is_empty() || !refused.text().contains(key));
    }
}

#[test]
fn hosts_without_a_tick_are_told_of_checkpoints_by_requests() {
    let mut proxy = with_configuration(Profile::Apisix, r#"{"sink":"host_log"}"#);
    for _ in 0..30 {
        get(&mut proxy, "/orders/1");
        proxy.host().process().advance(Duration::from_secs(1));
    }
    let texts = logged(&proxy);
    assert_eq!(assert_whole(&texts), 0);
    let checkpoints = texts
        .iter()
        .filter(|text| text.contains(r#""kind":"checkpoint""#));
    assert_eq!(checkpoints.count(), 2);
}
