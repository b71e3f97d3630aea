//! What can happen to a collector, a gateway and its filters while requests go on, and what becomes
//! of their records: each is delivered, or in the proxy's log, or its absence is told or seen.
//!
//! Envoy's own OpenTelemetry access logger watches the same requests with its defaults; what
//! becomes of its records is printed beside ours:
//!
//! ```sh
//! cargo test -p envoy-test --test envoy audit_loss -- --nocapture
//! ```

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Collector, Mood, Peers};
use envoy_test::trail::{Trail, in_log};
use envoy_test::{paths, poll};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::bed::{Reloading, wait_until, wait_until_drained};

const FILTER: &str = "audit-emitter";

/// Envoy with audit-emitter and Envoy's own logger, each with a collector.
struct Bed {
    peers: Peers,
    native: Collector,
    envoy: Option<Envoy>,
    gateway: Reloading,
    sent: usize,
    log: String,
}

/// Where the records ended up.
struct Outcome {
    trail: Trail,
    delivered: usize,
}

impl Bed {
    fn start() -> Self {
        Self::with(|_, _| {})
    }

    fn with(change: impl FnOnce(&mut Bootstrap, &Collector)) -> Self {
        let peers = Peers::start().unwrap();
        let native = Collector::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
        let configuration = json!({
            "sink": {"otlp_http": {"cluster": "collector", "timeout": "1s"}},
            "batch": {"max_delay": "200ms"},
            "chain": {"signing_key_env": "MESHWARD_CHAIN_KEY", "heartbeat": "5s"},
        });
        bootstrap
            .configure(FILTER, &configuration.to_string())
            .unwrap();
        let vm = "/typed_config/config/vm_config";
        bootstrap.filter(FILTER).unwrap().pointer_mut(vm).unwrap()["environment_variables"] =
            json!({"key_values": {"MESHWARD_CHAIN_KEY": KEY}});
        add_native_logger(&mut bootstrap, native.address());
        change(&mut bootstrap, &native);
        let gateway = Reloading::of(&mut bootstrap);
        let options = Options {
            workers: 2,
            drain_seconds: Some(2),
            ..Options::default()
        };
        let envoy = Envoy::start(&bootstrap, options).unwrap();
        Self {
            peers,
            native,
            envoy: Some(envoy),
            gateway,
            sent: 0,
            log: String::new(),
        }
    }

    fn envoy(&self) -> &Envoy {
        self.envoy.as_ref().unwrap()
    }

    /// Sends requests, over connections of their own, to both workers.
    fn send(&mut self, count: usize) {
        let client = self.envoy().client(Protocol::Http1);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..count / 4 {
                        client.send(&Request::get("/orders/17")).unwrap();
                    }
                });
            }
        });
        self.sent += count / 4 * 4;
    }

    /// Waits until the filter has counted so many batches that ended so.
    fn wait_for_batches(&self, result: &str, count: u64) {
        let name = format!("wasmcustom.meshward.audit-emitter.batches_total;result={result}");
        wait_until(Duration::from_secs(20), &name, || {
            self.envoy().stats().unwrap().value(&name) >= count
        });
    }

    fn both(&self, mood: Mood) {
        self.peers.collector.set_mood(mood);
        self.native.set_mood(mood);
    }

    /// Waits until everything is where it will be, and looks at it.
    fn outcome(&mut self, row: &str) -> Outcome {
        let look = || {
            let running = self.envoy.as_ref().map(|envoy| envoy.log().text());
            let log = running.as_ref().unwrap_or(&self.log);
            Trail::read(&[self.peers.collector.trail(), in_log(log)].concat()).unwrap()
        };
        let settled = || {
            let trail = look();
            let whole = trail.requests >= self.sent && trail.is_complete();
            (whole || self.envoy.is_none()).then_some(trail)
        };
        let trail = poll(20, settled).unwrap_or_else(look);
        // What becomes of the records of Envoy's own logger is only printed: it sends every second.
        poll(u64::from(self.envoy.is_some()) * 2, || {
            (self.native.records().len() >= self.sent).then_some(())
        });
        let delivered = self.peers.collector.records().len();
        let native = self.native.records().len();
        println!(
            "{row:34} sent {:4}   ours: collector {delivered:4}, and log {:4}, without a trace {:3}   Envoy's: {native:4}, lost {:4}",
            self.sent,
            trail.requests.saturating_sub(delivered.min(trail.requests)),
            self.sent.saturating_sub(trail.requests),
            self.sent.saturating_sub(native),
        );
        if let Some(envoy) = &self.envoy {
            assert_eq!(envoy.traps(), 0, "{}", envoy.log().tail());
        }
        Outcome { trail, delivered }
    }

    /// Ends Envoy in some way.
    fn end(&mut self, end: impl FnOnce(Envoy) -> envoy_test::Result<envoy_test::envoy::Ended>) {
        let ended = end(self.envoy.take().unwrap()).unwrap();
        self.log = ended.log;
    }

    /// Every record has arrived, and is there once.
    fn assert_all_delivered(&mut self, row: &str) {
        let outcome = self.outcome(row);
        assert_eq!(outcome.trail.requests, self.sent, "{:?}", outcome.trail);
        assert!(outcome.trail.is_complete(), "{:?}", outcome.trail);
        assert!(outcome.delivered >= self.sent);
        assert!(in_log(&self.log).is_empty());
    }

    /// Every record has arrived, or is in the log, and the trail has no hole.
    fn assert_all_kept(&mut self, row: &str) -> Trail {
        let outcome = self.outcome(row);
        assert_eq!(outcome.trail.requests, self.sent, "{:?}", outcome.trail);
        assert!(outcome.trail.is_complete(), "{:?}", outcome.trail);
        outcome.trail
    }
}

#[test]
fn the_collector_is_down_for_a_while() {
    let mut bed = Bed::start();
    bed.send(100);
    bed.peers.collector.wait_for(100).unwrap();
    bed.native.wait_for(100).unwrap();
    bed.peers.collector.stop();
    bed.native.stop();
    bed.send(300);
    // Half a second, one, two: it has waited before it tries again.
    bed.wait_for_batches("retried", 3);
    bed.peers.collector.resume().unwrap();
    bed.native.resume().unwrap();
    bed.send(100);
    bed.assert_all_delivered("collector down for a while");
}

#[test]
fn the_collector_is_slow() {
    let mut bed = Bed::start();
    bed.both(Mood::Slow(Duration::from_millis(700)));
    bed.send(200);
    bed.send(200);
    bed.both(Mood::Accepting);
    bed.assert_all_delivered("collector slow");
}

#[test]
fn the_collector_refuses_for_a_while() {
    for status in [429, 503] {
        let mut bed = Bed::start();
        bed.both(Mood::Refusing(status));
        bed.send(200);
        bed.peers.collector.wait_for_refused(3).unwrap();
        bed.both(Mood::Accepting);
        bed.send(100);
        bed.assert_all_delivered(&format!("collector answers {status}"));
    }
}

#[test]
fn the_collector_takes_a_part() {
    let mut bed = Bed::start();
    bed.both(Mood::PartialSuccess);
    bed.send(100);
    bed.wait_for_batches("rejected", 1);
    bed.both(Mood::Accepting);
    bed.send(100);
    let trail = bed.assert_all_kept("collector takes a part");
    assert_eq!(trail.lost.len(), 0);
}

#[test]
fn the_collector_hangs() {
    let mut bed = Bed::start();
    bed.both(Mood::Hanging);
    bed.send(200);
    bed.wait_for_batches("retried", 1);
    bed.both(Mood::Accepting);
    bed.send(100);
    bed.assert_all_delivered("collector hangs");
}

/// The filter is replaced while its collector is away and requests go on.
fn replaced(change: impl FnOnce(&mut Value)) -> Bed {
    let mut bed = Bed::start();
    bed.peers.collector.stop();
    bed.send(100);
    let (gateway, envoy) = (&mut bed.gateway, bed.envoy.as_ref().unwrap());
    gateway.change(envoy, change);
    bed.send(200);
    wait_until_drained(bed.envoy());
    bed.peers.collector.resume().unwrap();
    bed.send(100);
    bed
}

#[test]
fn the_configuration_changes_under_load() {
    let mut bed = replaced(|config| {
        let value = config.pointer_mut("/configuration/value").unwrap();
        *value = json!(value.as_str().unwrap().replace("200ms", "210ms"));
    });
    bed.assert_all_delivered("configuration changed under load");
}

#[test]
fn the_code_changes() {
    // The same module with another custom section is another one for Envoy.
    let mut module = fs::read(paths::wasm(FILTER).unwrap()).unwrap();
    module.extend([0, 3, 1, b'x', 0]);
    let other = in_a_file(&module);
    let mut bed = replaced(|config| {
        config["vm_config"]["code"]["local"]["filename"] = json!(other.path());
    });
    bed.assert_all_delivered("code changed, same vm_id");
}

#[test]
fn the_vm_id_changes() {
    let mut bed = replaced(|config| config["vm_config"]["vm_id"] = json!("another"));
    bed.assert_all_kept("vm_id changed");
}

#[test]
fn the_gateway_is_asked_to_end() {
    let mut bed = Bed::start();
    bed.peers.collector.stop();
    bed.send(100);
    bed.end(Envoy::stop);
    let trail = bed.assert_all_kept("SIGTERM without drain");
    assert_eq!(trail.open_ended, 0);
}

#[test]
fn the_gateway_drains_and_ends() {
    let mut bed = Bed::start();
    bed.send(200);
    bed.envoy()
        .ask("POST", "/drain_listeners?graceful")
        .unwrap();
    bed.peers.collector.wait_for(200).unwrap();
    bed.end(Envoy::stop);
    let outcome = bed.outcome("SIGTERM after a drain");
    assert_eq!((outcome.trail.requests, outcome.delivered), (200, 200));
    assert!(outcome.trail.is_complete());
}

#[test]
fn the_gateway_is_killed() {
    let mut bed = Bed::start();
    bed.send(100);
    bed.peers.collector.wait_for(100).unwrap();
    bed.peers.collector.stop();
    bed.send(40);
    bed.end(Envoy::kill);
    let outcome = bed.outcome("SIGKILL");
    // What waited is gone, and it shows: no chain has an end.
    assert_eq!(outcome.trail.requests, 100);
    assert!(outcome.trail.chains > 0);
    assert_eq!(outcome.trail.open_ended, outcome.trail.chains);
}

#[test]
fn another_filter_traps() {
    let module = in_a_file(&wat_module());
    let mut bed = Bed::with(|bootstrap, _| {
        let mut trapping = bootstrap.filter(FILTER).unwrap().clone();
        trapping["name"] = json!("trapping");
        let config = trapping.pointer_mut("/typed_config/config").unwrap();
        config["name"] = json!("trapping");
        config["vm_config"]["vm_id"] = json!("trapping");
        config["vm_config"]["code"]["local"]["filename"] = json!(module.path());
        let chain = bootstrap.connection_manager().unwrap()["http_filters"]
            .as_array_mut()
            .unwrap();
        chain.insert(1, trapping);
    });
    bed.send(40);
    bed.peers.collector.wait_for(bed.sent).unwrap();
    let records = bed.peers.collector.records();
    assert_eq!(records.len(), bed.sent);
    let refused = records
        .iter()
        .filter(|record| record.body["http_response"]["code"] == json!(503));
    assert!(refused.count() > 0);
    bed.end(Envoy::stop);
    bed.assert_all_kept("another filter traps");
}

/// The queue has a limit, and with it the memory of the proxy.
#[test]
fn a_flood_while_the_collector_is_dead_takes_no_more_memory() {
    let max_bytes = 1024 * 1024;
    let mut bed = Bed::with(|bootstrap, _| {
        let mut configuration: Value =
            serde_json::from_str(&bootstrap.configuration(FILTER).unwrap()).unwrap();
        configuration["queue"] = json!({"max_bytes": "1MiB", "on_full": "drop"});
        bootstrap
            .configure(FILTER, &configuration.to_string())
            .unwrap();
    });
    bed.peers.collector.stop();
    bed.native.stop();
    let resident_kib = |bed: &Bed| -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", bed.envoy().pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let mut resident = Vec::new();
    for _ in 0..6 {
        flood(&bed, 2_000);
        resident.push(resident_kib(&bed));
        let waits = bed
            .envoy()
            .stats()
            .unwrap()
            .value("wasmcustom.meshward.audit-emitter.queue_bytes");
        assert!(waits <= 2 * max_bytes, "{waits} bytes wait in two workers");
    }
    println!("resident KiB after each 2000 requests: {resident:?}");
    // The queues were full before the third.
    assert!(resident[5] < resident[2] + 8 * 1024, "{resident:?}");
    let lost = bed
        .envoy()
        .stats()
        .unwrap()
        .value("wasmcustom.meshward.audit-emitter.lost_total;reason=queue_full");
    assert!(lost > 8_000, "{lost}");
    bed.peers.collector.resume().unwrap();
    // Every one of them is accounted for.
    let accounted = || {
        let trail = Trail::read(&bed.peers.collector.trail()).unwrap();
        let lost: u64 = trail.lost.values().sum();
        (trail.is_complete() && trail.requests as u64 + lost == 12_000).then_some(trail)
    };
    let trail = poll(40, accounted);
    assert!(
        trail.is_some(),
        "{:?}",
        Trail::read(&bed.peers.collector.trail())
    );
}

fn flood(bed: &Bed, count: usize) {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = bed.envoy().client(Protocol::Http1).connect().unwrap();
                for _ in 0..count / 4 {
                    connection.send(&Request::get("/orders/17")).unwrap();
                }
            });
        }
    });
}

/// Goes with the test.
fn in_a_file(module: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(module).unwrap();
    file
}

/// A filter that traps at every request.
fn wat_module() -> Vec<u8> {
    wat::parse_str(
        r#"(module
            (memory (export "memory") 2)
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 65536))
            (func (export "proxy_on_context_create") (param i32 i32))
            (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
            (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#,
    )
    .unwrap()
}

fn add_native_logger(bootstrap: &mut Bootstrap, at: SocketAddr) {
    let service = json!({
        "http_uri": {"uri": "http://native/v1/logs", "cluster": "native", "timeout": "1s"},
    });
    let logger = json!([{
        "name": "envoy.access_loggers.open_telemetry",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            "log_name": "native",
            "http_service": service,
            "body": {"string_value": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%"},
        },
    }]);
    bootstrap.connection_manager().unwrap()["access_log"] = logger;
    let clusters = bootstrap.tree()["static_resources"]["clusters"]
        .as_array_mut()
        .unwrap();
    let mut cluster = clusters
        .iter()
        .find(|c| c["name"] == "collector")
        .unwrap()
        .clone();
    cluster["name"] = json!("native");
    cluster["load_assignment"]["cluster_name"] = json!("native");
    let address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    *cluster.pointer_mut(address).unwrap() =
        json!({"address": at.ip().to_string(), "port_value": at.port()});
    clusters.push(cluster);
}

const KEY: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
