//! The ways to run a case: a filter in this process, its module in the in-process host, its module
//! in a real Envoy.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use host::fake::{AnyCall, HeaderPairs, Profile, Proxy, Request, Response};
use hyper::HeaderMap;

use super::{Case, CaseFile, Cuts, HeaderValues, Seen, Step};
use crate::client::{self, Protocol};
use crate::envoy::{Envoy, Options, Stats};
use crate::peers::{Peers, UpstreamResponse, otlp};
use crate::{Error, Result, paths, trail};

/// Runs exchanges.
pub trait Backend {
    /// Starts with the configuration of `file`: with a fresh proxy if the filter remembers requests,
    /// or if records or counts of earlier cases may still come that `case` would take for its own.
    ///
    /// # Errors
    /// It is refused, or there is nothing to run.
    fn begin(&mut self, file: &CaseFile, case: &Case) -> Result<()>;

    /// Takes one exchange through.
    ///
    /// # Errors
    /// It cannot be sent, or the filter traps.
    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen>;

    /// The cuts that are worth trying with a body.
    fn cuts(&self, body: &[u8]) -> Vec<Cuts>;
}

/// A proxy in this process, around a native filter or a module.
pub struct InProcess<M> {
    make: M,
    /// The filter whose configurations are made those of the bundle.
    bundled: Option<&'static str>,
    proxy: Option<Proxy>,
    exported: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl<M: FnMut() -> Result<Proxy>> InProcess<M> {
    /// `make` gives a fresh proxy for each case.
    pub fn new(make: M) -> Self {
        Self {
            make,
            bundled: None,
            proxy: None,
            exported: Rc::default(),
        }
    }

    /// The proxies have the bundle, with this filter as its only part.
    #[must_use]
    pub fn bundled(self, filter: &'static str) -> Self {
        Self {
            bundled: Some(filter),
            ..self
        }
    }
}

impl<M: FnMut() -> Result<Proxy>> Backend for InProcess<M> {
    fn begin(&mut self, file: &CaseFile, _case: &Case) -> Result<()> {
        let mut proxy = (self.make)()?;
        for (name, value) in &file.environment {
            proxy.host().set_environment_variable(name, value);
        }
        let configuration = match self.bundled {
            Some(filter) => paths::bundled(filter, &file.configuration),
            None => file.configuration.clone(),
        };
        proxy
            .configure(&configuration)
            .map_err(|refused| case_error(refused.text()))?;
        let exported = Rc::clone(&self.exported);
        proxy.respond_to_calls(move |call| match &call.call {
            AnyCall::Http { body, .. } if call.upstream == b"collector" => {
                exported.borrow_mut().push(body.clone());
                Some(host::fake::CallResponse::http(200, "{}"))
            }
            // There is nothing else in the bed of a real Envoy either.
            _ => Some(host::fake::CallResponse::Nothing),
        });
        self.proxy = Some(proxy);
        Ok(())
    }

    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen> {
        let proxy = self
            .proxy
            .as_mut()
            .ok_or_else(|| case_error("not begun".to_owned()))?;
        proxy.advance(step.advance.0);
        self.exported.borrow_mut().clear();
        drop(proxy.host().take_logs());
        let metrics_before = proxy.host().metrics();
        let mut request = Request::new(&step.request.method, &step.request.path)
            .attribute(&["source", "address"], "127.0.0.1:4711")
            .attribute(&["remote_addr"], "127.0.0.1");
        for (name, value) in lines(&step.request.headers) {
            request = request.header(name, value);
        }
        request = request.chunks(cuts.pieces(&step.request.body));
        let mut response = Response::new(step.response.status);
        for (name, value) in lines(&step.response.headers) {
            response = response.header(name, value);
        }
        response = response.chunks(cuts.pieces(&step.response.body));
        let outcome = proxy.run(&request, &response);
        if step.expect.awaits_tick() {
            proxy.advance(LONGEST_TICK);
        }
        if let Some(trap) = proxy.host().trap() {
            return Err(case_error(format!("trapped: {trap}")));
        }
        let logged = proxy.host().take_logs().into_iter();
        let log: String = logged.map(|line| line.text + "\n").collect();
        let mut records = trail::in_log(&log);
        for body in self.exported.borrow().iter() {
            let batch = match body.first() {
                Some(b'{') => otlp::read_logs(body),
                _ => otlp::read_protobuf_logs(body),
            };
            let batch = batch.map_err(case_error)?;
            records.extend(batch.into_iter().map(|record| record.text));
        }
        let metrics_after = proxy.host().metrics();
        let value = |metrics: &BTreeMap<String, host::fake::Metric>, name: &str| {
            metrics.get(name).map_or(0, |metric| metric.value)
        };
        let risen = |name: &String| {
            let rise = value(&metrics_after, name).saturating_sub(value(&metrics_before, name));
            (name.clone(), rise)
        };
        let has_metrics = proxy.host().profile() != Profile::Apisix;
        Ok(Seen {
            status: outcome.client().status().unwrap_or_default(),
            headers: by_name(outcome.client().headers.as_ref()),
            body: outcome.client().text(),
            upstream: outcome
                .upstream()
                .headers
                .as_ref()
                .map(|headers| by_name(Some(headers))),
            upstream_body: outcome.upstream().text(),
            log,
            metrics: has_metrics.then(|| step.expect.metrics.keys().map(risen).collect()),
            records,
        })
    }

    fn cuts(&self, body: &[u8]) -> Vec<Cuts> {
        Cuts::of(body)
    }
}

/// No filter counts or exports later than this after a request.
const LONGEST_TICK: Duration = Duration::from_secs(2);

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
    fn begin(&mut self, file: &CaseFile, case: &Case) -> Result<()> {
        let configured = self.configuration.as_deref() == Some(file.configuration.as_str());
        let spoiled = |step: &Step| {
            (step.expect.records.is_some() && self.records_may_come)
                || (!step.expect.metrics.is_empty() && self.counts_may_come)
        };
        let fresh = file.stateful || case.steps.iter().any(spoiled);
        if configured && self.environment == file.environment && !fresh {
            return Ok(());
        }
        // The old one ends before the new one starts.
        self.envoy = None;
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
        self.envoy = Some(Envoy::start(&bootstrap, Options::default())?);
        (self.records_may_come, self.counts_may_come) = (false, false);
        Ok(())
    }

    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen> {
        self.records_may_come |= step.expect.records.as_ref().is_none_or(Vec::is_empty);
        self.counts_may_come |= step.expect.metrics.is_empty();
        let envoy = self
            .envoy
            .as_ref()
            .ok_or_else(|| case_error("not begun".to_owned()))?;
        thread::sleep(step.advance.0);
        let mut response =
            UpstreamResponse::untyped(step.response.status, step.response.body.clone());
        for (name, value) in lines(&step.response.headers) {
            response = response.header(name, value);
        }
        if let Cuts::At(place) = cuts
            && place < step.response.body.len()
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
            request = request.header(name, value);
        }
        if !step.request.body.is_empty() {
            for piece in cuts.pieces(&step.request.body) {
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
            return Err(case_error(format!("trapped: {}", envoy.log().tail())));
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

/// Header lines in the order of a case file: one for each value.
fn lines(headers: &BTreeMap<String, HeaderValues>) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().flat_map(|(name, values)| {
        let values = values.values().iter();
        values.map(|value| (name.as_str(), value.as_str()))
    })
}

/// Headers as text; the values of a repeated one joined by `, `.
fn by_name(pairs: Option<&HeaderPairs>) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs = pairs.into_iter().flatten();
    joined(pairs.map(|(name, value)| (text(name), text(value))))
}

fn of_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let pairs = headers.iter();
    joined(pairs.map(|(name, value)| (name.to_string(), text(value.as_bytes()))))
}

fn joined(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        match headers.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => {
                let all = entry.get_mut();
                all.push_str(", ");
                all.push_str(&value);
            }
        }
    }
    headers
}

fn case_error(reason: String) -> Error {
    Error::Config {
        file: "case".to_owned(),
        reason,
    }
}
