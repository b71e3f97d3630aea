//! jwt-auth in a real Envoy: when it fetches keys, and who has to wait for them.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and lives in real time"
)]

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use envoy_test::client::{Protocol, Request, Response};
use envoy_test::envoy::{Bootstrap, Envoy, Options, Stats};
use envoy_test::peers::{Algorithm, Endpoint, ISSUER, IdpMood, Peers, Token};
use envoy_test::poll;
use serde_json::{Value, json};
use tempfile::TempDir;

const FILTER: &str = "jwt-auth";
/// How long fetches are counted: a filter that fetches with every tick makes fifty of them.
const WATCHED: Duration = Duration::from_secs(5);
/// Far more than any of what is awaited here takes, and far less than [`FETCH_TIMEOUT`].
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a fetch may go on: whoever waits for its end is found out by it.
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
    })
}

fn send(envoy: &Envoy, path: &str, token: &str) -> Response {
    let client = envoy.client(Protocol::Http1);
    client.send(&Request::get(path).bearer(token)).unwrap()
}

/// Sends a token until it passes.
fn passes_soon(envoy: &Envoy, token: &str) {
    let began = Instant::now();
    loop {
        let response = send(envoy, "/orders/17", token);
        assert!(
            began.elapsed() < PATIENCE,
            "{response:?} {}",
            envoy.log().tail()
        );
        if response.status == 200 {
            return;
        }
        assert_eq!(response.status, 503, "{response:?}");
        thread::sleep(Duration::from_millis(50));
    }
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

/// A gateway that takes over its listener from a file when that changes, as it does from a control
/// plane: new VMs with the new configuration, beside the old ones for a second.
struct Reloading {
    peers: Peers,
    folder: TempDir,
}

impl Reloading {
    fn new() -> Self {
        Self {
            peers: Peers::start().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("listeners.json")
    }

    fn write(&self, version: u32, configuration: &Value) -> Bootstrap {
        let mut bootstrap = self.peers.bootstrap(&[FILTER]).unwrap();
        bootstrap
            .configure(FILTER, &configuration.to_string())
            .unwrap();
        let mut listener = bootstrap.tree()["static_resources"]["listeners"][0].take();
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        let listeners = json!({"version_info": version.to_string(), "resources": [listener]});
        // Moved into place: Envoy looks when a file is renamed.
        let new = self.folder.path().join("new.json");
        std::fs::write(&new, listeners.to_string()).unwrap();
        std::fs::rename(&new, self.file()).unwrap();
        let tree = bootstrap.tree();
        tree["static_resources"]["listeners"] = json!([]);
        tree["node"] = json!({"id": "gateway", "cluster": "test"});
        tree["dynamic_resources"] = json!({
            "lds_config": {
                "resource_api_version": "V3",
                "path_config_source": {"path": self.file()},
            }
        });
        bootstrap
    }

    fn start(&self, configuration: &Value) -> Envoy {
        let bootstrap = self.write(1, configuration);
        let options = Options {
            workers: 2,
            drain_seconds: Some(1),
            ..Options::default()
        };
        Envoy::start(&bootstrap, options).unwrap()
    }

    /// Comes back when new connections meet the new configuration.
    fn reload(&self, envoy: &Envoy, configuration: &Value) {
        let count = |name: &str| envoy.stats().unwrap().value(name);
        let before = count("listener_manager.lds.update_success");
        self.write(2, configuration);
        let loaded = envoy.stats_when(|stats| {
            stats.value("listener_manager.lds.update_success") > before
                && stats.value("listener_manager.total_listeners_warming") == 0
        });
        loaded.unwrap();
    }
}

#[test]
fn a_reload_that_narrows_the_algorithms_starts_no_storm() {
    let gateway = Reloading::new();
    let token = gateway
        .peers
        .idp
        .mint(Algorithm::Rs256, &Token::of("alice"))
        .unwrap();
    let unpublished = unpublished(&gateway.peers);
    let envoy = gateway.start(&only(&Value::Null));
    passes_soon(&envoy, &token);
    gateway.reload(&envoy, &only(&json!(["EdDSA"])));
    let (before, began) = (gateway.peers.idp.jwks_requests(), Instant::now());
    while began.elapsed() < WATCHED {
        let response = send(&envoy, "/orders/17", &unpublished);
        assert!([401, 503].contains(&response.status), "{response:?}");
        thread::sleep(Duration::from_millis(20));
    }
    // The back-off doubles from a quarter of a second, and three are for the unknown key.
    let fetches = gateway.peers.idp.jwks_requests() - before;
    assert!(fetches <= 10, "{fetches}");
    assert_eq!(envoy.traps(), 0);
}

#[test]
fn a_provider_that_can_use_no_key_starves_no_other_with_the_same_address() {
    let peers = Peers::start().unwrap();
    let token = peers
        .idp
        .mint(Algorithm::Rs256, &Token::of("alice"))
        .unwrap();
    let unpublished = unpublished(&peers);
    let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
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
    bootstrap
        .configure(FILTER, &configuration.to_string())
        .unwrap();
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let envoy = Envoy::start(&bootstrap, options).unwrap();
    passes_soon(&envoy, &token);
    let began = Instant::now();
    while began.elapsed() < WATCHED {
        let narrow = send(&envoy, "/narrow/1", &unpublished);
        assert!([401, 503].contains(&narrow.status), "{narrow:?}");
        let corp = send(&envoy, "/orders/17", &token);
        assert_eq!(corp.status, 200, "{corp:?}");
        thread::sleep(Duration::from_millis(20));
    }
    // One for both, and three for the unknown key.
    let fetches = peers.idp.jwks_requests();
    assert!((1..=4).contains(&fetches), "{fetches}");
    assert_eq!(envoy.traps(), 0);
}

/// The fetch that is under way goes with the VM that has begun it. Nobody waits for its timeout.
#[test]
fn a_reload_during_a_fetch_holds_up_nobody() {
    let gateway = Reloading::new();
    let idp = &gateway.peers.idp;
    let token = idp.mint(Algorithm::Rs256, &Token::of("alice")).unwrap();
    idp.set_mood(IdpMood::Silent);
    let envoy = gateway.start(&only(&Value::Null));
    let begun = || (idp.jwks_requests() == 1).then_some(());
    assert!(poll(PATIENCE.as_secs(), begun).is_some(), "no fetch began");
    idp.set_mood(IdpMood::Working);
    gateway.reload(&envoy, &only(&json!(["RS256", "ES256"])));
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
        let mut bootstrap = peers.bootstrap(&[FILTER]).unwrap();
        bootstrap
            .configure(FILTER, &only(&Value::Null).to_string())
            .unwrap();
        let options = Options {
            workers,
            ..Options::default()
        };
        let envoy = Envoy::start(&bootstrap, options).unwrap();
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
