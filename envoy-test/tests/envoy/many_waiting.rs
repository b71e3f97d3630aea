//! Many requests that wait for one thing, in a real Envoy: what ends them all must not end the VM.
//!
//! Envoy does what a callback asks of a stream when the callback has returned, one within the other; each response that
//! the gateway gives by itself goes through the filters' callbacks again.

use std::time::Duration;

use envoy_test::client::{Protocol, Request};
use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::{Algorithm, Endpoint, ISSUER, IdpMood, Peers, Token};
use serde_json::json;

/// Half of them fill the stack where each ends within the last.
const WAITING: usize = 1500;
/// Longer than Envoy takes to start, as the first fetch begins then.
const FETCH: Duration = Duration::from_secs(12);

/// All filters, and one provider whose keys take a while.
fn gateway(peers: &Peers, is_bundle: bool) -> Envoy {
    let auth = json!({
        "providers": {"corp": {
            "issuer": ISSUER, "audiences": ["orders-api"],
            "jwks": {"remote": {
                "uri": "http://idp/jwks", "cluster": "idp", "plain_http": true, "timeout": "12s",
            }},
        }},
        "rules": [
            {"match": {"paths": ["/healthz"]}, "allow": "anonymous"},
            {"require": {"provider": "corp"}},
        ],
        "waiting": {"timeout": "20s", "max_requests": 10_000},
    });
    let filters: &[&str] = match is_bundle {
        true => &["audit-emitter", "jwt-auth", "token-bucket", "pii-redactor"],
        false => &["jwt-auth"],
    };
    let mut bootstrap = peers.bootstrap(filters).unwrap();
    bootstrap.configure("jwt-auth", &auth.to_string()).unwrap();
    if is_bundle {
        let limits = json!({"limits": [{"name": "all", "key": ["ip"], "rate": "100000/s", "burst": 100_000}]});
        bootstrap
            .configure("token-bucket", &limits.to_string())
            .unwrap();
        bootstrap.bundle().unwrap();
    }
    Envoy::start(&bootstrap, Options::default()).unwrap()
}

fn all_are(expected: u16, mood: IdpMood, is_bundle: bool) {
    let peers = Peers::start().unwrap();
    let token = peers
        .idp
        .mint(Algorithm::Rs256, &Token::of("alice"))
        .unwrap();
    peers.idp.set_mood_at(Endpoint::Jwks, mood);
    let envoy = gateway(&peers, is_bundle);
    let client = envoy.client(Protocol::Http2);
    let request = Request::get("/orders/17").bearer(&token);
    let statuses = client.statuses_at_once(&request, WAITING).unwrap();
    let others = statuses.iter().filter(|status| **status != expected);
    let first = others.clone().next();
    assert_eq!((others.count(), first), (0, None), "{}", envoy.log().tail());
    let response = client.send(&Request::get("/healthz")).unwrap();
    assert_eq!(response.status, 200, "the VM is alive");
    assert_eq!(envoy.traps(), 0, "and has been all the time");
}

#[test]
fn many_are_refused_when_keys_do_not_come() {
    all_are(503, IdpMood::Silent, false);
}

#[test]
fn many_go_on_when_keys_come() {
    all_are(200, IdpMood::Slow(FETCH * 2 / 3), false);
}

#[test]
fn many_go_on_through_the_bundle() {
    all_are(200, IdpMood::Slow(FETCH * 2 / 3), true);
}

#[test]
fn many_are_refused_by_the_bundle() {
    all_are(503, IdpMood::Silent, true);
}
