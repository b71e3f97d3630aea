//! audit-emitter in a real Envoy, with a collector that is not always well.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::otlp::Record;
use envoy_test::peers::{Mood, Peers};
use envoy_test::poll;
use envoy_test::trail::{Trail, in_log};
use serde_json::{Value, json};

const FILTER: &str = "audit-emitter";
const METRICS: &str = "wasmcustom.meshward.audit-emitter.";

struct Bed {
    peers: Peers,
    envoy: Envoy,
}

/// Envoy with audit-emitter as it is shipped but quicker; `change` may change more.
fn bed(filters: &[&str], change: impl FnOnce(&mut Peers, &mut Bootstrap)) -> Bed {
    let mut peers = Peers::start().unwrap();
    let mut bootstrap = peers.bootstrap(filters).unwrap();
    let shipped = bootstrap.configuration(FILTER).unwrap();
    bootstrap
        .configure(FILTER, &shipped.replace("\"1s\"", "\"100ms\""))
        .unwrap();
    change(&mut peers, &mut bootstrap);
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let envoy = Envoy::start(&bootstrap, options).unwrap();
    Bed { peers, envoy }
}

/// A shorter queue, and what happens when it is full.
fn with_queue(bootstrap: &mut Bootstrap, max_records: u32, on_full: &str) {
    let mut configuration: Value =
        serde_json::from_str(&bootstrap.configuration(FILTER).unwrap()).unwrap();
    configuration["queue"] = json!({"max_records": max_records, "on_full": on_full});
    bootstrap
        .configure(FILTER, &configuration.to_string())
        .unwrap();
}

impl Bed {
    /// Sends requests over four connections, so to both workers.
    fn send(&self, protocol: Protocol, count: usize) {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut connection = self.envoy.client(protocol).connect().unwrap();
                    for _ in 0..count / 4 {
                        let response = connection.send(&Request::get("/orders/17")).unwrap();
                        assert_eq!(response.status, 200, "{response:?}");
                    }
                });
            }
        });
    }

    fn metric(&self, name: &str) -> u64 {
        self.envoy.stats().unwrap().sum(&format!("{METRICS}{name}"))
    }
}

fn requests_in_log(log: &str) -> usize {
    let about_requests = |text: &&String| text.contains("\"class_uid\":6003");
    in_log(log).iter().filter(about_requests).count()
}

fn text<'r>(record: &'r Record, path: &str) -> &'r str {
    record
        .body
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Every record is there, none twice, and the chains fit together.
fn assert_complete(bed: &Bed, count: usize) {
    // A record may arrive before the ones that its chain has in front of it.
    let whole = || {
        let trail = Trail::read(&bed.peers.collector.trail()).unwrap();
        (trail.is_complete() && trail.requests >= count).then_some(trail)
    };
    let look = || panic!("{:?}", Trail::read(&bed.peers.collector.trail()));
    let trail = poll(20, whole).unwrap_or_else(look);
    assert_eq!((trail.requests, trail.duplicates), (count, 0));
    assert!(trail.lost.is_empty() && trail.elsewhere == 0, "{trail:?}");
}

#[test]
fn every_request_leaves_a_record_also_a_refused_one() {
    let bed = bed(&[FILTER, "jwt-auth"], |_, _| {});
    let odd = "/orders/%22,%22x%22:%22y%0a%00?token=secret";
    let requests = [
        (Request::get("/orders/17"), 401, "credential_missing"),
        (Request::new("POST", "/nowhere").chunk("{}"), 403, "no_rule"),
        (
            Request::get(odd).header("user-agent", b"\xff\"}\n".get(..3).unwrap()),
            401,
            "",
        ),
        (Request::get("/healthz"), 200, "none of it"),
        (
            Request::get("/orders/17").bearer("garbage"),
            401,
            "token_malformed",
        ),
    ];
    for protocol in Protocol::BOTH {
        let client = bed.envoy.client(protocol);
        for (request, status, _) in &requests {
            let response = client.send(request).unwrap();
            assert!(
                response.status == *status || response.status == 400,
                "{response:?}"
            );
        }
    }
    let recorded = (requests.len() - 1) * Protocol::BOTH.len();
    let records = bed.peers.collector.wait_for(recorded).unwrap();
    assert_complete(&bed, recorded);
    for reason in ["credential_missing", "no_rule", "token_malformed"] {
        let about = |r: &&Record| text(r, "/authorizations/0/policy/desc") == reason;
        assert_eq!(records.iter().filter(about).count(), 2, "{reason}");
    }
    let everything = format!("{records:?}");
    for secret in ["secret", "garbage"] {
        assert!(!everything.contains(secret), "{secret} is in a record");
    }
    assert_eq!(bed.peers.collector.malformed(), Vec::<String>::new());
    assert_eq!(bed.envoy.traps(), 0);
}

#[test]
fn an_upstream_that_is_away_is_recorded_too() {
    let bed = bed(&[FILTER], |_, bootstrap| {
        let upstream = bootstrap.cluster("upstream").unwrap();
        upstream["load_assignment"]["endpoints"] = json!([]);
    });
    let response = bed
        .envoy
        .client(Protocol::Http1)
        .send(&Request::get("/orders/17"))
        .unwrap();
    assert_eq!(response.status, 503);
    let records = bed.peers.collector.wait_for(1).unwrap();
    assert_eq!(records[0].body["http_response"]["code"], json!(503));
}

#[test]
fn nothing_is_lost_while_the_collector_is_away() {
    for protocol in Protocol::BOTH {
        let mut bed = bed(&[FILTER], |_, _| {});
        bed.send(protocol, 100);
        bed.peers.collector.wait_for(100).unwrap();
        bed.peers.collector.stop();
        bed.send(protocol, 300);
        bed.envoy
            .log()
            .wait_for("the collector does not respond")
            .unwrap();
        bed.peers.collector.resume().unwrap();
        bed.send(protocol, 100);
        bed.peers.collector.wait_for(500).unwrap();
        assert_complete(&bed, 500);
        assert!(bed.metric("batches_total;result=retried") > 0);
        assert_eq!(bed.metric("lost_total") + bed.metric("spilled_total"), 0);
        assert_eq!(bed.peers.collector.malformed(), Vec::<String>::new());
    }
}

#[test]
fn a_collector_that_is_busy_or_slow_gets_everything_in_the_end() {
    let moods = [
        Mood::Refusing(503),
        Mood::Refusing(429),
        Mood::Slow(Duration::from_millis(300)),
    ];
    for mood in moods {
        let bed = bed(&[FILTER], |peers, _| peers.collector.set_mood(mood));
        bed.send(Protocol::Http2, 40);
        if let Mood::Refusing(_) = mood {
            bed.peers.collector.wait_for_refused(2).unwrap();
            bed.peers.collector.set_mood(Mood::Accepting);
        }
        bed.peers.collector.wait_for(40).unwrap();
        assert_complete(&bed, 40);
        assert_eq!(
            bed.metric("lost_total") + bed.metric("spilled_total"),
            0,
            "{mood:?}"
        );
    }
}

#[test]
fn what_the_collector_will_never_take_is_in_the_log() {
    let bed = bed(&[FILTER], |peers, _| {
        peers.collector.set_mood(Mood::Refusing(400));
    });
    bed.send(Protocol::Http1, 8);
    bed.envoy
        .log()
        .wait_for_all("\"class_uid\":6003", 8)
        .unwrap();
    assert!(bed.metric("spilled_total;reason=rejected") >= 8);
    assert_eq!(requests_in_log(&bed.envoy.log().text()), 8);
}

#[test]
fn a_full_queue_does_what_it_is_told() {
    // As many as the queues of two workers hold.
    for (on_full, statuses) in [
        ("reject", [200, 503].as_slice()),
        ("log", &[200]),
        ("drop", &[200]),
    ] {
        let mut bed = bed(&[FILTER], |peers, bootstrap| {
            peers.collector.stop();
            with_queue(bootstrap, 10, on_full);
        });
        let client = bed.envoy.client(Protocol::Http1);
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            seen.insert(client.send(&Request::get("/orders/17")).unwrap().status);
        }
        assert_eq!(seen, statuses.iter().copied().collect(), "{on_full}");
        let metric = match on_full {
            "reject" => "rejected_requests_total",
            "log" => "spilled_total;reason=queue_full",
            _ => "lost_total;reason=queue_full",
        };
        let turned_away = bed.metric(metric);
        assert!(turned_away >= 80, "{on_full}: {turned_away}");
        if on_full == "reject" {
            let served = bed.peers.upstream.take_received().len() as u64;
            assert_eq!(served + turned_away, 100);
        }
        if on_full == "log" {
            let lines = requests_in_log(&bed.envoy.log().text());
            assert_eq!(lines as u64, turned_away);
        }
        // The queue is served again when the collector is back.
        bed.peers.collector.resume().unwrap();
        bed.peers.collector.wait_for(10).unwrap();
        assert_eq!(bed.envoy.traps(), 0);
    }
}

#[test]
fn what_waits_at_the_end_is_in_the_log() {
    let bed = bed(&[FILTER], |peers, _| peers.collector.stop());
    bed.send(Protocol::Http1, 20);
    bed.envoy
        .log()
        .wait_for("the collector does not respond")
        .unwrap();
    let ended = bed.envoy.stop().unwrap();
    assert!(ended.cleanly, "{ended:?}");
    let trail = Trail::read(&in_log(&ended.log)).unwrap();
    assert!(trail.is_complete(), "{trail:?}");
    assert_eq!((trail.requests, trail.open_ended), (20, 0));
}

#[test]
fn requests_wait_for_their_record_and_only_for_theirs() {
    let bed = bed(&[FILTER], |peers, bootstrap| {
        peers
            .collector
            .set_mood(Mood::Slow(Duration::from_millis(100)));
        let configuration = json!({
            "sink": {"otlp_http": {"cluster": "collector", "timeout": "2s"}},
            "batch": {"max_delay": "100ms"},
            "rules": [{"match": {"paths": ["/orders/**"]}, "assurance": "synchronous"}],
        });
        bootstrap
            .configure(FILTER, &configuration.to_string())
            .unwrap();
    });
    for protocol in Protocol::BOTH {
        let _ = bed.peers.upstream.take_received();
        bed.peers
            .collector
            .set_mood(Mood::Slow(Duration::from_millis(100)));
        bed.send(protocol, 40);
        assert_eq!(bed.peers.upstream.take_received().len(), 40);
        // Nobody acknowledges: nothing reaches the upstream but what need not wait.
        bed.peers.collector.set_mood(Mood::Hanging);
        let client = bed.envoy.client(protocol);
        assert_eq!(client.send(&Request::get("/healthz")).unwrap().status, 200);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let response = client.send(&Request::get("/orders/17")).unwrap();
                    assert_eq!(response.status, 503, "{response:?}");
                });
            }
        });
        assert_eq!(bed.peers.upstream.take_received().len(), 1);
    }
    bed.peers.collector.set_mood(Mood::Accepting);
    // Twice: what was received, and what became of it; and two that need not wait.
    assert_complete(&bed, 2 * (2 * 40 + 2 * 8 + 1));
    assert_eq!(bed.metric("rejected_requests_total;outcome=refused"), 16);
    assert_eq!(bed.envoy.traps(), 0);
}
