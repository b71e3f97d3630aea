//! Chains, checkpoints, gaps, witnesses and hand-over, in a host in memory.

use std::time::Duration;

use crate::support::{
    Collector, assert_whole, configured, get, logged, metric, requests_in, spilled,
    with_configuration,
};
use audit::keys::PublicKey;
use audit::record::Record;
use audit::{Control, Hash};
use audit_emitter::AuditEmitter;
use host::fake::{Process, Profile, Proxy, Request, Response};
use policy::decision::{Decision, Outcome as Decided};

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
        get(&mut proxy, "/orders/2");
        proxy.advance(Duration::from_secs(2));
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

#[test]
fn what_is_lost_is_told_in_the_chain() {
    for (on_full, kept) in [("drop", None), ("log", Some("host_log"))] {
        let mut proxy = configured(Profile::Envoy, on_full);
        let collector = Collector::of(&mut proxy);
        collector.down.set(true);
        (0..30).for_each(|_| {
            get(&mut proxy, "/orders/1");
        });
        proxy.advance(Duration::from_secs(2));
        collector.down.set(false);
        proxy.advance(Duration::from_secs(40));
        assert_whole(&collector.texts.borrow());
        let gaps: Vec<_> = collector
            .controls()
            .into_iter()
            .filter_map(|control| match control {
                Control::Gap(lost) => Some(lost),
                _ => None,
            })
            .collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!((gaps[0].count, gaps[0].reason.as_str()), (12, "queue_full"));
        assert_eq!(gaps[0].kept.as_deref(), kept);
        assert_eq!(gaps[0].ranges.len(), usize::from(kept.is_some()));
        // With what is in the log, the chain has no gap at all.
        let mut everything = collector.texts.borrow().clone();
        everything.extend(logged(&proxy));
        assert_whole(&everything);
        let controls = collector.controls();
        let lost = controls.last().unwrap().statement().unwrap().lost.clone();
        assert_eq!(
            lost.get("queue_full").copied().unwrap_or(0),
            if kept.is_some() { 0 } else { 12 }
        );
    }
}

/// No later signature can vouch for records that have a gap after them.
#[test]
fn what_is_before_a_gap_is_signed() {
    let more = r#","queue":{"max_records":20,"on_full":"log"}"#;
    let mut proxy = signed(OTLP, more);
    let collector = Collector::of(&mut proxy);
    collector.down.set(true);
    for _ in 0..40 {
        get(&mut proxy, "/orders/1");
        proxy.host().process().advance(Duration::from_millis(20));
    }
    collector.down.set(false);
    proxy.advance(Duration::from_secs(40));
    let texts = collector.texts.borrow();
    assert_whole(&texts);
    let mut records: Vec<Record> = texts
        .iter()
        .map(|t| Record::check_text(t).unwrap())
        .collect();
    records.sort_by_key(|record| record.sequence);
    let before_gap: Vec<bool> = records
        .windows(2)
        .filter(|pair| pair[0].sequence + 1 < pair[1].sequence)
        .map(|pair| pair[0].signature.is_some())
        .collect();
    assert_eq!(before_gap, [true]);
    let signatures = records
        .iter()
        .filter(|record| record.signature.is_some())
        .count();
    assert!(signatures < 8, "{signatures}");
}

#[test]
fn a_collector_that_rejects_everything_is_not_told_of_it_for_ever() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.status.set(400);
    get(&mut proxy, "/orders/1");
    proxy.advance(Duration::from_secs(600));
    assert_eq!(spilled(&proxy), 1);
    // A gap and a checkpoint for the request, then those and a heartbeat each minute.
    assert!(logged(&proxy).len() < 40, "{}", logged(&proxy).len());
    assert_whole(&logged(&proxy));
    collector.status.set(200);
    get(&mut proxy, "/orders/2");
    proxy.advance(Duration::from_secs(2));
    assert_whole(
        &collector
            .texts
            .borrow()
            .iter()
            .chain(&logged(&proxy))
            .cloned()
            .collect::<Vec<_>>(),
    );
}

/// The record that tells of a rejected batch may be rejected itself. The store must know of all that
/// it lacks, without the log.
#[test]
fn what_is_said_in_a_rejected_record_is_said_again() {
    for assurance in ["buffered", "synchronous"] {
        let more = format!(r#","assurance":"{assurance}","on_error":"allow""#);
        let mut proxy = signed(OTLP, &more);
        let collector = Collector::of(&mut proxy);
        get(&mut proxy, "/orders/1");
        proxy.advance(Duration::from_secs(2));
        collector.status.set(400);
        for _ in 0..3 {
            (0..20).for_each(|_| {
                get(&mut proxy, "/orders/2");
            });
            proxy.advance(Duration::from_secs(2));
        }
        // It takes records again, and first the next ones.
        collector.status.set(200);
        get(&mut proxy, "/orders/3");
        proxy.advance(Duration::from_secs(2));
        get(&mut proxy, "/orders/3");
        proxy.advance(Duration::from_secs(2));
        assert_whole(&collector.texts.borrow());
        let told: u64 = collector
            .controls()
            .iter()
            .filter_map(|control| match control {
                Control::Gap(lost) => Some(lost.count),
                _ => None,
            })
            .sum();
        let rejected = u64::try_from(spilled(&proxy)).unwrap();
        assert!(told >= rejected && rejected >= 60, "{told} of {rejected}");
    }
}

#[test]
fn what_was_taken_over_and_is_rejected_is_told_by_who_took_it_over() {
    let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
    let process = Process::new(Profile::Envoy);
    let mut old = worker(&process, 1, &configuration);
    let collector = Collector::of(&mut old);
    collector.status.set(400);
    get(&mut old, "/orders/1");
    old.advance(Duration::from_secs(2));
    collector.down.set(true);
    get(&mut old, "/orders/1");
    old.advance(Duration::from_secs(2));
    let mut new = worker(&process, 2, &configuration);
    collector.serve(&mut new);
    get(&mut new, "/patients/2");
    assert!(old.shut_down());
    // What was left is rejected too, before there is a chain of its class here.
    collector.down.set(false);
    new.advance(Duration::from_secs(40));
    collector.status.set(200);
    get(&mut new, "/orders/3");
    new.advance(Duration::from_secs(40));
    get(&mut new, "/orders/3");
    new.advance(Duration::from_secs(80));
    let texts = collector.texts.borrow();
    let of_the_old: Vec<_> = logged(&old)
        .iter()
        .chain(&logged(&new))
        .map(|text| Record::check_text(text).unwrap())
        .filter(|record| texts.iter().all(|text| !text.contains(&record.chain_uid)))
        .collect();
    // Not a record of the old chain is in the store, and every one of them is told of there.
    let told: Vec<_> = collector
        .controls()
        .into_iter()
        .filter_map(|control| match control {
            Control::Gap(lost) if lost.chain_uid.is_some() => Some(lost),
            _ => None,
        })
        .collect();
    assert!(!told.is_empty());
    for record in of_the_old {
        let is_told = told.iter().any(|lost| {
            lost.chain_uid.as_ref() == Some(&record.chain_uid)
                && lost
                    .ranges
                    .iter()
                    .any(|range| (range.0..=range.1).contains(&record.sequence))
        });
        assert!(is_told, "{}:{}", record.chain_uid, record.sequence);
    }
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

#[test]
fn a_part_that_is_not_taken_is_in_the_log() {
    for (encoding, response) in [
        // partial_success = 1 { rejected_log_records = 1 } is 1.
        ("protobuf", "\u{a}\u{2}\u{8}\u{1}"),
        ("json", r#"{"partialSuccess":{"rejectedLogRecords":"1"}}"#),
    ] {
        let configuration = format!(
            r#"{{"sink":{{"otlp_http":{{"cluster":"collector","encoding":"{encoding}"}}}}}}"#
        );
        let mut proxy = with_configuration(Profile::Envoy, &configuration);
        let collector = Collector::of(&mut proxy);
        collector.body.replace(response.to_owned());
        get(&mut proxy, "/orders/1");
        proxy.advance(Duration::from_secs(1));
        assert_eq!(spilled(&proxy), 1, "{encoding}");
        assert_eq!(metric(&proxy, "batches_total;result=rejected"), 1);
        assert_eq!(metric(&proxy, "spilled_total;reason=rejected"), 3);
    }
}

/// What a collector routes by, and the records, are the same in both.
#[test]
fn both_encodings_of_otlp_say_the_same() {
    let sent = |encoding: &str| {
        let configuration = format!(
            r#"{{"sink":{{"otlp_http":{{"cluster":"collector","encoding":"{encoding}"}}}},"rules":[{{"match":{{"paths":["/patients/**"]}},"retention":{{"class":"hipaa"}}}}]}}"#
        );
        let mut proxy = Proxy::native::<AuditEmitter>(Profile::Envoy);
        proxy.host().set_random_seed(7);
        proxy.configure(configuration).unwrap();
        let collector = Collector::of(&mut proxy);
        for path in ["/patients/7", "/orders/\"é\\", "/orders/1"] {
            let request = Request::get(path).header(
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            );
            proxy.run(&request, &Response::json("{}"));
        }
        proxy.advance(Duration::from_secs(2));
        let logs = collector.logs.borrow();
        let logs = logs.iter().map(|log| {
            let names = [
                "timeUnixNano",
                "severityNumber",
                "eventName",
                "body",
                "attributes",
                "traceId",
                "spanId",
            ];
            names
                .map(|name| {
                    log.member(name)
                        .map(ToString::to_string)
                        .unwrap_or_default()
                })
                .map(|text| if text == "\"\"" { String::new() } else { text })
                // The configuration is another, and with it the first record of each chain and all hashes.
                .map(|text| {
                    if text.contains("stringValue") && text.contains("fingerprint") {
                        String::new()
                    } else {
                        text
                    }
                })
        });
        let logs: Vec<_> = logs.collect();
        (logs, collector.paths())
    };
    let (protobuf, paths) = sent("protobuf");
    assert!(protobuf.len() >= 5, "{protobuf:?}");
    assert_eq!((protobuf, paths), sent("json"));
}

#[test]
fn what_is_too_large_is_sent_in_pieces() {
    let mut proxy = configured(Profile::Envoy, "log");
    let collector = Collector::of(&mut proxy);
    collector.status.set(413);
    (0..8).for_each(|_| {
        get(&mut proxy, "/orders/1");
    });
    proxy.advance(Duration::from_secs(1));
    assert_eq!(collector.records().len(), 0);
    assert!(metric(&proxy, "batches_total;result=split") > 2);
    // Down to single records, which then are in the log.
    assert_eq!(spilled(&proxy), 8);
    collector.status.set(200);
    get(&mut proxy, "/orders/9");
    proxy.advance(Duration::from_secs(3));
    let mut everything = collector.texts.borrow().clone();
    everything.extend(logged(&proxy));
    assert_whole(&everything);
    assert_eq!(requests_in(&everything).len(), 9);
}

#[test]
fn at_most_two_batches_are_under_way_and_one_that_hangs_is_sent_again_as_it_was() {
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"collector","timeout":"1s"}},"batch":{"max_records":2,"max_delay":"100ms"}}"#;
    let mut proxy = with_configuration(Profile::Envoy, configuration);
    let collector = Collector::of(&mut proxy);
    collector.hangs.set(true);
    for number in 0..20 {
        get(&mut proxy, &format!("/orders/{number}"));
        proxy.advance(Duration::from_millis(200));
        assert!(
            proxy.host().pending_calls().len() <= 2 + 2 * usize::try_from(number / 15).unwrap()
        );
    }
    collector.hangs.set(false);
    proxy.advance(Duration::from_secs(60));
    let paths = collector.paths();
    let mut distinct = paths;
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 20);
    assert_whole(&collector.texts.borrow());
    let mut keys = collector.keys.borrow().clone();
    assert!(
        keys.iter()
            .all(|key| key.starts_with('"') && key.ends_with('"'))
    );
    let sent = keys.len();
    keys.sort();
    keys.dedup();
    assert!(keys.len() <= sent);
}

#[test]
fn all_forms_carry_the_same_records() {
    for sink in ["otlp_http", "ndjson_http", "cloudevents_http"] {
        let sink = format!(r#"{{"{sink}":{{"cluster":"collector"}}}}"#);
        let mut proxy = signed(&sink, "");
        let collector = Collector::of(&mut proxy);
        get(&mut proxy, "/orders/1");
        proxy.advance(Duration::from_secs(2));
        let texts = collector.texts.borrow();
        assert_whole(&texts);
        assert_eq!((texts.len(), requests_in(&texts).len()), (3, 1), "{sink}");
    }
}

/// One more worker of a process, with a random source of its own.
fn worker(process: &Process, seed: u64, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native_worker::<AuditEmitter>(process);
    proxy.host().set_random_seed(seed);
    proxy.configure(configuration).unwrap();
    proxy
}

#[test]
fn who_goes_on_takes_over_what_waits() {
    let before = crate::support::COLLECTOR.replace("ON_FULL", "log");
    for after in [before.replace("6y", "7y"), before.clone()] {
        let process = Process::new(Profile::Envoy);
        let mut old = worker(&process, 1, &before);
        let collector = Collector::of(&mut old);
        collector.down.set(true);
        (0..5).for_each(|_| {
            get(&mut old, "/orders/1");
        });
        old.advance(Duration::from_secs(20));
        let mut new = worker(&process, 2, &after);
        collector.serve(&mut new);
        get(&mut new, "/orders/2");
        assert!(old.shut_down());
        assert_eq!(logged(&old).len() + logged(&new).len(), 0);
        collector.down.set(false);
        new.advance(Duration::from_secs(40));
        let texts = collector.texts.borrow().clone();
        assert_whole(&texts);
        assert_eq!(requests_in(&texts).len(), 6);
        let controls = collector.controls();
        let closed = |reason: &str| {
            let closed = |control: &&Control| matches!(control, Control::Close { reason: r, .. } if r == reason);
            controls.iter().filter(closed).count()
        };
        assert_eq!((closed("replaced"), closed("shutdown")), (1, 0));
        let changed = kinds(&controls).contains(&"config_change");
        assert_eq!(changed, after != before);
        assert_eq!(metric(&new, "handed_over_total"), 8);
        assert_eq!(metric(&new, "queue_records"), 0);
        assert!(new.shut_down());
        assert_whole(&[texts, logged(&new)].concat());
    }
}

#[test]
fn whoever_is_the_last_writes_down_everything() {
    // Three workers end one after the other, in any order, as at the end of a proxy.
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let process = Process::new(Profile::Envoy);
        let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
        let mut workers: Vec<Proxy> = (1..=3)
            .map(|seed| worker(&process, seed, &configuration))
            .collect();
        // A worker that saw no request, and one of another listener with another configuration.
        let mut idle = worker(&process, 9, &configuration);
        workers[1]
            .configure(configuration.replace("6y", "7y"))
            .unwrap();
        let collector = Collector::default();
        collector.down.set(true);
        for worker in &mut workers {
            collector.serve(worker);
            get(worker, "/orders/1");
        }
        for index in order {
            assert!(workers[index].shut_down());
        }
        assert!(idle.shut_down());
        let texts: Vec<String> = workers.iter().flat_map(logged).collect();
        assert_eq!(assert_whole(&texts), 0);
        assert_eq!(requests_in(&texts).len(), 3, "{order:?}");
        let last = logged(&workers[order[2]]);
        assert_eq!(last.len(), texts.len());
    }
}

#[test]
fn a_worker_that_has_trapped_is_not_waited_for() {
    let process = Process::new(Profile::Envoy);
    let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
    let mut trapped = worker(&process, 1, &configuration);
    get(&mut trapped, "/orders/1");
    let mut last = worker(&process, 2, &configuration);
    let collector = Collector::of(&mut last);
    collector.down.set(true);
    get(&mut last, "/orders/2");
    last.advance(Duration::from_secs(10));
    assert!(last.shut_down());
    assert_eq!(requests_in(&logged(&last)).len(), 1);
}

#[test]
fn a_chain_goes_on_from_one_that_was_left() {
    let process = Process::new(Profile::Envoy);
    let configuration = crate::support::COLLECTOR.replace("ON_FULL", "log");
    let mut old = worker(&process, 1, &configuration);
    let collector = Collector::of(&mut old);
    let changed = configuration.replace("6y", "7y");
    let mut new = worker(&process, 2, &changed);
    collector.serve(&mut new);
    get(&mut new, "/patients/1");
    get(&mut old, "/orders/1");
    assert!(old.shut_down());
    new.advance(Duration::from_secs(2));
    get(&mut new, "/orders/2");
    new.advance(Duration::from_secs(2));
    assert_whole(&collector.texts.borrow());
    let controls = collector.controls();
    let predecessors = controls.iter().filter_map(|control| match control {
        Control::Open { predecessor, .. } => predecessor.clone(),
        _ => None,
    });
    let predecessors: Vec<_> = predecessors.collect();
    assert_eq!(predecessors.len(), 1);
    let texts = collector.texts.borrow();
    let left = texts.iter().map(|text| Record::check_text(text).unwrap());
    let left: Vec<_> = left
        .filter(|record| record.chain_uid == predecessors[0].chain_uid)
        .collect();
    assert!(
        left.iter()
            .any(|record| record.fingerprint == predecessors[0].fingerprint)
    );
    let opened = controls.iter().any(|control| {
        matches!(control, Control::Open { config_sha256, .. } if *config_sha256 == Hash::plain(changed.as_bytes()))
    });
    assert!(opened);
}

#[test]
fn at_the_end_everything_is_in_the_log_and_closed() {
    for witness in ["", "x"] {
        let mut proxy = if witness.is_empty() {
            configured(Profile::Envoy, "log")
        } else {
            signed(OTLP, "")
        };
        let collector = Collector::of(&mut proxy);
        collector.down.set(true);
        (0..5).for_each(|_| {
            get(&mut proxy, "/orders/1");
        });
        proxy.advance(Duration::from_secs(5));
        assert!(proxy.shut_down());
        let texts = logged(&proxy);
        assert_eq!(assert_whole(&texts), 0);
        assert_eq!(requests_in(&texts).len(), 5);
        let last = Record::check_text(texts.last().unwrap()).unwrap();
        let Some(Control::Close { statement, reason }) = last.control else {
            panic!()
        };
        assert_eq!((statement.records, reason.as_str()), (5, "shutdown"));
        assert_eq!(metric(&proxy, "queue_bytes"), 0);
    }
    // A VM that saw no traffic, of which a host makes several, says nothing.
    let mut proxy = configured(Profile::Envoy, "log");
    assert!(proxy.shut_down());
    assert_eq!(logged(&proxy).len(), 0);
}

#[test]
fn a_request_waits_for_its_record_where_the_rule_says_so() {
    let more = r#","rules":[{"match":{"paths":["/patients/**"]},"assurance":"synchronous"}]"#;
    let mut proxy = signed(OTLP, more);
    let collector = Collector::of(&mut proxy);
    let request = Request::get("/patients/7");
    // Acknowledged at once. Its headers are read once, for the rule before anybody has verified the
    // caller and for both records.
    let lists = "proxy_get_header_map_pairs";
    let before = proxy.host().times_called(lists);
    assert_eq!(get(&mut proxy, "/patients/7"), 200);
    assert_eq!(proxy.host().times_called(lists), before + 1);
    let received = collector.records();
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].at("unmapped.stage").unwrap().to_string(),
        r#""received""#
    );
    // Nobody answers: the request is not served, and not for ever held.
    collector.hangs.set(true);
    let stream = proxy.start(&request);
    proxy.send(stream, &request);
    assert!(!proxy.request_arrived(stream));
    proxy.advance(Duration::from_secs(3));
    assert!(!proxy.request_arrived(stream));
    proxy.advance(Duration::from_secs(3));
    let outcome = proxy.finish(stream);
    assert_eq!(outcome.client().status(), Some(503));
    assert!(outcome.client().text().contains("audit_not_acknowledged"));
    assert_eq!(metric(&proxy, "rejected_requests_total;outcome=refused"), 1);
    // Others pass meanwhile.
    assert_eq!(get(&mut proxy, "/orders/1"), 200);
    // A client that leaves is forgotten.
    let stream = proxy.start(&request);
    proxy.send(stream, &request);
    proxy.finish(stream);
    collector.hangs.set(false);
    proxy.advance(Duration::from_secs(60));
    let texts = collector.texts.borrow();
    assert_whole(&texts);
    let denied = texts
        .iter()
        .filter(|text| text.contains("audit_not_acknowledged"));
    assert_eq!(denied.count(), 1);
    assert_eq!(requests_in(&texts).len(), 2 + 2 + 1 + 2);
}

#[test]
fn what_nobody_acknowledges_goes_on_where_the_configuration_says_so() {
    for (more, outcome) in [
        (
            r#","assurance":"synchronous","on_error":"allow""#,
            "allowed",
        ),
        (r#","assurance":"synchronous","mode":"report""#, "reported"),
    ] {
        let mut proxy = signed(OTLP, more);
        let collector = Collector::of(&mut proxy);
        collector.down.set(true);
        let request = Request::get("/patients/7");
        let stream = proxy.start(&request);
        proxy.send(stream, &request);
        // Report mode changes nothing, not even when the request arrives.
        assert_eq!(proxy.request_arrived(stream), outcome == "reported");
        proxy.advance(Duration::from_secs(6));
        assert!(proxy.request_arrived(stream), "{outcome}");
        proxy.respond(stream, &Response::json("{}"));
        assert_eq!(proxy.finish(stream).client().status(), Some(200));
        assert_eq!(
            metric(
                &proxy,
                &format!("rejected_requests_total;outcome={outcome}")
            ),
            1
        );
        // Rejected for good is not acknowledged either.
        collector.down.set(false);
        proxy.advance(Duration::from_secs(60));
        collector.status.set(400);
        assert_eq!(get(&mut proxy, "/patients/8"), 200);
    }
}

#[test]
fn a_host_that_cannot_hold_requests_says_so_and_writes_to_its_log_first() {
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"c"}},"assurance":"synchronous"}"#;
    let mut kong = with_configuration(Profile::Kong, configuration);
    let logs = kong.host().logs();
    assert!(
        logs.iter()
            .any(|line| line.text.contains("cannot hold a request"))
    );
    let collector = Collector::of(&mut kong);
    let request = Request::get("/orders/1");
    let stream = kong.start(&request);
    kong.send(stream, &request);
    assert!(kong.request_arrived(stream));
    assert_eq!(spilled(&kong), 1);
    kong.respond(stream, &Response::json("{}"));
    kong.finish(stream);
    kong.advance(Duration::from_secs(2));
    assert_eq!(collector.records().len(), 1);
    assert_whole(&collector.texts.borrow());
    // In a log it is before the upstream has the request, on every host.
    for profile in Profile::ALL {
        let configuration = r#"{"sink":"host_log","assurance":"synchronous"}"#;
        let mut proxy = with_configuration(profile, configuration);
        let request = Request::get("/orders/1");
        let stream = proxy.start(&request);
        proxy.send(stream, &request);
        assert!(proxy.request_arrived(stream));
        assert_eq!(requests_in(&logged(&proxy)).len(), 1);
    }
}

#[test]
fn sampling_leaves_out_only_what_went_well() {
    let configuration = r#"{"sink":"host_log","rules":[{"sample":"10%"}]}"#;
    let mut proxy = with_configuration(Profile::Envoy, configuration);
    for _ in 0..1_000 {
        get(&mut proxy, "/orders/1");
    }
    let kept = spilled(&proxy);
    assert!((50..200).contains(&kept), "{kept}");
    let left_out = metric(&proxy, "sampled_out_total;class=default");
    assert_eq!(usize::try_from(left_out).unwrap() + kept, 1_000);
    for _ in 0..50 {
        let denied = Decision::new("jwt-auth", Decided::Denied);
        proxy.run(
            &Request::get("/x").decisions(&[denied]),
            &Response::json("{}"),
        );
        proxy.run(&Request::get("/x"), &Response::new(404));
    }
    assert_eq!(spilled(&proxy), kept + 100);
    proxy.advance(Duration::from_secs(20));
    let statement = logged(&proxy).iter().rev().find_map(|text| {
        Record::check_text(text)
            .unwrap()
            .control?
            .statement()
            .cloned()
    });
    assert_eq!(
        statement.unwrap().sampled_out,
        u64::try_from(left_out).unwrap()
    );
}

#[test]
fn best_effort_gives_way_and_never_refuses() {
    let configuration = r#"{"sink":{"otlp_http":{"cluster":"c"}},"queue":{"max_records":100,"on_full":"reject"},
        "rules":[{"match":{"paths":["/bulk"]},"assurance":"best_effort"}]}"#;
    let mut proxy = with_configuration(Profile::Envoy, configuration);
    let collector = Collector::of(&mut proxy);
    collector.down.set(true);
    for _ in 0..200 {
        assert_eq!(get(&mut proxy, "/bulk"), 200);
    }
    assert_eq!(metric(&proxy, "lost_total;reason=queue_full"), 125);
    assert_eq!(get(&mut proxy, "/orders/1"), 200);
    assert_eq!(spilled(&proxy), 0);
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
