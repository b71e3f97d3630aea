//! Several real Envoys that share a quota through a rate limit service with its counters in a real
//! Redis, and what happens when that service is killed, does not answer, or comes back.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Address, Bootstrap, CLUSTERS, Envoy, Options};
use envoy_test::paths;
use envoy_test::peers::{RateLimit, Redis, Upstream};
use serde_json::Value;

use crate::bed::wait_until;

const FILTER: &str = "token-bucket";
const SERVICE: Address = Address {
    host: "ratelimit",
    port: 8081,
};

/// A service and what is around it.
struct Fleet {
    upstream: Upstream,
    service: RateLimit,
    redis: Redis,
}

impl Fleet {
    fn start() -> Self {
        let redis = Redis::start().unwrap();
        let limits = shipped_limits();
        let limits: Vec<&str> = limits.iter().map(String::as_str).collect();
        Self {
            upstream: Upstream::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap(),
            service: RateLimit::start(&redis, &limits).unwrap(),
            redis,
        }
    }

    fn bootstrap(&self) -> Bootstrap {
        let file = paths::root().join("envoy-test/envoy/fleet.yaml");
        let mut bootstrap = Bootstrap::read(&file).unwrap();
        bootstrap.load_built_modules().unwrap();
        bootstrap.on_free_ports().unwrap();
        let upstream = CLUSTERS
            .iter()
            .find(|(name, _)| *name == "upstream")
            .unwrap()
            .1;
        bootstrap
            .place_declared("upstream", upstream, self.upstream.address())
            .unwrap();
        bootstrap
            .place_declared("ratelimit", SERVICE, self.service.address())
            .unwrap();
        bootstrap
    }

    /// An Envoy with the shipped configuration, changed.
    fn envoy(&self, change: impl Fn(&str) -> String) -> Envoy {
        let mut bootstrap = self.bootstrap();
        let shipped = bootstrap.configuration(FILTER).unwrap();
        bootstrap.configure(FILTER, &change(&shipped)).unwrap();
        let options = Options {
            workers: 2,
            ..Options::default()
        };
        Envoy::start(&bootstrap, options).unwrap()
    }
}

/// The limits of `edge.yaml`, which envoyproxy/ratelimit reads in the containers.
fn shipped_limits() -> Vec<String> {
    let file = paths::root().join("envoy-test/ratelimit/edge.yaml");
    let tree: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let limit = |descriptor: &Value| {
        let rate = &descriptor["rate_limit"];
        assert_eq!(rate["unit"], "hour");
        let (domain, key) = (
            tree["domain"].as_str().unwrap(),
            descriptor["key"].as_str().unwrap(),
        );
        format!("{domain}/{key}={}/3600", rate["requests_per_unit"])
    };
    tree["descriptors"]
        .as_array()
        .unwrap()
        .iter()
        .map(limit)
        .collect()
}

fn order(tenant: &str) -> Request {
    Request::get("/orders/17").header("x-tenant", tenant)
}

/// The health check that a container with an Envoy has, with these addresses in place of its own.
fn is_healthy(container: &str, addresses: &[(&str, SocketAddr)]) -> bool {
    let file = paths::root().join("envoy-test/docker-compose.yaml");
    let tree: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let test = tree["services"][container]["healthcheck"]["test"].clone();
    let test: Vec<String> = serde_json::from_value(test).unwrap();
    let [kind, shell, option, script] = &test[..] else {
        panic!("{test:?}");
    };
    assert_eq!([kind, shell, option], ["CMD", "bash", "-c"]);
    let mut script = script.clone();
    for (shipped, here) in addresses {
        assert!(script.contains(*shipped), "{script}");
        script = script.replace(shipped, &format!("{}/{}", here.ip(), here.port()));
    }
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).stderr(Stdio::null());
    bash.status().unwrap().success()
}

fn deny(shipped: &str) -> String {
    let changed = shipped.replace(
        r#""timeout": "allow", "unavailable": "allow""#,
        r#""timeout": "deny""#,
    );
    assert_ne!(changed, shipped);
    changed
}

fn counted(envoy: &Envoy, outcome: &str) -> u64 {
    let name = "wasmcustom.meshward.token-bucket.requests_total;limit=tenant-quota;outcome=";
    envoy.stats().unwrap().value(&format!("{name}{outcome}"))
}

#[test]
fn two_envoys_share_one_quota() {
    const QUOTA: usize = 20;
    const EACH: usize = 15;
    let fleet = Fleet::start();
    let over_json =
        |shipped: &str| shipped.replace(r#""descriptor""#, r#""transport": "http", "descriptor""#);
    for (name, protocol, transport) in [
        ("grpc", Protocol::Http1, None),
        (
            "json",
            Protocol::Http2,
            Some(&over_json as &dyn Fn(&str) -> String),
        ),
    ] {
        let change =
            |shipped: &str| transport.map_or_else(|| shipped.to_owned(), |change| change(shipped));
        let envoys = [fleet.envoy(change), fleet.envoy(change)];
        let admitted: Mutex<BTreeMap<(String, usize), usize>> = Mutex::default();
        // All begin together, so that neither Envoy has the whole quota before the other one wakes.
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for worker in 0..6 {
                let (envoys, admitted, start) = (&envoys, &admitted, &start);
                scope.spawn(move || {
                    let place = worker % 2;
                    let mut connection = envoys[place].client(protocol).connect().unwrap();
                    start.wait();
                    for number in 0..EACH {
                        let tenant = format!("{name}-{}", number % 2);
                        let response = connection.send(&order(&tenant)).unwrap();
                        match response.status {
                            200 => {
                                *admitted.lock().unwrap().entry((tenant, place)).or_default() += 1;
                            }
                            429 => {
                                let wait: u64 = response.header("retry-after").parse().unwrap();
                                assert!((1..=3600).contains(&wait), "{response:?}");
                                assert_eq!(response.header("x-ratelimit-remaining"), "0");
                                assert!(response.text().contains("tenant-quota"), "{response:?}");
                            }
                            _ => panic!("{response:?}"),
                        }
                        let limit = response.header("x-ratelimit-limit");
                        assert!(
                            limit.starts_with("20, ")
                                && limit.contains("20;w=3600;name=\"tenant\""),
                            "{response:?}"
                        );
                    }
                });
            }
        });
        let admitted = admitted.into_inner().unwrap();
        for tenant in [format!("{name}-0"), format!("{name}-1")] {
            let by =
                [0, 1].map(|place| admitted.get(&(tenant.clone(), place)).copied().unwrap_or(0));
            assert_eq!(by[0] + by[1], QUOTA, "{tenant}: {by:?}");
            assert!(by[0] > 0 && by[1] > 0, "{tenant}: {by:?}");
        }
        let sent = 6 * EACH as u64;
        let sum = |outcome: &str| counted(&envoys[0], outcome) + counted(&envoys[1], outcome);
        // What passes is counted with the tick.
        wait_until(Duration::from_secs(5), "the counts of the tick", || {
            sum("admitted") >= 2 * QUOTA as u64
        });
        assert_eq!(
            (sum("admitted"), sum("refused")),
            (2 * QUOTA as u64, sent - 2 * QUOTA as u64)
        );
        for envoy in &envoys {
            assert_eq!(envoy.traps(), 0);
        }
    }
}

/// Load from several clients while something happens to the service. The statuses by number.
fn under_load(envoy: &Envoy, tenant: &str, events: impl FnOnce()) -> BTreeMap<u16, usize> {
    let (stop, statuses) = (
        AtomicBool::new(false),
        Mutex::<BTreeMap<u16, usize>>::default(),
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = envoy.client(Protocol::Http1).connect().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let response = connection.send(&order(tenant)).unwrap();
                    *statuses.lock().unwrap().entry(response.status).or_default() += 1;
                    // A load, not a flood: the proxy has to have time for the failures.
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        events();
        stop.store(true, Ordering::Relaxed);
    });
    statuses.into_inner().unwrap()
}

/// Waits until the filter has counted so many failures of a kind more.
fn wait_for_failures(envoy: &Envoy, kind: &str, more: u64) {
    let name = format!("wasmcustom.meshward.token-bucket.service_calls_total;result={kind}");
    let before = envoy.stats().unwrap().value(&name);
    let failures = format!("{more} failures of the kind {kind}");
    wait_until(Duration::from_secs(20), &failures, || {
        envoy.stats().unwrap().value(&name) >= before + more
    });
}

#[test]
fn the_containers_are_healthy_when_the_service_is_there() {
    let mut fleet = Fleet::start();
    let envoy = fleet.envoy(str::to_owned);
    let admin = ("127.0.0.1/9901", envoy.admin());
    let fleets = [admin, ("ratelimit/8081", fleet.service.address())];
    assert!(is_healthy("envoy", &[admin]));
    assert!(is_healthy("envoy-a", &fleets));
    fleet.service.kill().unwrap();
    assert!(!is_healthy("envoy-a", &fleets));
    fleet.service.restart().unwrap();
    assert!(is_healthy("envoy-a", &fleets));
    drop(envoy);
    assert!(!is_healthy("envoy", &[admin]));
}

#[test]
fn a_service_that_is_killed_and_comes_back_in_mid_load() {
    let mut fleet = Fleet::start();
    let (denying, allowing) = (fleet.envoy(deny), fleet.envoy(str::to_owned));
    let service = &mut fleet.service;
    let statuses = under_load(&denying, "killed", || {
        wait_for_failures(&denying, "over_limit", 5);
        service.kill().unwrap();
        wait_for_failures(&denying, "unavailable", 5);
        service.restart().unwrap();
        wait_for_failures(&denying, "over_limit", 5);
    });
    // Redis has kept the counters, so the quota is not there twice.
    assert_eq!(statuses.get(&200), Some(&20), "{statuses:?}");
    assert!(statuses[&429] >= 10 && statuses[&503] >= 5, "{statuses:?}");
    assert_eq!(statuses.len(), 3, "{statuses:?}");
    let statuses = under_load(&allowing, "killed", || {
        wait_for_failures(&allowing, "over_limit", 5);
        service.kill().unwrap();
        wait_for_failures(&allowing, "unavailable", 5);
        service.restart().unwrap();
        wait_for_failures(&allowing, "over_limit", 5);
    });
    assert!(statuses[&200] >= 5 && statuses[&429] >= 10, "{statuses:?}");
    assert_eq!(statuses.len(), 2, "{statuses:?}");
    let errors =
        "wasmcustom.meshward.token-bucket.errors_total;limit=tenant-quota;reason=unavailable";
    for envoy in [denying, allowing] {
        assert!(envoy.stats().unwrap().value(errors) >= 5);
        assert_eq!(envoy.traps(), 0);
        assert!(envoy.stop().unwrap().cleanly);
    }
}

#[test]
fn a_service_that_does_not_answer_in_mid_load() {
    let fleet = Fleet::start();
    let (denying, allowing) = (fleet.envoy(deny), fleet.envoy(str::to_owned));
    for (envoy, status) in [(&denying, 503), (&allowing, 200)] {
        let statuses = under_load(envoy, "slow", || {
            wait_for_failures(envoy, "over_limit", 5);
            fleet.service.freeze();
            wait_for_failures(envoy, "timeout", 4);
            fleet.service.thaw();
            wait_for_failures(envoy, "over_limit", 5);
        });
        assert!(
            statuses[&status] >= 4 && statuses[&429] >= 10,
            "{statuses:?}"
        );
        assert_eq!(envoy.traps(), 0);
    }
}

#[test]
fn a_service_whose_store_is_gone_answers_with_errors() {
    let mut fleet = Fleet::start();
    let envoy = fleet.envoy(deny);
    let client = envoy.client(Protocol::Http1);
    assert_eq!(client.send(&order("lost")).unwrap().status, 200);
    fleet.redis.kill().unwrap();
    let response = client.send(&order("lost")).unwrap();
    assert_eq!(response.status, 503, "{response:?}");
    assert!(
        response.text().contains("rate_limit_undecided"),
        "{response:?}"
    );
}

#[test]
fn a_call_is_cancelled_when_the_client_leaves() {
    let fleet = Fleet::start();
    let patient = |shipped: &str| shipped.replace("250ms", "30s");
    let envoy = fleet.envoy(patient);
    let passes = || envoy.client(Protocol::Http1).send(&order("gone")).unwrap();
    assert_eq!(passes().status, 200);
    fleet.service.freeze();
    let mut client = TcpStream::connect(envoy.gateway()).unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: gateway.test\r\nx-tenant: gone\r\n\r\n")
        .unwrap();
    let under_way = |wanted: u64, patience: u64| {
        let name = "cluster.ratelimit.upstream_rq_active";
        let what = format!("{wanted} calls under way");
        wait_until(Duration::from_secs(patience), &what, || {
            envoy.stats().unwrap().value(name) == wanted
        });
    };
    under_way(1, 25);
    drop(client);
    // Long before the time is up.
    under_way(0, 10);
    fleet.service.thaw();
    assert_eq!(passes().status, 200);
    assert_eq!(envoy.traps(), 0);
}

#[test]
fn limits_of_the_proxy_and_of_the_fleet_both_apply() {
    let fleet = Fleet::start();
    let narrow = |shipped: &str| shipped.replace("1000/s", "3/day");
    let envoys = [fleet.envoy(narrow), fleet.envoy(narrow)];
    let mut admitted = [0, 0];
    for number in 0..20 {
        let place = number % 2;
        let response = envoys[place]
            .client(Protocol::Http2)
            .send(&order("both"))
            .unwrap();
        match response.status {
            200 => admitted[place] += 1,
            429 => assert!(response.text().contains("each-proxy"), "{response:?}"),
            _ => panic!("{response:?}"),
        }
    }
    assert_eq!(admitted, [3, 3]);
    // What the proxies have refused by themselves was never counted by the service.
    let wide = fleet.envoy(str::to_owned);
    let response = wide.client(Protocol::Http1).send(&order("both")).unwrap();
    assert_eq!(
        response.header("x-ratelimit-remaining"),
        "13",
        "{response:?}"
    );
    // A body waits with its request, and arrives whole.
    drop(fleet.upstream.take_received());
    let body = "0123456789".repeat(20_000);
    for protocol in Protocol::BOTH {
        let mut upload = Request::new("POST", "/orders").header("x-tenant", "upload");
        for chunk in body.as_bytes().chunks(7_000) {
            upload = upload.chunk(chunk);
        }
        assert_eq!(wide.client(protocol).send(&upload).unwrap().status, 200);
    }
    let bodies: Vec<_> = fleet
        .upstream
        .take_received()
        .into_iter()
        .map(|r| r.body)
        .collect();
    assert_eq!(bodies, [body.as_bytes(), body.as_bytes()]);
    // Who has no key is refused where the limit says so.
    let nobody = wide
        .client(Protocol::Http1)
        .send(&Request::get("/"))
        .unwrap();
    assert_eq!(nobody.status, 429);
    assert!(nobody.text().contains("rate_limit_key_missing"));
}
