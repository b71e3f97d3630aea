//! pii-redactor in a real Envoy: responses over every pair of protocols, cut anywhere.

use std::time::Duration;

use envoy_test::client::{Protocol, Request, Response};
use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::{Peers, UpstreamResponse};
use serde_json::json;

const FILTER: &str = "pii-redactor";
/// Enough for the pieces of a body to reach Envoy one by one, mostly; the result does not depend
/// on it.
const GAP: Duration = Duration::from_millis(1);

/// A document with everything that a cut can hurt: an escape, characters of two and four bytes, a
/// value that looks like another until its end. And what it is to become.
const SENT: &str = r#"{"m":"jane\u0040example.com é😀","n":-1.50e+1,"c":"4111-1111-1111-1111","s":"536-22-8145","d":"536-22-81456"} "#;
const EXPECTED: &str = r#"{"m":"[EMAIL] é😀","n":-1.50e+1,"c":"****-****-****-1111","s":"[US_SSN]","d":"536-22-81456"} "#;

/// Envoy with pii-redactor as it is shipped, for each pair of protocols.
fn for_each_pair(test: impl Fn(&Peers, &Envoy, &dyn Fn(&Request) -> Response, &str)) {
    for upstream in Protocol::BOTH {
        let peers = Peers::start().unwrap();
        let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
        bootstrap.speak_with_upstream(upstream).unwrap();
        // How long a connection that is to be closed stays open for what is under way.
        bootstrap.connection_manager().unwrap()["delayed_close_timeout"] = json!("0.01s");
        let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
        for downstream in Protocol::BOTH {
            let client = envoy.client(downstream);
            let pair = format!("{downstream:?} to {upstream:?}");
            test(
                &peers,
                &envoy,
                &|request| client.send(request).unwrap(),
                &pair,
            );
        }
        assert_eq!(envoy.traps(), 0);
    }
}

fn patient() -> Request {
    Request::get("/patients/7")
}

fn findings(envoy: &Envoy) -> u64 {
    envoy
        .stats()
        .unwrap()
        .sum("wasmcustom.meshward.pii-redactor.findings_total;")
}

#[test]
fn the_result_does_not_depend_on_the_cuts() {
    for_each_pair(|peers, envoy, send, pair| {
        let before = findings(envoy);
        let bytes: Vec<usize> = (1..SENT.len()).collect();
        let mut plans: Vec<Vec<usize>> = bytes.iter().map(|cut| vec![*cut]).collect();
        plans.push(bytes);
        plans.push(Vec::new());
        for cuts in &plans {
            peers.upstream.respond_with(
                "/patients/7",
                UpstreamResponse::json(SENT).cut_at(cuts, GAP),
            );
            let response = send(&patient());
            assert_eq!(
                response.text(),
                EXPECTED,
                "{pair} cut at {cuts:?}: {response:?}"
            );
            assert_eq!(response.broken, None, "{pair} cut at {cuts:?}");
        }
        peers
            .upstream
            .respond_with("/patients/7", UpstreamResponse::json(SENT));
        let response = send(&patient());
        assert_eq!(
            (response.text().as_str(), response.header("content-length")),
            (EXPECTED, "")
        );
        let responses = plans.len() as u64 + 1;
        assert_eq!(findings(envoy) - before, responses * 3, "{pair}");
    });
}

#[test]
fn headers_that_a_change_would_make_untrue_are_gone() {
    for_each_pair(|peers, _, send, pair| {
        let response = UpstreamResponse::json(SENT)
            .header("etag", "\"v1\"")
            .header("digest", "sha-256=abc")
            .header("content-md5", "abc")
            .header("accept-ranges", "bytes")
            .header("x-kept", [b'o', 0xe9]);
        peers.upstream.respond_with("/patients/7", response);
        let request = patient()
            .header("accept-encoding", "gzip")
            .header("range", "bytes=0-9");
        let response = send(&request);
        assert_eq!(response.text(), EXPECTED, "{pair}");
        for gone in ["content-length", "digest", "content-md5", "accept-ranges"] {
            assert!(!response.headers.contains_key(gone), "{pair} {gone}");
        }
        assert_eq!(response.header("etag"), "W/\"v1\"", "{pair}");
        assert_eq!(
            response.headers["x-kept"].as_bytes(),
            [b'o', 0xe9],
            "{pair}"
        );
        let received = peers.upstream.take_received().pop().unwrap();
        for gone in ["accept-encoding", "range"] {
            assert!(!received.headers.contains_key(gone), "{pair} {gone}");
        }
    });
}

#[test]
fn trailers_arrive_and_nothing_is_lost_before_them() {
    for_each_pair(|peers, _, send, pair| {
        for cuts in [vec![], vec![SENT.len() / 2], vec![SENT.len() - 1]] {
            let response = UpstreamResponse::json(SENT)
                .cut_at(&cuts, GAP)
                .trailer("x-sum", "1");
            peers.upstream.respond_with("/patients/7", response);
            // Over HTTP/1.1 trailers are only for those who say that they take them.
            let response = send(&patient().header("te", "trailers"));
            assert_eq!(response.text(), EXPECTED, "{pair} {cuts:?}");
            let trailer = response.trailers.get("x-sum").map(|value| value.as_bytes());
            assert_eq!(trailer, Some(b"1".as_slice()), "{pair} {cuts:?}");
        }
    });
}

#[test]
fn what_no_rule_is_about_keeps_its_bytes() {
    for_each_pair(|peers, _, send, pair| {
        let binary: Vec<u8> = (0..=255).collect();
        let responses = [
            (
                "/orders/1",
                UpstreamResponse::json(SENT),
                SENT.as_bytes().to_vec(),
            ),
            (
                "/patients/7",
                UpstreamResponse::new(200, "image/png", binary.clone()),
                binary,
            ),
        ];
        for (path, response, expected) in responses {
            peers.upstream.respond_with(path, response);
            let response = send(&Request::get(path));
            assert_eq!(response.body, expected, "{pair} {path}");
            assert_eq!(
                response.header("content-length"),
                expected.len().to_string(),
                "{pair}"
            );
        }
        let head = send(&Request::new("HEAD", "/patients/7"));
        assert_eq!((head.status, head.body.len()), (200, 0), "{pair}");
        peers.upstream.respond_with(
            "/patients/7",
            UpstreamResponse::new(204, "application/json", ""),
        );
        assert_eq!(send(&patient()).status, 204, "{pair}");
    });
}

#[test]
fn what_cannot_be_read_does_not_pass_in_silence() {
    for_each_pair(|peers, envoy, send, pair| {
        peers.upstream.respond_with(
            "/patients/7",
            UpstreamResponse::json(SENT).header("content-encoding", "br"),
        );
        let response = send(&patient());
        assert_eq!(response.status, 502, "{pair} {response:?}");
        assert_eq!(
            response.header("content-type"),
            "application/problem+json",
            "{pair}"
        );
        let unread = "wasmcustom.meshward.pii-redactor.unredacted_total;";
        assert!(envoy.stats().unwrap().sum(unread) > 0, "{pair}");

        // Not JSON, whatever it says: scanned as text, so what is found still goes.
        let bodies: [(&[u8], &[u8]); 4] = [
            (b"{\"m\": jane@example.com", b"{\"m\": [EMAIL]"),
            (b"\xff\xfe jane@example.com \xc3", b"\xff\xfe [EMAIL] \xc3"),
            (b"{\"m\":\"jane@example.com", b"{\"m\":\"[EMAIL]"),
            (b"{\"m\":\"\xf0\x9f\x98", b"{\"m\":\"\xf0\x9f\x98"),
        ];
        for (sent, expected) in bodies {
            for cut in 0..sent.len() {
                peers.upstream.respond_with(
                    "/patients/7",
                    UpstreamResponse::json(sent).cut_at(&[cut], GAP),
                );
                let response = send(&patient());
                let shown = String::from_utf8_lossy(sent);
                assert_eq!(
                    response.body, expected,
                    "{pair} {shown} cut at {cut}: {response:?}"
                );
            }
        }
    });
}

#[test]
fn an_upstream_that_breaks_off_leaks_nothing() {
    for_each_pair(|peers, _, send, pair| {
        for cut in 1..SENT.len() {
            if !SENT.is_char_boundary(cut) {
                continue;
            }
            let broken = UpstreamResponse::json(SENT.get(..cut).unwrap()).broken_off();
            peers.upstream.respond_with("/patients/7", broken);
            let response = send(&patient());
            assert!(
                response.broken.is_some() || response.status >= 500,
                "{pair} {cut} {response:?}"
            );
            for value in ["example.com", "4111-1111-1111-1111", "536-22-8145\""] {
                assert!(
                    !response.text().contains(value),
                    "{pair} {cut} {response:?}"
                );
            }
        }
    });
}

#[test]
fn a_large_response_streams() {
    let item = r#"{"mail":"jane@example.com","filler":"0123456789 abcdefghijklmnopqrstuvwxyz"},"#;
    let count = 4 * 1024 * 1024 / item.len();
    let sent = format!("[{}null]", item.repeat(count));
    let expected = sent.replace("jane@example.com", "[EMAIL]");
    for_each_pair(|peers, _, send, pair| {
        peers
            .upstream
            .respond_with("/patients/7", UpstreamResponse::json(sent.as_str()));
        let response = send(&patient());
        assert!(
            response.text() == expected,
            "{pair}: {} bytes",
            response.body.len()
        );
    });
}

#[test]
fn compressed_responses_and_other_framings_are_read() {
    for_each_pair(|peers, _, send, pair| {
        peers
            .upstream
            .respond_with("/patients/7", UpstreamResponse::json(SENT).gzip().unwrap());
        let response = send(&patient());
        assert_eq!(response.text(), EXPECTED, "{pair} {response:?}");
        assert!(!response.headers.contains_key("content-encoding"), "{pair}");
        for (kind, sent, expected) in [
            ("text/csv", "a,jane@example.com\n", "a,[EMAIL]\n"),
            (
                "text/plain",
                "ends with jane@example.com",
                "ends with [EMAIL]",
            ),
            (
                "text/event-stream",
                "data: {\"m\":\"jane@example.com\"}\n\n",
                "data: {\"m\":\"[EMAIL]\"}\n\n",
            ),
            (
                "application/x-www-form-urlencoded",
                "m=jane%40example.com&n=1",
                "m=%5BEMAIL%5D&n=1",
            ),
        ] {
            for cut in 1..sent.len() {
                peers.upstream.respond_with(
                    "/patients/7",
                    UpstreamResponse::new(200, kind, sent).cut_at(&[cut], GAP),
                );
                let response = send(&patient());
                assert_eq!(
                    response.text(),
                    expected,
                    "{pair} {kind} cut at {cut}: {response:?}"
                );
            }
            let with_trailer = UpstreamResponse::new(200, kind, sent).trailer("x-sum", "1");
            peers.upstream.respond_with("/patients/7", with_trailer);
            let response = send(&patient().header("te", "trailers"));
            // What cannot be written any more must not pass.
            assert!(
                !response.text().contains("jane"),
                "{pair} {kind} {response:?}"
            );
        }
    });
}

/// Everything that a request has.
const REQUESTS: &str = r#"{"rules":[{"name":"out","apply_to":["request.body","request.query","request.cookies","request.headers"],
    "detect":["EMAIL","CREDIT_CARD"],"fields":[{"name":"secret","action":"remove"}]}]}"#;

#[test]
fn requests_are_redacted_on_their_way() {
    for upstream in Protocol::BOTH {
        let peers = Peers::start().unwrap();
        let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
        bootstrap.speak_with_upstream(upstream).unwrap();
        bootstrap.configure(FILTER, REQUESTS).unwrap();
        let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
        for downstream in Protocol::BOTH {
            let client = envoy.client(downstream);
            for (kind, sent, expected) in [
                (
                    "application/json",
                    r#"{"m":"jane@example.com","secret":[1],"n":1.50}"#,
                    r#"{"m":"[EMAIL]","n":1.50}"#,
                ),
                (
                    "application/x-www-form-urlencoded",
                    "secret=1&m=jane%40example.com",
                    "m=%5BEMAIL%5D",
                ),
                ("text/plain", "call jane@example.com", "call [EMAIL]"),
            ] {
                peers
                    .upstream
                    .respond_with("/a", UpstreamResponse::json("{}"));
                drop(peers.upstream.take_received());
                let request = Request::new("POST", "/a?m=jane%40example.com&secret=1&n=2")
                    .header("content-type", kind)
                    .header("cookie", "secret=1; m=jane@example.com")
                    .header("x-mail", "jane@example.com")
                    .chunk(sent);
                let response = client.send(&request).unwrap();
                assert_eq!(response.status, 200, "{response:?}");
                let received = peers.upstream.take_received().pop().unwrap();
                let pair = format!("{downstream:?} to {upstream:?} {kind}");
                assert_eq!(String::from_utf8_lossy(&received.body), expected, "{pair}");
                assert_eq!(received.path, "/a?m=%5BEMAIL%5D&n=2", "{pair}");
                assert_eq!(
                    received.headers["cookie"].as_bytes(),
                    b"m=%5BEMAIL%5D",
                    "{pair}"
                );
                assert_eq!(received.headers["x-mail"].as_bytes(), b"[EMAIL]", "{pair}");
            }
        }
        assert_eq!(envoy.traps(), 0);
    }
}

/// Envoy's buffer has a limit. What the filter keeps is not in it, so no upload is too large because
/// of how its pieces arrive, and a small one with trailers loses nothing.
#[test]
fn uploads_get_no_413_by_packet_timing() {
    let peers = Peers::start().unwrap();
    let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
    bootstrap.configure(FILTER, REQUESTS).unwrap();
    let listeners = bootstrap.tree().pointer_mut("/static_resources/listeners");
    for listener in listeners.unwrap().as_array_mut().unwrap() {
        listener["per_connection_buffer_limit_bytes"] = json!(32 * 1024);
    }
    let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
    let sent = "a line of text with jane@example.com in it\n".repeat(100_000 / 43);
    let expected = sent.replace("jane@example.com", "[EMAIL]");
    for downstream in Protocol::BOTH {
        let client = envoy.client(downstream);
        for first in [
            1, 100, 1000, 4096, 12_000, 16_000, 16_384, 30_000, 32_768, 60_000,
        ] {
            for has_length in [true, false] {
                peers
                    .upstream
                    .respond_with("/a", UpstreamResponse::json("{}"));
                drop(peers.upstream.take_received());
                let (head, tail) = sent.as_bytes().split_at(first);
                let mut request = Request::new("POST", "/a").header("content-type", "text/plain");
                if has_length {
                    request = request.header("content-length", sent.len().to_string());
                }
                let response = client.send(&request.chunk(head).chunk(tail)).unwrap();
                let case = format!("{downstream:?}, {first} bytes first, length: {has_length}");
                assert_eq!(response.status, 200, "{case}: {response:?}");
                let received = peers.upstream.take_received().pop().unwrap();
                assert_eq!(String::from_utf8_lossy(&received.body), expected, "{case}");
            }
        }
    }
    let client = envoy.client(Protocol::Http2);
    for cut in [0, 3, 10, 20] {
        peers
            .upstream
            .respond_with("/a", UpstreamResponse::json("{}"));
        drop(peers.upstream.take_received());
        let (head, tail) = "call jane@example.com".split_at(cut);
        let request = Request::new("POST", "/a")
            .header("content-type", "text/plain")
            .chunk(head)
            .chunk(tail)
            .trailer("x-sum", "1");
        let response = client.send(&request).unwrap();
        assert_eq!(response.status, 200, "cut at {cut}: {response:?}");
        let received = peers.upstream.take_received().pop().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&received.body),
            "call [EMAIL]",
            "cut at {cut}"
        );
    }
    assert_eq!(envoy.traps(), 0);
}
