//! jwt-auth in a real Envoy with a certified OpenID provider: discovery, rotation, introspection
//! and revocation, and what happens while the provider is away.

use std::time::{Duration, Instant};

use envoy_test::client::{Protocol, Request, Response};
use envoy_test::envoy::Envoy;
use envoy_test::peers::{AccessToken, Algorithm, OidcClient, OidcProvider, Peers};
use envoy_test::poll;
use serde_json::{Value, json};

use crate::bed::{at_once, bootstrap, code, start, wait_until};

const FILTER: &str = "jwt-auth";
pub(crate) const READ: &str = "orders:read";
const SECRET: &str = "EDGE_SECRET";

pub(crate) struct Bed {
    pub(crate) provider: OidcProvider,
    pub(crate) envoy: Envoy,
    peers: Peers,
}

/// Envoy with these workers, and jwt-auth with these settings of its provider.
pub(crate) fn bed(provider: OidcProvider, workers: u32, settings: &Value) -> Bed {
    let peers = Peers::start().unwrap();
    let configuration = json!({
        "providers": { "corp": settings },
        "rules": [{ "require": { "provider": "corp", "scopes": [READ] } }],
    });
    let mut bootstrap = bootstrap(&peers, FILTER, &configuration);
    bootstrap.move_cluster("idp", provider.address()).unwrap();
    bootstrap
        .set_environment(FILTER, SECRET, OidcClient::Gateway.secret())
        .unwrap();
    let envoy = start(&bootstrap, workers);
    Bed {
        provider,
        envoy,
        peers,
    }
}

fn discovered(provider: &OidcProvider, more: &Value) -> Value {
    let mut discovery = json!({
        "uri": format!("{}/.well-known/openid-configuration", provider.issuer()),
        "cluster": "idp", "plain_http": true, "timeout": "5s", "min_refresh": "1s",
    });
    merge(&mut discovery, more);
    json!({
        "issuer": provider.issuer(),
        "audiences": ["orders-api"],
        "profile": "rfc9068",
        "jwks": { "discovery": discovery },
    })
}

fn introspected(provider: &OidcProvider, more: &Value) -> Value {
    let mut introspection = json!({
        "uri": provider.introspection_uri(), "cluster": "idp", "plain_http": true,
        "client_id": OidcClient::Gateway.id(), "client_secret_env": SECRET,
        "audiences": ["orders-api"], "issuer": provider.issuer(), "cache_duration": "1s",
    });
    merge(&mut introspection, more);
    json!({ "introspection": introspection })
}

fn merge(object: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
}

impl Bed {
    pub(crate) fn get(&self, token: &str) -> Response {
        let client = self.envoy.client(Protocol::Http1);
        client
            .send(&Request::get("/orders/17").bearer(token))
            .unwrap()
    }

    fn token(&self, kind: AccessToken) -> String {
        self.token_for(READ, kind)
    }

    pub(crate) fn token_for(&self, scope: &str, kind: AccessToken) -> String {
        let token = self.provider.token(OidcClient::Orders, scope, kind);
        token.unwrap()
    }

    /// Asks until the response has this status; for what another thread of Envoy has to notice.
    fn wait_for(&self, token: &str, status: u16) -> Response {
        let fits = |response: &Response| response.status == status;
        poll(20, || Some(self.get(token)).filter(fits)).unwrap_or_else(|| {
            let response = self.get(token);
            panic!("{status} was awaited: {response:?}")
        })
    }
}

#[test]
fn discovery_leads_to_the_keys_once_for_all_workers() {
    let provider = OidcProvider::start().unwrap();
    let settings = discovered(&provider, &Value::Null);
    let bed = bed(provider, 4, &settings);
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ] {
        let token = bed.token(AccessToken::Jwt(algorithm));
        // Connections spread over the workers.
        for _ in 0..12 {
            assert_eq!(bed.get(&token).status, 200, "{algorithm:?}");
        }
    }
    let counts = bed.provider.counts().unwrap();
    assert_eq!((counts.discovery, counts.jwks), (1, 1));
    assert_eq!(bed.envoy.traps(), 0);
}

#[test]
fn rotated_keys_are_fetched_when_a_token_names_them_and_withdrawn_ones_end_their_tokens() {
    let provider = OidcProvider::start().unwrap();
    let settings = discovered(&provider, &Value::Null);
    let bed = bed(provider, 2, &settings);
    let began = Instant::now();
    let kind = AccessToken::Jwt(Algorithm::Es256);
    let old = bed.token(kind);
    for _ in 0..6 {
        assert_eq!(bed.get(&old).status, 200);
    }
    // With overlap both are good.
    bed.provider.rotate(true).unwrap();
    let new = bed.token(kind);
    assert_ne!(old.split('.').next(), new.split('.').next());
    assert_eq!(bed.get(&new).status, 200, "fetched for it");
    assert_eq!(bed.get(&old).status, 200);
    // Without, remembered tokens of the old key end in every worker.
    bed.provider.rotate(false).unwrap();
    let newest = bed.token(kind);
    assert_eq!(bed.get(&newest).status, 200);
    for token in [&old, &new] {
        let response = bed.wait_for(token, 401);
        assert_eq!(code(&response), "key_unknown");
        wait_until(Duration::from_secs(20), "401 in all workers", || {
            (0..8).all(|_| bed.get(token).status == 401)
        });
    }
    // Tokens of unknown keys ask for one fetch a second (`min_refresh`), however many they are.
    let most = began.elapsed().as_secs() + 4;
    let fetches = bed.provider.counts().unwrap().jwks;
    assert!(fetches >= 3 && fetches <= most, "{fetches} of {most}");
}

#[test]
fn a_provider_that_comes_later_is_asked_once_for_two_hundred_requests() {
    let provider = OidcProvider::start().unwrap();
    provider.stop().unwrap();
    let settings = discovered(&provider, &Value::Null);
    let bed = bed(provider, 2, &settings);
    bed.envoy.log().wait_for("could not be fetched").unwrap();
    let before = bed.provider.resume();
    before.unwrap();
    let token = bed.token(AccessToken::Jwt(Algorithm::Rs256));
    let asked = bed.provider.counts().unwrap();
    let client = bed.envoy.client(Protocol::Http1);
    let request = Request::get("/orders/17").bearer(&token);
    for status in at_once(&client, &request, 200) {
        // Until the next try is due the response is 503; then all wait for the one fetch.
        assert!(status == 200 || status == 503, "{status}");
    }
    bed.wait_for(&token, 200);
    let counts = bed.provider.counts().unwrap();
    assert!(asked.jwks <= 1 && counts.jwks == 1, "{asked:?} {counts:?}");
    assert_eq!(bed.envoy.traps(), 0);
}

#[test]
fn opaque_tokens_are_good_while_their_issuer_says_so() {
    let provider = OidcProvider::start().unwrap();
    let settings = introspected(&provider, &Value::Null);
    let bed = bed(provider, 1, &settings);
    let token = bed.token(AccessToken::Opaque);
    let client = bed.envoy.client(Protocol::Http2);
    let request = Request::get("/orders/17").bearer(&token);
    assert_eq!(at_once(&client, &request, 30), [200; 30]);
    assert_eq!(
        bed.provider.counts().unwrap().introspection,
        1,
        "one for all"
    );
    let received = bed.peers.upstream.take_received();
    assert!(
        received
            .iter()
            .all(|request| !request.headers.contains_key("authorization"))
    );

    let poor = bed
        .provider
        .token(OidcClient::Orders, "patients:read", AccessToken::Opaque)
        .unwrap();
    assert_eq!(code(&bed.get(&poor)), "scope_missing");
    assert_eq!(code(&bed.get("made-up")), "token_inactive");

    bed.provider.revoke(OidcClient::Orders, &token).unwrap();
    let response = bed.wait_for(&token, 401);
    assert_eq!(code(&response), "token_inactive");

    bed.provider.stop().unwrap();
    let late = "another-token";
    let response = bed.get(late);
    assert_eq!(
        (response.status, code(&response).as_str()),
        (503, "introspection_unavailable")
    );
    assert!(!response.header("retry-after").is_empty());
    bed.provider.resume().unwrap();
    bed.wait_for(late, 401);
    let log = bed.envoy.log().text();
    assert!(!log.contains(&token) && !log.contains(OidcClient::Gateway.secret()));
    assert_eq!(bed.envoy.traps(), 0);
}

#[test]
fn a_wrong_secret_is_our_own_mistake_and_not_the_callers() {
    let provider = OidcProvider::start().unwrap();
    let settings = introspected(&provider, &json!({ "client_id": "nobody" }));
    let bed = bed(provider, 1, &settings);
    let token = bed.token(AccessToken::Opaque);
    let response = bed.get(&token);
    assert_eq!(
        (response.status, code(&response).as_str()),
        (503, "introspection_unavailable")
    );
}
