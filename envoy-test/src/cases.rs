//! Runs case files: in the in-process host with the strict reader of the test bed, and in a real
//! Envoy with its peers.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use ::cases::{Backend, Case, CaseFile, Cuts, InProcess, Seen, Step, joined, lines};
use host::fake::{PendingCall, Proxy};
use hyper::HeaderMap;

use crate::client::{self, Protocol};
use crate::envoy::{Envoy, Options, Stats};
use crate::error::Context;
use crate::peers::{Peers, UpstreamResponse, otlp};
use crate::{Error, Result, paths, trail};

/// The case files of a filter, as `jwt-auth::tokens` and in this order.
///
/// # Errors
/// One cannot be read, or there is none.
pub fn of_filter(filter: &str) -> Result<Vec<(String, CaseFile)>> {
    let folder = paths::root().join("filters").join(filter).join("cases");
    let mut files = Vec::new();
    let entries = fs::read_dir(&folder).context(format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry.context("reading case files".to_owned())?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        files.push((format!("{filter}::{stem}"), CaseFile::read(&path)?));
    }
    files.sort_by(|(left, _), (right, _)| left.cmp(right));
    if files.is_empty() {
        let reason = "has no case files".to_owned();
        return Err(Error::Config {
            file: folder.display().to_string(),
            reason,
        });
    }
    Ok(files)
}

/// An in-process backend that reads records as strictly as the collector of the test bed; `bundled`
/// names the filter that is the only part of the bundle.
pub fn in_process<M: FnMut() -> ::cases::Result<Proxy>>(
    make: M,
    bundled: Option<&'static str>,
) -> InProcess<M> {
    let backend = InProcess::new(make).reading(read_batch);
    match bundled {
        Some(filter) => {
            backend.translated(move |configuration| paths::bundled(filter, configuration))
        }
        None => backend,
    }
}

fn read_batch(call: &PendingCall, body: &[u8]) -> std::result::Result<Option<Vec<String>>, String> {
    if call.upstream != b"collector" {
        return Ok(None);
    }
    let batch = match body.first() {
        Some(b'{') => otlp::read_logs(body),
        _ => otlp::read_protobuf_logs(body),
    };
    Ok(Some(batch?.into_iter().map(|record| record.text).collect()))
}

impl From<Error> for ::cases::Error {
    fn from(error: Error) -> Self {
        Self::Backend(error.to_string())
    }
}

impl From<::cases::Error> for Error {
    fn from(error: ::cases::Error) -> Self {
        Self::Config {
            file: "case".to_owned(),
            reason: error.to_string(),
        }
    }
}

/// A real Envoy with one filter, and its peers.
pub struct RealEnvoy {
    filter: String,
    is_bundled: bool,
    protocol: Protocol,
    peers: Peers,
    envoy: Option<Envoy>,
    configuration: Option<String>,
    environment: BTreeMap<String, String>,
    /// A step has not awaited its records.
    records_may_come: bool,
    /// A step has not awaited its counts.
    counts_may_come: bool,
}

impl RealEnvoy {
    /// For this filter, over this protocol.
    ///
    /// # Errors
    /// The peers cannot start.
    pub fn new(filter: &str, protocol: Protocol) -> Result<Self> {
        Ok(Self {
            filter: filter.to_owned(),
            is_bundled: false,
            protocol,
            peers: Peers::start()?,
            envoy: None,
            configuration: None,
            environment: BTreeMap::new(),
            records_may_come: false,
            counts_may_come: false,
        })
    }

    /// The filter runs as the only part of the bundle.
    #[must_use]
    pub fn bundled(self) -> Self {
        Self {
            is_bundled: true,
            ..self
        }
    }
}

impl Backend for RealEnvoy {
    fn begin(&mut self, file: &CaseFile, case: &Case) -> ::cases::Result<()> {
        let configured = self.configuration.as_deref() == Some(file.configuration.as_str());
        let spoiled = |step: &Step| {
            (step.expect.records.is_some() && self.records_may_come)
                || (!step.expect.metrics.is_empty() && self.counts_may_come)
        };
        let is_spoiled = case.steps.iter().any(spoiled);
        if configured && self.environment == file.environment && !file.stateful && !is_spoiled {
            return Ok(());
        }
        self.configuration = Some(file.configuration.clone());
        let mut bootstrap = self.peers.bootstrap(&[self.filter.as_str()])?;
        bootstrap.configure(&self.filter, &file.configuration)?;
        self.environment = file.environment.clone();
        for (name, value) in &file.environment {
            bootstrap.set_environment(&self.filter, name, value)?;
        }
        if self.is_bundled {
            bootstrap.bundle()?;
        }
        // What a VM remembers goes with it. What it still counts and sends may come, so a case that has to tell that
        // from its own gets a new Envoy.
        let running = self.envoy.take().filter(|envoy| envoy.traps() == 0);
        if let Some(mut envoy) = running.filter(|_| !is_spoiled) {
            envoy.replace_listener(&bootstrap)?;
            self.envoy = Some(envoy);
            // The old VM closes its chain with a record.
            self.records_may_come = true;
            return Ok(());
        }
        let options = Options {
            drain_seconds: Some(0),
            replaces_listener: true,
            ..Options::default()
        };
        self.envoy = Some(Envoy::start(&bootstrap, options)?);
        (self.records_may_come, self.counts_may_come) = (false, false);
        Ok(())
    }

    fn exchange(&mut self, step: &Step, cuts: Cuts) -> ::cases::Result<Seen> {
        self.records_may_come |= step.expect.records.as_ref().is_none_or(Vec::is_empty);
        self.counts_may_come |= step.expect.metrics.is_empty();
        let envoy = self
            .envoy
            .as_ref()
            .ok_or_else(|| ::cases::Error::Backend("not begun".to_owned()))?;
        thread::sleep(step.advance.0);
        let mut response =
            UpstreamResponse::untyped(step.response.status, step.response.body.bytes().to_vec());
        for (name, value) in lines(&step.response.headers) {
            response = response.header(name, value);
        }
        if let Cuts::At(place) = cuts
            && place < step.response.body.bytes().len()
        {
            response = response.cut_at(&[place], Duration::from_millis(5));
        }
        let path = step.request.path.split('?').next().unwrap_or_default();
        self.peers.upstream.respond_with(path, response);
        drop(self.peers.upstream.take_received());
        let logged_before = envoy.log().text().len();
        let records_before = self.peers.collector.records().len();
        let stats_before = envoy.stats()?;
        let mut request = client::Request::new(&step.request.method, &step.request.path);
        for (name, value) in lines(&step.request.headers) {
            request = match name {
                "host" | ":authority" => request.host(value),
                _ => request.header(name, value),
            };
        }
        if !step.request.body.bytes().is_empty() {
            for piece in cuts.pieces(step.request.body.bytes()) {
                request = request.chunk(piece);
            }
        }
        let response = envoy.client(self.protocol).send(&request)?;
        let stat = |name: &str| format!("wasmcustom.{name}");
        let risen = |stats: &Stats| -> BTreeMap<String, i64> {
            let rise = |name: &String| {
                let value = |stats: &Stats| i64::try_from(stats.value(&stat(name))).unwrap_or(-1);
                (
                    name.clone(),
                    value(stats).saturating_sub(value(&stats_before)),
                )
            };
            step.expect.metrics.keys().map(rise).collect()
        };
        let stats = envoy.stats_when(|stats| risen(stats) == step.expect.metrics)?;
        let log = || envoy.log().text().split_off(logged_before);
        let exported = || {
            let records = self.peers.collector.records().split_off(records_before);
            let exported = records.into_iter().map(|record| record.text);
            let logged = trail::in_log(&log()).into_iter();
            logged.chain(exported).collect::<Vec<String>>()
        };
        if let Some(expected) = &step.expect.records {
            let deadline = Instant::now() + PATIENCE;
            while exported().len() < expected.len() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
        }
        if envoy.traps() > 0 {
            return Err(::cases::Error::Trapped(envoy.log().tail()));
        }
        let received = self.peers.upstream.take_received().into_iter().next();
        let upstream_body = received.as_ref().map_or_else(String::new, |received| {
            String::from_utf8_lossy(&received.body).into_owned()
        });
        Ok(Seen {
            status: response.status,
            body: response.text(),
            headers: of_map(&response.headers),
            upstream: received.map(|received| {
                let mut upstream = of_map(&received.headers);
                upstream.insert(":path".to_owned(), received.path);
                upstream.insert(":method".to_owned(), received.method);
                upstream
            }),
            upstream_body,
            log: log(),
            metrics: Some(risen(&stats)),
            records: exported(),
        })
    }

    fn cuts(&self, body: &[u8]) -> Vec<Cuts> {
        // Real time is dear: whole, and in the middle.
        match body.len() {
            0..=2 => vec![Cuts::Whole],
            length => vec![Cuts::Whole, Cuts::At(length / 2)],
        }
    }
}

/// How long records may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

fn of_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let pairs = headers.iter();
    joined(pairs.map(|(name, value)| (name.to_string(), text(value.as_bytes()))))
}
