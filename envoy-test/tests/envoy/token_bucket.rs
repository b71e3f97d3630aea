//! token-bucket in a real Envoy with two workers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Envoy, Options, Stats};
use envoy_test::peers::Peers;
use serde_json::json;

use crate::bed::Reloading;

const FILTER: &str = "token-bucket";

/// Two workers that take connections in turn.
fn envoy(peers: &Peers, configuration: &str) -> Envoy {
    let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
    bootstrap.configure(FILTER, configuration).unwrap();
    let listener = &mut bootstrap.tree()["static_resources"]["listeners"][0];
    listener["connection_balance_config"] = json!({"exact_balance": {}});
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    Envoy::start(&bootstrap, options).unwrap()
}

fn order(client: &str) -> Request {
    Request::get("/orders/17").header("x-client", client)
}

#[test]
fn never_one_too_many_whatever_the_workers_and_clients() {
    const BURST: usize = 20;
    const CLIENTS: usize = 30;
    const ROUNDS: usize = 8;
    let peers = Peers::start().unwrap();
    // At one a day nothing comes back while the test runs.
    let limit = r#"{"name": "a", "key": ["header:x-client"], "rate": "1/day", "burst": 20}"#;
    for protocol in Protocol::BOTH {
        let envoy = envoy(&peers, &format!(r#"{{"limits": [{limit}]}}"#));
        let admitted: Mutex<BTreeMap<usize, usize>> = Mutex::default();
        // Each thread has a connection of its own.
        thread::scope(|scope| {
            for _ in 0..ROUNDS {
                scope.spawn(|| {
                    let mut connection = envoy.client(protocol).connect().unwrap();
                    for number in 0..CLIENTS * BURST / 4 {
                        let client = number % CLIENTS;
                        let response = connection.send(&order(&client.to_string())).unwrap();
                        match response.status {
                            200 => *admitted.lock().unwrap().entry(client).or_default() += 1,
                            429 => {
                                assert!(!response.header("retry-after").is_empty(), "{response:?}");
                            }
                            _ => panic!("{response:?}"),
                        }
                    }
                });
            }
        });
        let expected: BTreeMap<_, _> = (0..CLIENTS).map(|client| (client, BURST)).collect();
        assert_eq!(*admitted.lock().unwrap(), expected, "{protocol:?}");
        let value = |stats: &Stats, outcome: &str| {
            let name = "wasmcustom.meshward.token-bucket.requests_total";
            stats.value(&format!("{name};limit=a;outcome={outcome}"))
        };
        let due = (CLIENTS * BURST) as u64;
        let stats = envoy.stats_when(|stats| value(stats, "admitted") >= due);
        let stats = stats.unwrap();
        let counted = |outcome: &str| value(&stats, outcome);
        for worker in ["worker_0", "worker_1"] {
            let name = format!(".{worker}.downstream_cx_total");
            let taken = stats
                .starting_with("listener.")
                .any(|(n, v)| n.ends_with(&name) && v > 0);
            assert!(taken, "{worker} has taken no connection");
        }
        let sent = (ROUNDS * CLIENTS * BURST / 4) as u64;
        assert_eq!(counted("admitted"), due);
        assert_eq!(counted("refused"), sent - due);
        assert_eq!(envoy.traps(), 0);
    }
}

#[test]
fn response_headers_say_where_a_client_stands() {
    let peers = Peers::start().unwrap();
    let limit = r#"{"name": "a", "key": ["header:x-client"], "rate": "2/day", "burst": 2}"#;
    for protocol in Protocol::BOTH {
        let envoy = envoy(&peers, &format!(r#"{{"limits": [{limit}]}}"#));
        let client = envoy.client(protocol);
        let mut remaining = Vec::new();
        for expected in [200, 200, 429, 429] {
            let response = client.send(&order("x")).unwrap();
            assert_eq!(response.status, expected, "{response:?}");
            assert!(
                response.header("x-ratelimit-limit").contains("name=\"a\""),
                "{response:?}"
            );
            remaining.push(response.header("x-ratelimit-remaining").to_owned());
            if expected == 429 {
                let wait: u64 = response.header("retry-after").parse().unwrap();
                assert!((1..=43_200).contains(&wait), "{response:?}");
                assert_eq!(response.header("content-type"), "application/problem+json");
            }
        }
        assert_eq!(remaining, ["1", "0", "0", "0"]);
        assert_eq!(
            client.send(&order("y")).unwrap().status,
            200,
            "another client"
        );
    }
    assert_eq!(
        peers.upstream.take_received().len(),
        6,
        "refused requests stay at the gateway"
    );
}

#[test]
fn what_clients_send_as_a_key_does_no_harm() {
    let peers = Peers::start().unwrap();
    let limits = r#"{"limits": [
        {"name": "key", "key": ["header:x-client", "query:q", "cookie:c"], "rate": "1000/s",
         "on_missing_key": "shared", "cost": {"header": "x-cost", "max": 5}}
    ], "table": {"slots": 16}}"#;
    let envoy = envoy(&peers, limits);
    let strange: [&[u8]; 5] = [
        b"",
        b"\xff\xfe",
        b"a\tb",
        &[b'a'; 20_000],
        b"99999999999999999999",
    ];
    for protocol in Protocol::BOTH {
        let client = envoy.client(protocol);
        for value in strange {
            let request = Request::get("/orders/17?q=%ff%00&q=2")
                .header("x-client", value)
                .header("x-cost", value)
                .header("cookie", [b"c=", value].concat());
            assert_eq!(
                client.send(&request).unwrap().status,
                200,
                "{protocol:?} {value:?}"
            );
        }
        // More clients than the table has room for: bounded memory, and still answers.
        for number in 0..200 {
            let response = client.send(&order(&number.to_string())).unwrap();
            assert!([200, 429].contains(&response.status), "{response:?}");
        }
    }
    assert_eq!(envoy.traps(), 0);
}

#[test]
fn a_reload_keeps_the_counts_of_limits_that_stay() {
    let peers = Peers::start().unwrap();
    let limits = |stays: &str, changes: &str| {
        format!(
            r#"{{"limits": [
                {{"name": "stays", "match": {{"headers": [{{"name": "x-limit", "equals": "stays"}}]}}, "key": ["header:x-client"], "rate": "5/day"}},
                {{"name": "changes", "match": {{"headers": [{{"name": "x-limit", "equals": "changes"}}]}}, "key": ["header:x-client"], "rate": "{changes}"}}
            ], "headers": "{stays}"}}"#
        )
    };
    let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
    bootstrap
        .configure(FILTER, &limits("x-ratelimit", "5/day"))
        .unwrap();
    let mut gateway = Reloading::of(&mut bootstrap);
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let envoy = Envoy::start(&bootstrap, options).unwrap();
    let client = envoy.client(Protocol::Http1);
    let admitted = |limit: &str, requests: usize| {
        let request = order("a").header("x-limit", limit);
        let statuses = (0..requests).map(|_| client.send(&request).unwrap().status);
        statuses.filter(|status| *status == 200).count()
    };
    assert_eq!((admitted("stays", 3), admitted("changes", 9)), (3, 5));
    for (version, style, rate, due) in [
        (2, "ietf-10", "6/day", 6),
        (3, "x-ratelimit", "6/day", 0),
        (4, "none", "7/day", 7),
    ] {
        gateway.configure(&envoy, &limits(style, rate));
        // New connections meet the new configuration.
        let left = usize::from(version == 2) * 2;
        assert_eq!(admitted("stays", 5), left, "version {version}");
        assert_eq!(admitted("changes", 9), due, "version {version}");
    }
    // What the configurations that are gone had still to count is not lost.
    let counted = |stats: &Stats| {
        ["stays", "changes"].map(|limit| {
            let name = "wasmcustom.meshward.token-bucket.requests_total";
            stats.value(&format!("{name};limit={limit};outcome=admitted"))
        })
    };
    let due = [3 + 2, 5 + 6 + 7];
    let stats = envoy.stats_when(|stats| counted(stats) == due);
    assert_eq!(counted(&stats.unwrap()), due);
    assert_eq!(envoy.traps(), 0);
}

#[test]
fn grpc_callers_get_a_grpc_status() {
    let peers = Peers::start().unwrap();
    let limit =
        r#"{"name": "a", "key": ["header:x-client"], "rate": "1/day", "refusal": {"status": 503}}"#;
    let envoy = envoy(&peers, &format!(r#"{{"limits": [{limit}]}}"#));
    let call = Request::new("POST", "/orders.Orders/List")
        .header("x-client", "g")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .chunk(b"\0\0\0\0\0");
    let client = envoy.client(Protocol::Http2);
    client.send(&call).unwrap();
    let response = client.send(&call).unwrap();
    assert_eq!(response.status, 200, "{response:?}");
    let status = |name: &str| match response.header(name) {
        "" => response
            .trailers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned(),
        value => value.to_owned(),
    };
    assert_eq!(
        status("grpc-status"),
        "8",
        "RESOURCE_EXHAUSTED: {response:?}"
    );
    assert!(status("grpc-message").contains("The limit"), "{response:?}");
    assert!(!response.header("retry-after").is_empty(), "{response:?}");
}
