//! Responses that break off, in a real Envoy: the status is 200, and the record says that it failed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::otlp::Record;
use envoy_test::peers::{Peers, UpstreamResponse};
use envoy_test::poll;
use serde_json::{Value, json};

const FILTER: &str = "audit-emitter";
const REQUESTS: usize = 30;

/// Records of requests to this path, all of which must be failures.
fn failures(records: &[Record], path: &str) -> usize {
    let of_path = records.iter().filter(|r| {
        r.body
            .pointer("/http_request/url/path")
            .and_then(Value::as_str)
            == Some(path)
    });
    of_path
        .inspect(|record| assert_eq!(record.body["status_id"], json!(2), "{:?}", record.body))
        .count()
}

#[test]
fn truncated_responses_are_failures_and_never_left_out_by_sampling() {
    let peers = Peers::start().unwrap();
    let body = vec![b'x'; 100_000];
    let cut = UpstreamResponse::new(200, "text/plain", &body[..5_000]).broken_off();
    peers.upstream.respond_with("/cut", cut);
    // The client leaves before the second piece.
    let slow =
        UpstreamResponse::new(200, "text/plain", body).cut_at(&[5_000], Duration::from_secs(5));
    peers.upstream.respond_with("/slow", slow);
    let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
    let shipped = bootstrap.configuration(FILTER).unwrap();
    let mut configuration: Value =
        serde_json::from_str(&shipped.replace("\"1s\"", "\"100ms\"")).unwrap();
    configuration["rules"] = json!([{"sample": "1%"}]);
    bootstrap
        .configure(FILTER, &configuration.to_string())
        .unwrap();
    let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();

    let client = envoy.client(Protocol::BOTH[0]);
    for _ in 0..REQUESTS {
        let response = client.send(&Request::get("/cut")).unwrap();
        assert!(
            response.status == 200 && response.broken.is_some(),
            "{response:?}"
        );
        let response = client.send(&Request::get("/orders/17")).unwrap();
        assert_eq!(response.status, 200);
    }
    for _ in 0..REQUESTS {
        let mut connection = TcpStream::connect(envoy.gateway()).unwrap();
        connection
            .write_all(b"GET /slow HTTP/1.1\r\nhost: shop.example.com\r\n\r\n")
            .unwrap();
        let mut begun = [0; 256];
        assert!(connection.read(&mut begun).unwrap() > 0);
        assert!(begun.starts_with(b"HTTP/1.1 200"));
    }
    let all = || {
        let records = peers.collector.records();
        let counts = (failures(&records, "/cut"), failures(&records, "/slow"));
        (counts == (REQUESTS, REQUESTS)).then_some(())
    };
    poll(20, all).unwrap_or_else(|| panic!("{:?}", peers.collector.records()));
    assert_eq!(envoy.traps(), 0);
}

/// Whoever breaks a response off, with audit-emitter first in the chain: what had left is on record, in both forms of the
/// chain.
#[test]
fn what_a_response_contained_before_it_broke_off_is_on_record() {
    let body = r#"{"a":"jane@example.com","b":"joe@example.com","c":""#.to_owned();
    for is_bundled in [false, true] {
        let peers = Peers::start().unwrap();
        let json = |body: String| UpstreamResponse::json(body);
        let cut = json(body.clone()).broken_off();
        peers.upstream.respond_with("/cut", cut);
        let rest = json(format!("{body}{}\"}}", "x".repeat(100_000)));
        let slow = rest.cut_at(&[body.len()], Duration::from_secs(5));
        peers.upstream.respond_with("/slow", slow);
        let filters = [FILTER, "pii-redactor"];
        let mut bootstrap = peers.bootstrap(&filters).unwrap();
        let shipped = bootstrap.configuration(FILTER).unwrap();
        let mut audit: Value =
            serde_json::from_str(&shipped.replace("\"1s\"", "\"100ms\"")).unwrap();
        audit["rules"] = json!([]);
        let redact = json!({"rules": [{"name": "all", "detect": ["EMAIL"]}]});
        for (filter, configuration) in filters.into_iter().zip([audit, redact]) {
            bootstrap
                .configure(filter, &configuration.to_string())
                .unwrap();
        }
        if is_bundled {
            bootstrap.bundle().unwrap();
        }
        let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
        let client = envoy.client(Protocol::Http1);
        let response = client.send(&Request::get("/cut")).unwrap();
        assert!(response.broken.is_some(), "{response:?}");
        assert!(!response.text().contains("jane@"), "{response:?}");
        let mut connection = TcpStream::connect(envoy.gateway()).unwrap();
        connection
            .write_all(b"GET /slow HTTP/1.1\r\nhost: shop.example.com\r\n\r\n")
            .unwrap();
        let mut begun = Vec::new();
        while !String::from_utf8_lossy(&begun).contains("[EMAIL]") {
            let mut piece = [0; 256];
            let read = connection.read(&mut piece).unwrap();
            assert!(read > 0, "{is_bundled}");
            begun.extend_from_slice(&piece[..read]);
        }
        drop(connection);
        for path in ["/cut", "/slow"] {
            let record = poll(20, || {
                let records = peers.collector.records();
                let mut of_path = records.into_iter();
                of_path.find(|record| record.body["http_request"]["url"]["path"] == json!(path))
            });
            let record = record.unwrap_or_else(|| panic!("{path} {is_bundled}"));
            let text = record.body.to_string();
            assert_eq!(
                record.body["status_id"],
                json!(2),
                "{path} {is_bundled}: {text}"
            );
            assert!(text.contains("EMAIL"), "{path} {is_bundled}: {text}");
        }
        assert_eq!(envoy.traps(), 0);
    }
}
