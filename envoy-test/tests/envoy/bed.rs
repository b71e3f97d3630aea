//! What many rooms need: one filter in front of the peers, TLS, many requests at once.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use envoy_test::certificates::{Authority, Certificate};
use envoy_test::client::{Client, Protocol, Request, Response};
use envoy_test::envoy::{Bootstrap, ClientCertificates, Envoy, Options};
use envoy_test::peers::Peers;
use envoy_test::tls_client::{TlsClient, TlsVersion};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The shipped Envoy with one filter, configured like this.
pub(crate) fn bootstrap(peers: &Peers, filter: &str, configuration: &Value) -> Bootstrap {
    let mut bootstrap = peers.bootstrap(&[filter]).unwrap();
    bootstrap
        .configure(filter, &configuration.to_string())
        .unwrap();
    bootstrap
}

/// Starts it with so many workers.
pub(crate) fn start(bootstrap: &Bootstrap, workers: u32) -> Envoy {
    let options = Options {
        workers,
        ..Options::default()
    };
    Envoy::start(bootstrap, options).unwrap()
}

/// The code of a problem; of a response that is none, nothing.
pub(crate) fn code(response: &Response) -> String {
    if response.status == 200 {
        return String::new();
    }
    let problem = response.json();
    let kind = problem["type"].as_str().unwrap_or_default();
    kind.rsplit(':').next().unwrap_or_default().to_owned()
}

/// Sends the same request so many times at once; the statuses.
#[expect(
    clippy::needless_collect,
    reason = "all threads start before one is waited for"
)]
pub(crate) fn at_once(client: &Client, request: &Request, count: usize) -> Vec<u16> {
    thread::scope(|scope| {
        let sent: Vec<_> = (0..count)
            .map(|_| scope.spawn(|| client.send(request).unwrap().status))
            .collect();
        sent.into_iter()
            .map(|request| request.join().unwrap())
            .collect()
    })
}

/// Waits for what another process or thread has to notice, and fails with what there is instead.
pub(crate) fn wait_until(patience: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let held = envoy_test::poll(patience.as_secs(), || holds().then_some(()));
    assert!(held.is_some(), "{what}: not within {patience:?}");
}

/// A gateway that takes over its listener from a file when that changes, as it does from a control
/// plane: new VMs with the new configuration, beside the old ones for a while.
pub(crate) struct Reloading {
    folder: TempDir,
    listener: Value,
    version: u32,
}

impl Reloading {
    /// Moves the listener of a bootstrap into such a file.
    pub(crate) fn of(bootstrap: &mut Bootstrap) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("listeners.json");
        let tree = bootstrap.tree();
        let mut listener = tree["static_resources"]["listeners"][0].take();
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        tree["static_resources"]["listeners"] = json!([]);
        tree["node"] = json!({"id": "gateway", "cluster": "test"});
        let source = json!({"path_config_source": {"path": file}, "resource_api_version": "V3"});
        tree["dynamic_resources"] = json!({"lds_config": source});
        let reloading = Self {
            folder,
            listener,
            version: 1,
        };
        reloading.write();
        reloading
    }

    /// Replaces the file in one step: Envoy looks when one is moved into place.
    fn write(&self) {
        let version = self.version.to_string();
        let text = json!({"version_info": version, "resources": [self.listener]}).to_string();
        let draft = self.folder().join("draft.json");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, self.folder().join("listeners.json")).unwrap();
    }

    /// Where the file is; what is put beside it goes with the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes the plugin of the first filter, and comes back when new connections meet it.
    pub(crate) fn change(&mut self, envoy: &Envoy, change: impl FnOnce(&mut Value)) {
        let first = "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";
        change(self.listener.pointer_mut(first).unwrap());
        self.version += 1;
        let updates = || gauge(envoy, "lds.update_success");
        let before = updates();
        self.write();
        wait_until(Duration::from_secs(20), "the new listener", || {
            updates() > before && gauge(envoy, "total_listeners_warming") == 0
        });
    }

    /// Gives the first filter another configuration.
    pub(crate) fn configure(&mut self, envoy: &Envoy, configuration: &str) {
        self.change(envoy, |plugin| {
            plugin["configuration"]["value"] = json!(configuration);
        });
    }
}

/// Waits until what was replaced has drained, and its filters are gone.
pub(crate) fn wait_until_drained(envoy: &Envoy) {
    wait_until(Duration::from_secs(20), "the end of the old filter", || {
        gauge(envoy, "total_listeners_draining") + gauge(envoy, "total_filter_chains_draining") == 0
    });
}

fn gauge(envoy: &Envoy, name: &str) -> u64 {
    let stats = envoy.stats().unwrap();
    stats.value(&format!("listener_manager.{name}"))
}

/// The name in the gateway's certificate.
pub(crate) const HOST: &str = "gateway.test";

/// A gateway that may speak TLS, and the authority that it and its clients trust.
pub(crate) struct TlsBed {
    pub(crate) authority: Authority,
    pub(crate) envoy: Envoy,
    pub(crate) peers: Peers,
}

impl TlsBed {
    /// With TLS and these client certificates, or without TLS; `change` changes the rest.
    pub(crate) fn start(
        filters: &[&str],
        clients: Option<ClientCertificates>,
        change: impl FnOnce(&mut Bootstrap, &Peers),
    ) -> Self {
        let authority = Authority::new("the authority of this test").unwrap();
        let peers = Peers::start().unwrap();
        let mut bootstrap = peers.bootstrap(filters).unwrap();
        if let Some(clients) = clients {
            let certificate = authority.server(HOST).unwrap();
            bootstrap
                .speak_tls(&certificate, &authority, clients)
                .unwrap();
        }
        change(&mut bootstrap, &peers);
        let envoy = Envoy::start(&bootstrap, Options::default()).unwrap();
        Self {
            authority,
            envoy,
            peers,
        }
    }

    /// A client that shows a certificate, or none.
    pub(crate) fn client(
        &self,
        certificate: Option<&Certificate>,
        version: TlsVersion,
        protocol: Protocol,
    ) -> TlsClient {
        let (server, authority) = (self.envoy.gateway(), &self.authority);
        TlsClient::new(server, HOST, authority, certificate, version, protocol).unwrap()
    }
}
