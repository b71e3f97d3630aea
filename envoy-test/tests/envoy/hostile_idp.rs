//! jwt-auth in a real Envoy with an identity provider that lets it down in every way we know.

use std::thread;
use std::time::Duration;

use envoy_test::client::{Protocol, Request, Response};
use envoy_test::envoy::Envoy;
use envoy_test::peers::{Algorithm, Endpoint, ISSUER, IdpMood, Peers, Token};
use serde_json::json;

use crate::bed::{bootstrap, start, wait_until};

const FILTER: &str = "jwt-auth";

struct Bed {
    peers: Peers,
    envoy: Envoy,
    token: String,
}

/// Envoy with jwt-auth, and an identity provider in this mood from the start.
fn bed(mood: IdpMood) -> Bed {
    let peers = Peers::start().unwrap();
    peers.idp.set_mood(mood);
    let remote =
        json!({ "uri": "http://idp/jwks", "cluster": "idp", "plain_http": true, "timeout": "1s" });
    let configuration = json!({
        "providers": {
            "corp": {
                "issuer": ISSUER,
                "audiences": ["orders-api"],
                "jwks": { "remote": remote },
            }
        },
        "rules": [
            { "match": { "paths": ["/healthz"] }, "allow": "anonymous" },
            { "require": { "provider": "corp" } },
        ],
    });
    let envoy = start(&bootstrap(&peers, FILTER, &configuration), 1);
    let token = peers.idp.mint(Algorithm::Rs256, &Token::of("alice"));
    Bed {
        token: token.unwrap(),
        peers,
        envoy,
    }
}

impl Bed {
    fn order(&self) -> Response {
        let client = self.envoy.client(Protocol::Http1);
        let request = Request::get("/orders/17").bearer(&self.token);
        client.send(&request).unwrap()
    }

    /// Waits until the token passes; what is refused meanwhile must not be blamed on the token.
    fn passes_at_last(&self, mood: IdpMood) {
        let keys = format!("{mood:?}: keys");
        wait_until(Duration::from_secs(60), &keys, || {
            let response = self.order();
            assert!(
                [200, 503].contains(&response.status),
                "{mood:?} {response:?}"
            );
            response.status == 200
        });
    }
}

#[test]
fn a_provider_that_gives_no_keys_is_no_reason_to_blame_the_token() {
    let moods = [
        IdpMood::Failing(500),
        IdpMood::Garbage,
        IdpMood::Truncated,
        IdpMood::Huge,
        IdpMood::Empty,
        IdpMood::Redirecting,
        IdpMood::Resetting,
        IdpMood::BreakingOff,
        IdpMood::Silent,
    ];
    thread::scope(|scope| {
        for mood in moods {
            scope.spawn(move || {
                let bed = bed(mood);
                let response = bed.order();
                assert_eq!(response.status, 503, "{mood:?} {response:?}");
                assert!(
                    response.header("retry-after").parse::<u64>().is_ok(),
                    "{mood:?} {response:?}"
                );
                let open = bed.envoy.client(Protocol::Http1);
                let open = open.send(&Request::get("/healthz")).unwrap();
                assert_eq!(open.status, 200, "{mood:?} {open:?}");
                bed.peers.idp.set_mood(IdpMood::Working);
                bed.passes_at_last(mood);
                assert_eq!(bed.peers.idp.requests(Endpoint::Elsewhere), 0, "{mood:?}");
                assert_eq!(bed.envoy.traps(), 0, "{mood:?}");
            });
        }
    });
}

#[test]
fn keys_that_come_byte_by_byte_are_keys() {
    let mood = IdpMood::Dripping(Duration::ZERO);
    let bed = bed(mood);
    bed.passes_at_last(mood);
    assert_eq!(bed.envoy.traps(), 0);
}
