//! jwt-auth in a real Envoy: when it fetches keys, and who has to wait for them.

use std::thread;
use std::time::{Duration, Instant};

use envoy_test::client::{Protocol, Request, Response};
use envoy_test::envoy::{Envoy, Options, Stats};
use envoy_test::peers::{Algorithm, Endpoint, ISSUER, IdpMood, Peers, Token};
use envoy_test::poll;
use serde_json::{Value, json};

use crate::bed::{Reloading, bootstrap, start};

const FILTER: &str = "jwt-auth";
/// How long fetches are counted: a filter that fetches with every tick makes fifty of them.
const WATCHED: Duration = Duration::from_secs(5);
/// Requests go on while fetches are counted, but not so many that they slow the fetches down.
const BETWEEN_REQUESTS: Duration = Duration::from_millis(20);
/// Far more than any of what is awaited here takes, and far less than [`FETCH_TIMEOUT`].
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a fetch may go on, and how long a request waits for one: whoever waits for the end of
/// either, and not for what happens before it, is found out by it.
const FETCH_TIMEOUT: &str = "50s";

/// A provider whose keys come from the identity provider; `algorithms` may be null.
fn provider(algorithms: &Value) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": ["orders-api"],
        "jwks": { "remote": {
            "uri": "http://idp/jwks", "cluster": "idp", "plain_http": true,
            "timeout": FETCH_TIMEOUT,
        } },
    });
    if !algorithms.is_null() {
        provider["algorithms"] = algorithms.clone();
    }
    provider
}

/// One provider for everything.
fn only(algorithms: &Value) -> Value {
    json!({
        "providers": { "corp": provider(algorithms) },
        "rules": [{ "require": { "provider": "corp" } }],
        "waiting": { "timeout": FETCH_TIMEOUT },
    })
}

fn send(envoy: &Envoy, path: &str, token: &str) -> Response {
    let client = envoy.client(Protocol::Http1);
    client.send(&Request::get(path).bearer(token)).unwrap()
}

/// The peers, and a token of their identity provider.
fn peers_with_token() -> (Peers, String) {
    let peers = Peers::start().unwrap();
    let token = peers.idp.mint(Algorithm::Rs256, &Token::of("alice"));
    (peers, token.unwrap())
}

/// Sends a token until it passes.
fn passes_soon(envoy: &Envoy, token: &str) {
    let passed = poll(PATIENCE.as_secs(), || {
        let response = send(envoy, "/orders/17", token);
        assert!([200, 503].contains(&response.status), "{response:?}");
        (response.status == 200).then_some(())
    });
    assert!(passed.is_some(), "{}", envoy.log().tail());
}

/// Signs with a key that the identity provider does not publish.
fn unpublished(peers: &Peers) -> String {
    let published = peers.idp.jwks();
    peers.idp.set_body(Endpoint::Jwks, &published);
    peers.idp.offer(&[Algorithm::EdDsa]).unwrap();
    peers
        .idp
        .mint(Algorithm::EdDsa, &Token::of("alice"))
        .unwrap()
}

/// A gateway whose configuration can be replaced.
fn reloading(peers: &Peers, configuration: &Value) -> (Reloading, Envoy) {
    let mut bootstrap = bootstrap(peers, FILTER, configuration);
    let gateway = Reloading::of(&mut bootstrap);
    let options = Options {
        workers: 2,
        drain_seconds: Some(1),
        ..Options::default()
    };
    (gateway, Envoy::start(&bootstrap, options).unwrap())
}

#[test]
fn a_reload_that_narrows_the_algorithms_starts_no_storm() {
    let (peers, token) = peers_with_token();
    let unpublished = unpublished(&peers);
    let (mut gateway, envoy) = reloading(&peers, &only(&Value::Null));
    passes_soon(&envoy, &token);
    gateway.configure(&envoy, &only(&json!(["EdDSA"])).to_string());
    let (before, began) = (peers.idp.jwks_requests(), Instant::now());
    while began.elapsed() < WATCHED {
        let response = send(&envoy, "/orders/17", &unpublished);
        assert!([401, 503].contains(&response.status), "{response:?}");
        thread::sleep(BETWEEN_REQUESTS);
    }
    // The back-off doubles from a quarter of a second, and three are for the unknown key.
    let fetches = peers.idp.jwks_requests() - before;
    assert!(fetches <= 10, "{fetches}");
    assert_eq!(envoy.traps(), 0);
}

#[test]
fn a_provider_that_can_use_no_key_starves_no_other_with_the_same_address() {
    let (peers, token) = peers_with_token();
    let unpublished = unpublished(&peers);
    let configuration = json!({
        "providers": {
            "narrow": provider(&json!(["EdDSA"])),
            "corp": provider(&Value::Null),
        },
        "rules": [
            { "match": { "paths": ["/narrow/**"] }, "require": { "provider": "narrow" } },
            { "require": { "provider": "corp" } },
        ],
    });
    let envoy = start(&bootstrap(&peers, FILTER, &configuration), 2);
    passes_soon(&envoy, &token);
    let began = Instant::now();
    while began.elapsed() < WATCHED {
        let narrow = send(&envoy, "/narrow/1", &unpublished);
        assert!([401, 503].contains(&narrow.status), "{narrow:?}");
        let corp = send(&envoy, "/orders/17", &token);
        assert_eq!(corp.status, 200, "{corp:?}");
        thread::sleep(BETWEEN_REQUESTS);
    }
    // One for both, and three for the unknown key.
    let fetches = peers.idp.jwks_requests();
    assert!((1..=4).contains(&fetches), "{fetches}");
    assert_eq!(envoy.traps(), 0);
}

/// The fetch that is under way goes with the VM that has begun it. Nobody waits for its timeout.
#[test]
fn a_reload_during_a_fetch_holds_up_nobody() {
    let peers = Peers::start().unwrap();
    let idp = &peers.idp;
    let token = idp.mint(Algorithm::Rs256, &Token::of("alice")).unwrap();
    idp.set_mood(IdpMood::Silent);
    let (mut gateway, envoy) = reloading(&peers, &only(&Value::Null));
    let begun = || (idp.jwks_requests() == 1).then_some(());
    assert!(poll(PATIENCE.as_secs(), begun).is_some(), "no fetch began");
    idp.set_mood(IdpMood::Working);
    gateway.configure(&envoy, &only(&json!(["RS256", "ES256"])).to_string());
    passes_soon(&envoy, &token);
    assert_eq!(idp.jwks_requests(), 2);
    assert_eq!(envoy.traps(), 0);
}

/// Whichever VM has seen the fetch fail, those who wait for it in another are told.
#[test]
fn who_waits_for_keys_at_a_cold_start_is_answered_when_the_fetch_fails() {
    const WAITING: u64 = 40;
    for workers in [1, 4] {
        let mut peers = Peers::start().unwrap();
        let token = peers
            .idp
            .mint(Algorithm::Es256, &Token::of("alice"))
            .unwrap();
        peers.idp.set_mood(IdpMood::Silent);
        let envoy = start(&bootstrap(&peers, FILTER, &only(&Value::Null)), workers);
        thread::scope(|scope| {
            let early: Vec<_> = (0..WAITING)
                .map(|_| scope.spawn(|| send(&envoy, "/orders/17", &token)))
                .collect();
            let waiting = |stats: &Stats| stats.value("http.gateway.downstream_rq_active");
            let stats = envoy.stats_when(|stats| waiting(stats) == WAITING).unwrap();
            assert_eq!(waiting(&stats), WAITING, "{}", envoy.log().tail());
            assert_eq!(peers.idp.jwks_requests(), 1, "all wait for one fetch");
            // The fetch fails long before its time is over.
            let failed = Instant::now();
            peers.idp.stop();
            for request in early {
                let response = request.join().unwrap();
                assert!(failed.elapsed() < PATIENCE, "{workers} {response:?}");
                assert_eq!(response.status, 503, "{workers} {response:?}");
                let after = response.header("retry-after").parse::<u64>();
                assert!(after.is_ok(), "{workers} {response:?}");
            }
        });
        peers.idp.set_mood(IdpMood::Working);
        peers.idp.resume().unwrap();
        passes_soon(&envoy, &token);
        assert_eq!(envoy.traps(), 0);
    }
}
