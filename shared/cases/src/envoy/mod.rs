//! An Envoy that is started for the cases of a file, with an upstream and whoever else the file names.

mod bootstrap;
mod http;
mod process;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::http::Message;
use self::process::Envoy;
use self::server::{Reply, Server};
use super::in_process::{joined, lines};
use super::{Backend, Call, Case, CaseFile, Cuts, Error, Result, Seen, Step, records};

/// The Envoy that is started, and the modules that it loads.
#[derive(Clone, Debug)]
pub struct EnvoySettings {
    /// The path of the Envoy binary.
    pub envoy: PathBuf,
    /// The module of the filter.
    pub module: PathBuf,
    /// The name of the plugin.
    pub name: String,
}

/// A real Envoy with one filter, fresh for each run of a case.
pub struct EnvoyBackend {
    settings: EnvoySettings,
    running: Option<Running>,
}

/// An Envoy and who is around it.
struct Running {
    // It ends before its servers do.
    envoy: Envoy,
    upstream: Server,
    others: Vec<Server>,
    shared: Arc<Shared>,
}

/// What the servers are told, and what they have seen.
#[derive(Default)]
struct Shared {
    calls: Vec<Call>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    response: Reply,
    received: Option<Message>,
    records: Vec<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upstream(&self, request: Message) -> Reply {
        let mut state = self.state();
        state.received = Some(request);
        state.response.clone()
    }

    fn other(&self, cluster: &str, request: &Message) -> Reply {
        if let Some(records) = records::of_batch(&request.body) {
            self.state().records.extend(records);
            return Reply::new(200, b"{}".to_vec());
        }
        let path = request.path().split('?').next().unwrap_or_default();
        let is_meant = |call: &&Call| {
            call.cluster == cluster && call.path.as_ref().is_none_or(|wanted| wanted == path)
        };
        match self.calls.iter().find(is_meant) {
            Some(call) => Reply::of(&call.response),
            None => Reply::new(503, Vec::new()),
        }
    }
}

impl EnvoyBackend {
    /// Makes a backend; Envoy is started with the first case.
    #[must_use]
    pub const fn new(settings: EnvoySettings) -> Self {
        Self {
            settings,
            running: None,
        }
    }

    /// Why an Envoy on this machine cannot run a case that a proxy in the process can.
    #[must_use]
    pub fn cannot_run(case: &Case) -> Option<&str> {
        if let Some(reason) = &case.in_process {
            return Some(reason);
        }
        if !case.holds_on(host::fake::Profile::Envoy) {
            return Some("it is about another host");
        }
        if case.steps.iter().any(|step| step.request.tls.is_some()) {
            return Some("a request comes over TLS");
        }
        if !case.runs_in_real_envoy() {
            return Some("it lets more time pass than a test should take");
        }
        case.steps.iter().find_map(|step| {
            if !step.request.client.is_loopback() {
                Some("a request comes from another machine")
            } else if step.request.route.is_some() {
                Some("a request is of a named route")
            } else if step.request.identity.is_some() {
                Some("a filter that verifies the caller would have to stand before this one")
            } else {
                None
            }
        })
    }
}

impl Backend for EnvoyBackend {
    fn begin(&mut self, file: &CaseFile, _case: &Case) -> Result<()> {
        // The old one ends before the new one starts.
        self.running = None;
        let shared = Arc::new(Shared {
            calls: file.calls.clone(),
            state: Mutex::default(),
        });
        let for_upstream = Arc::clone(&shared);
        let upstream = Server::start(move |request| for_upstream.upstream(request))?;
        let mut others = Vec::new();
        let mut clusters = BTreeMap::new();
        let mut names = bootstrap::clusters_of(&file.configuration);
        names.extend(file.calls.iter().map(|call| call.cluster.clone()));
        for name in names {
            let (of_cluster, cluster) = (Arc::clone(&shared), name.clone());
            let server = Server::start(move |request| of_cluster.other(&cluster, &request))?;
            clusters.insert(name, server.address());
            others.push(server);
        }
        let text = bootstrap::bootstrap(&self.settings, file, upstream.address(), &clusters);
        let envoy = Envoy::start(&self.settings.envoy, &text)?;
        self.running = Some(Running {
            envoy,
            upstream,
            others,
            shared,
        });
        Ok(())
    }

    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen> {
        let running = self
            .running
            .as_ref()
            .ok_or_else(|| Error::Backend("not begun".to_owned()))?;
        running.exchange(step, cuts)
    }

    fn cuts(&self, body: &[u8]) -> Vec<Cuts> {
        // Real time is dear: whole, and in the middle.
        match body.len() {
            0..=2 => vec![Cuts::Whole],
            length => vec![Cuts::Whole, Cuts::At(length / 2)],
        }
    }
}

impl Running {
    fn exchange(&self, step: &Step, cuts: Cuts) -> Result<Seen> {
        thread::sleep(step.advance.0);
        {
            let mut state = self.shared.state();
            state.response = Reply::of(&step.response).cut(cuts);
            state.received = None;
            state.records.clear();
        }
        let logged_before = self.envoy.log().len();
        let metrics_before = self.metrics(step)?;
        let headers: Vec<(&str, &str)> = lines(&step.request.headers).collect();
        let response = http::send(
            self.envoy.gateway,
            (&step.request.method, &step.request.path),
            &headers,
            &cuts.pieces(step.request.body.bytes()),
        )?;
        let log = || self.envoy.log().split_off(logged_before);
        let recorded = || {
            let mut records = records::in_log(&log());
            records.extend(self.shared.state().records.iter().cloned());
            records
        };
        let risen = || -> Result<BTreeMap<String, i64>> {
            let after = self.metrics(step)?;
            let rise = |(name, value): (&String, &i64)| {
                let before = metrics_before.get(name).copied().unwrap_or(0);
                (name.clone(), value.saturating_sub(before))
            };
            Ok(after.iter().map(rise).collect())
        };
        let due = step.expect.records.as_ref().map_or(0, Vec::len);
        let deadline = Instant::now() + PATIENCE;
        while (recorded().len() < due || risen()? != step.expect.metrics)
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(10));
        }
        let text = log();
        if let Some(line) = text.lines().find(|line| line.contains("failed: Uncaught")) {
            return Err(Error::Trapped(line.to_owned()));
        }
        let received = self.shared.state().received.take();
        let upstream_body = received
            .as_ref()
            .map_or_else(String::new, |received| text_of(&received.body));
        let pairs = |message: &Message| joined(message.headers.iter().cloned());
        Ok(Seen {
            status: response.status(),
            headers: pairs(&response),
            body: text_of(&response.body),
            upstream: received.map(|received| {
                let mut upstream = pairs(&received);
                upstream.insert(":method".to_owned(), received.method().to_owned());
                upstream.insert(":path".to_owned(), received.path().to_owned());
                upstream
            }),
            upstream_body,
            log: text,
            metrics: Some(risen()?),
            records: recorded(),
        })
    }

    /// The counters that a step asks about.
    fn metrics(&self, step: &Step) -> Result<BTreeMap<String, i64>> {
        let mut metrics: BTreeMap<String, i64> = step
            .expect
            .metrics
            .keys()
            .map(|name| (name.clone(), 0))
            .collect();
        if metrics.is_empty() {
            return Ok(metrics);
        }
        let stats = http::get(self.envoy.admin, "/stats?format=json")?;
        let stats: Value = serde_json::from_slice(&stats.body).unwrap_or_default();
        let list = stats.get("stats").and_then(Value::as_array);
        for stat in list.into_iter().flatten() {
            let name = stat.get("name").and_then(Value::as_str).unwrap_or_default();
            let known = name
                .strip_prefix("wasmcustom.")
                .and_then(|name| metrics.get_mut(name));
            if let Some(value) = known {
                *value = stat.get("value").and_then(Value::as_i64).unwrap_or(0);
            }
        }
        Ok(metrics)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.envoy.stop();
        self.upstream.stop();
        self.others.iter_mut().for_each(Server::stop);
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How long records and counts may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
