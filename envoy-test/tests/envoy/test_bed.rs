//! The test bed itself: Envoy without filters between a client and the upstream.

use std::net::SocketAddr;
use std::time::Duration;

use envoy_test::client::{Client, Protocol, Request};
use envoy_test::envoy::{self, Bootstrap, Envoy, Options};
use envoy_test::peers::{PATIENT, Upstream, UpstreamResponse};
use serde_json::json;

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn without_filters() -> Bootstrap {
    let mut bootstrap = Bootstrap::shipped().unwrap();
    bootstrap.keep_filters(&[]).unwrap();
    bootstrap.on_free_ports().unwrap();
    bootstrap
}

#[test]
fn requests_and_responses_pass_unchanged() {
    let upstream = Upstream::start(loopback()).unwrap();
    let mut bootstrap = without_filters();
    bootstrap
        .place_cluster("upstream", upstream.address())
        .unwrap();
    let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
    for protocol in Protocol::BOTH {
        let client = envoy.client(protocol);

        let response = client.send(&Request::get("/patients/7")).unwrap();
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, PATIENT),
            "{protocol:?}"
        );

        let request = Request::new("POST", "/echo?q=1")
            .header("x-latin", [b'c', b'a', b'f', 0xe9])
            .chunk("first ")
            .chunk("second")
            .trailer("x-sum", "1");
        let response = client.send(&request).unwrap();
        assert_eq!(response.json()["method"], json!("POST"));
        assert_eq!(response.json()["path"], json!("/echo?q=1"));
        assert_eq!(response.json()["body"], json!("first second"));
        assert_eq!(response.json()["headers"]["x-latin"], json!("caf\u{fffd}"));

        let parts = UpstreamResponse::json("[1,2,3]").cut_at(&[1, 4], Duration::from_millis(2));
        upstream.respond_with("/parts", parts.trailer("x-end", "yes"));
        let response = client.send(&Request::get("/parts")).unwrap();
        assert_eq!(
            (response.text().as_str(), &response.broken),
            ("[1,2,3]", &None)
        );

        upstream.respond_with("/broken", UpstreamResponse::json("[1,2").broken_off());
        let response = client.send(&Request::get("/broken")).unwrap();
        assert!(response.broken.is_some(), "{response:?}");
    }
    assert_eq!(
        envoy
            .stats()
            .unwrap()
            .value("http.gateway.downstream_rq_5xx"),
        0
    );
    assert!(
        envoy
            .prometheus()
            .unwrap()
            .iter()
            .any(|sample| sample.name == "envoy_server_live")
    );
    assert!(envoy.stop().unwrap().cleanly);
}

#[test]
fn a_refused_configuration_says_why() {
    let mut bootstrap = without_filters();
    bootstrap.tree()["static_resources"]["listeners"][0]["adress"] = json!({});
    let refused = Envoy::start(&bootstrap, Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("refused to start") && refused.contains("adress"),
        "{refused}"
    );

    let verdict = envoy::validate(&bootstrap, Options::default()).unwrap();
    assert!(
        !verdict.accepted && verdict.log.contains("adress"),
        "{verdict:?}"
    );
    assert!(
        envoy::validate(&without_filters(), Options::default())
            .unwrap()
            .accepted
    );
}

#[test]
fn an_envoy_ends_with_its_handle() {
    let envoy = Envoy::start(&without_filters(), Options::default()).unwrap();
    let (admin, pid) = (envoy.admin(), envoy.pid());
    assert!(
        Client::new(admin, Protocol::Http1)
            .send(&Request::get("/ready"))
            .is_ok()
    );
    drop(envoy);
    assert!(
        Client::new(admin, Protocol::Http1)
            .send(&Request::get("/ready"))
            .is_err()
    );
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn an_envoy_outlives_the_thread_that_started_it() {
    let started = std::thread::spawn(|| Envoy::start(&without_filters(), Options::default()));
    let envoy = started.join().unwrap().unwrap();
    assert_eq!(envoy.ask("GET", "/ready").unwrap().status, 200);
}

#[test]
fn what_is_not_as_declared_is_an_error() {
    let mut bootstrap = without_filters();
    assert!(
        bootstrap.on_free_ports().is_err(),
        "the ports are no longer the declared ones"
    );
    assert!(bootstrap.place_cluster("database", loopback()).is_err());
    assert!(
        bootstrap.configure("jwt-auth", "{}").is_err(),
        "it was taken out of the chain"
    );
    assert!(bootstrap.keep_filters(&["jwt-auth"]).is_err());
}

/// A filter that enters its module for the headers of a request, and does nothing there.
const NOOP: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"#;

#[test]
fn a_trap_is_seen() {
    let upstream = Upstream::start(loopback()).unwrap();
    let headers = "(func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32)";
    for (module, status, traps) in [
        (NOOP.to_owned(), 200, 0),
        (
            NOOP.replace(headers, &format!("{headers} unreachable")),
            503,
            1,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("module.wasm");
        std::fs::write(&file, wat::parse_str(module).unwrap()).unwrap();
        let mut bootstrap = Bootstrap::shipped().unwrap();
        bootstrap.keep_filters(&["jwt-auth"]).unwrap();
        bootstrap.on_free_ports().unwrap();
        bootstrap
            .place_cluster("upstream", upstream.address())
            .unwrap();
        bootstrap.replace_module("jwt-auth", &file).unwrap();
        let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
        let client = envoy.client(Protocol::Http1);
        let response = client.send(&Request::get("/healthz")).unwrap();
        assert_eq!(
            (response.status, envoy.traps()),
            (status, traps),
            "{response:?}"
        );
    }
}
