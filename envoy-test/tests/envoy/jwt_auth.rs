//! jwt-auth in a real Envoy, with keys from a real identity provider.

use std::time::Duration;

use envoy_test::client::{Protocol, Request, Response};
use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::{Algorithm, IdpMood, Peers, Token};
use serde_json::json;

use crate::bed::at_once;

const FILTER: &str = "jwt-auth";
const REFUSED: &str = "wasmcustom.meshward.jwt-auth.requests_total;outcome=denied;reason=";

struct Bed {
    peers: Peers,
    envoy: Envoy,
}

/// Envoy with jwt-auth as it is shipped; `change` may change the rest.
fn bed(change: impl FnOnce(&mut Peers, &mut Bootstrap)) -> Bed {
    let mut peers = Peers::start().unwrap();
    let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
    change(&mut peers, &mut bootstrap);
    let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
    Bed { peers, envoy }
}

impl Bed {
    fn token(&self, algorithm: Algorithm, token: &Token) -> String {
        self.peers.idp.mint(algorithm, token).unwrap()
    }

    fn reader(&self) -> Token {
        Token::of("alice").scope("orders:read profile")
    }

    fn refused(&self, reason: &str) -> u64 {
        self.envoy
            .stats()
            .unwrap()
            .value(&format!("{REFUSED}{reason};provider=corp"))
    }
}

fn order() -> Request {
    Request::get("/orders/17")
}

fn is_problem(response: &Response, reason: &str) -> bool {
    let problem = response.json();
    response.header("content-type") == "application/problem+json"
        && problem["status"] == json!(response.status)
        && problem["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with(reason))
}

/// Envoy hands them on over HTTP/1 as they are, and servers read one host or the other.
#[test]
fn hosts_that_servers_read_in_different_ways_are_refused() {
    let configuration = json!({
        "providers": {},
        "rules": [{ "match": { "hosts": ["internal.example.com"] }, "deny": "everybody" }],
        "default": "anonymous",
    });
    let bed = bed(|_, bootstrap| {
        bootstrap
            .configure(FILTER, &configuration.to_string())
            .unwrap();
    });
    let client = bed.envoy.client(Protocol::Http1);
    for (host, status) in [
        ("public.example.com", 200),
        ("internal.example.com", 403),
        ("internal.example.com:x@public.example.com", 400),
        ("internal%2eexample.com", 400),
        ("internal.example.com,public.example.com", 400),
    ] {
        let response = client.send(&order().host(host)).unwrap();
        assert_eq!(response.status, status, "{host}: {response:?}");
        assert!(
            status != 400 || is_problem(&response, "host_ambiguous"),
            "{host}: {response:?}"
        );
    }
}

#[test]
fn good_tokens_pass_and_stay_at_the_gateway() {
    let bed = bed(|_, _| {});
    for protocol in Protocol::BOTH {
        let client = bed.envoy.client(protocol);
        for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
            let token = bed.token(algorithm, &bed.reader());
            for scheme in ["Bearer", "bearer"] {
                let request = order().header("authorization", format!("{scheme} {token}"));
                let response = client.send(&request).unwrap();
                assert_eq!(
                    response.status, 200,
                    "{protocol:?} {algorithm:?} {response:?}"
                );
            }
        }
        let open = client.send(&Request::get("/healthz")).unwrap();
        assert_eq!(open.status, 200, "{open:?}");
    }
    let received = bed.peers.upstream.take_received();
    assert_eq!(received.len(), 10);
    for request in received {
        assert!(
            !request.headers.contains_key("authorization"),
            "{request:?}"
        );
    }
    assert_eq!(bed.peers.idp.jwks_requests(), 1);
}

#[test]
fn bad_credentials_are_refused_with_their_reason() {
    let bed = bed(|_, _| {});
    let reader = bed.reader();
    let good = bed.token(Algorithm::Rs256, &reader);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    let other = bed.token(Algorithm::Es256, &reader);
    let swapped = format!("{head}.{}", other.rsplit_once('.').unwrap().1);
    let none = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let sign = |token: &Token| bed.token(Algorithm::Rs256, token);
    let cases: Vec<(String, u16, &str)> = vec![
        (
            format!("{head}.{}", signature.replace(['a', 'b'], "c")),
            401,
            "signature_invalid",
        ),
        (format!("{head}."), 401, "signature_invalid"),
        (swapped, 401, "signature_invalid"),
        (none, 401, "algorithm_not_allowed"),
        (good.replace('.', ""), 401, "token_malformed"),
        ("not.a.token".to_owned(), 401, "token_malformed"),
        ("....".to_owned(), 401, "token_malformed"),
        (format!("{good}=="), 401, "token_malformed"),
        (
            sign(&reader.clone().expires_in_seconds(-7200)),
            401,
            "token_expired",
        ),
        (
            sign(&reader.clone().without_expiry()),
            401,
            "expiration_missing",
        ),
        (
            sign(&reader.clone().audience("billing")),
            401,
            "audience_mismatch",
        ),
        (
            sign(&reader.issuer("https://evil.test")),
            401,
            "issuer_unknown",
        ),
        (
            sign(&Token::of("bob").scope("patients:read")),
            403,
            "scope_missing",
        ),
        (
            sign(&Token::of("bob").scope("orders:readonly")),
            403,
            "scope_missing",
        ),
    ];
    for protocol in Protocol::BOTH {
        let client = bed.envoy.client(protocol);
        for (token, status, reason) in &cases {
            let before = bed.refused(reason);
            let response = client.send(&order().bearer(token)).unwrap();
            assert_eq!(
                response.status, *status,
                "{protocol:?} {reason} {response:?}"
            );
            assert!(is_problem(&response, reason), "{reason} {response:?}");
            assert!(
                response.header("www-authenticate").starts_with("Bearer "),
                "{response:?}"
            );
            assert_eq!(bed.refused(reason), before + 1, "{protocol:?} {reason}");
        }
        let missing = client.send(&order()).unwrap();
        assert_eq!(
            (missing.status, is_problem(&missing, "credential_missing")),
            (401, true)
        );
        let twice = client.send(&order().bearer(&good).bearer(&other)).unwrap();
        assert_eq!(
            (twice.status, is_problem(&twice, "credentials_multiple")),
            (401, true)
        );
        assert_eq!(client.send(&order().bearer(&good)).unwrap().status, 200);
    }
    let secret = signature.get(..16).unwrap();
    assert!(
        !bed.envoy.log().text().contains(secret),
        "a token is in the log"
    );
}

#[test]
fn strange_bytes_do_no_harm() {
    let bed = bed(|_, bootstrap| {
        bootstrap.connection_manager().unwrap()["max_request_headers_kb"] = json!(400);
    });
    let good = bed.token(Algorithm::Es256, &bed.reader());
    let (header, _) = good.split_once('.').unwrap();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            format!("Bearer {header}.{}", "A".repeat(50_000)).into_bytes(),
            "token_too_large",
        ),
        (
            format!("Bearer {}", "{\"a\":".repeat(10_000)).into_bytes(),
            "token_too_large",
        ),
        (b"Bearer \xff\xfe\x80".to_vec(), ""),
        (b"\xc3\x28 token".to_vec(), ""),
        (b"Bearer".to_vec(), ""),
        (b"Bearer ".to_vec(), ""),
        (b"Basic YTpi".to_vec(), "credential_missing"),
        (b"".to_vec(), ""),
    ];
    for protocol in Protocol::BOTH {
        let client = bed.envoy.client(protocol);
        for (value, reason) in &cases {
            let response = client
                .send(&order().header("authorization", value))
                .unwrap();
            let shown = String::from_utf8_lossy(value.get(..40).unwrap_or(value)).into_owned();
            assert_eq!(response.status, 401, "{protocol:?} {shown} {response:?}");
            assert!(
                reason.is_empty() || is_problem(&response, reason),
                "{shown} {response:?}"
            );
        }
        // Over HTTP/2 one header of more than 64 KiB ends the connection before any filter.
        if protocol == Protocol::Http1 {
            let huge = format!("{header}.{}.{}", "A".repeat(100_000), "A".repeat(86));
            let response = client.send(&order().bearer(&huge)).unwrap();
            assert_eq!(
                (response.status, is_problem(&response, "token_too_large")),
                (401, true)
            );
        }
        let odd = order()
            .bearer(&good)
            .header("x-odd", b"\xff\xfe")
            .header("cookie", b"a=\xff");
        assert_eq!(client.send(&odd).unwrap().status, 200);
    }
    assert_eq!(bed.envoy.traps(), 0);
}

#[test]
fn a_header_block_beyond_the_limit_of_envoy_is_its_431() {
    let bed = bed(|_, _| {});
    let client = bed.envoy.client(Protocol::Http1);
    let response = client.send(&order().bearer(&"A".repeat(100_000))).unwrap();
    assert_eq!(response.status, 431, "{response:?}");
    assert_eq!(bed.envoy.traps(), 0);
}

#[test]
fn paths_that_walk_around_a_rule_do_not() {
    let bed = bed(|_, _| {});
    let paths = [
        "/orders/17/../../orders/17",
        "/%6frders/17",
        "//orders/17",
        "/healthz/../orders/17",
        "/healthz/..%2forders/17",
        "/healthz;/../orders/17",
        "/orders;a=b/17",
        "/nowhere",
    ];
    for protocol in Protocol::BOTH {
        let client = bed.envoy.client(protocol);
        for path in paths {
            let response = client.send(&Request::get(path)).unwrap();
            assert!(
                [400, 401, 403].contains(&response.status),
                "{protocol:?} {path} {response:?}"
            );
        }
    }
    assert!(bed.peers.upstream.take_received().is_empty());
}

#[test]
fn a_dead_identity_provider_is_no_reason_to_throw_tokens_away() {
    let mut bed = bed(|peers, _| peers.idp.stop());
    let token = bed.token(Algorithm::Rs256, &bed.reader());
    let client = bed.envoy.client(Protocol::Http1);
    bed.envoy.log().wait_for("could not be").unwrap();
    let response = client.send(&order().bearer(&token)).unwrap();
    assert_eq!(
        (response.status, is_problem(&response, "keys_unavailable")),
        (503, true),
        "{response:?}"
    );
    assert!(
        response.header("retry-after").parse::<u64>().is_ok(),
        "{response:?}"
    );
    // What needs no key is served, and what could never pass is told so.
    assert_eq!(client.send(&Request::get("/healthz")).unwrap().status, 200);
    assert_eq!(client.send(&order()).unwrap().status, 401);

    bed.peers.idp.resume().unwrap();
    bed.envoy.log().wait_for("2 keys of corp serve").unwrap();
    assert_eq!(client.send(&order().bearer(&token)).unwrap().status, 200);
}

#[test]
fn an_identity_provider_that_answers_nonsense_is_a_dead_one() {
    for mood in [
        IdpMood::Garbage,
        IdpMood::Failing(500),
        IdpMood::Failing(404),
    ] {
        let bed = bed(|peers, _| peers.idp.set_mood(mood));
        let token = bed.token(Algorithm::Rs256, &bed.reader());
        let client = bed.envoy.client(Protocol::Http2);
        bed.envoy.log().wait_for("could not be fetched").unwrap();
        let response = client.send(&order().bearer(&token)).unwrap();
        assert_eq!(response.status, 503, "{mood:?} {response:?}");
        bed.peers.idp.set_mood(IdpMood::Working);
        bed.envoy.log().wait_for("2 keys of corp serve").unwrap();
        assert_eq!(
            client.send(&order().bearer(&token)).unwrap().status,
            200,
            "{mood:?}"
        );
        assert_eq!(bed.envoy.traps(), 0);
    }
}

#[test]
fn two_hundred_requests_that_come_before_the_keys_wait_for_one_fetch() {
    let bed = bed(|peers, _| {
        peers
            .idp
            .set_mood(IdpMood::Slow(Duration::from_millis(500)));
    });
    let token = bed.token(Algorithm::Es256, &bed.reader());
    let client = bed.envoy.client(Protocol::Http1);
    let early = at_once(&client, &order().bearer(&token), 200);
    assert_eq!(early, [200; 200]);
    assert_eq!(bed.peers.idp.jwks_requests(), 1);
}
