//! A proxy in this process, around a native filter or a module.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use host::fake::{
    AnyCall, CallResponse, HeaderPairs, Metric, Outcome, PendingCall, Profile, Proxy, Request,
    Response, StreamProperties,
};
use policy::filters::IDENTITY_PROPERTY;

use super::{
    Backend, Call, Case, CaseFile, Cuts, Error, HeaderValues, Result, Seen, Step, Timestamp, Tls,
    records,
};

/// Reads the records in the body of a call to a sink; `None` if it is no such call.
type ReadBatch = fn(&PendingCall, &[u8]) -> std::result::Result<Option<Vec<String>>, String>;

/// Makes a configuration that of what runs.
type Translate = Box<dyn Fn(&str) -> String>;

/// The records of each body that went to a sink, or why they cannot be read.
type Exported = Rc<RefCell<Vec<std::result::Result<Vec<String>, String>>>>;

/// A proxy in this process, around a native filter or a module.
pub struct InProcess<M> {
    make: M,
    /// Makes the configurations of the files those of what runs.
    translate: Option<Translate>,
    read_batch: ReadBatch,
    /// How long a client waits while his request is held.
    patience: Duration,
    proxy: Option<Proxy>,
    exported: Exported,
}

/// An exchange with all that is known of it.
#[derive(Debug)]
pub struct Transcript {
    /// What the expectations of the case are compared with.
    pub seen: Seen,
    /// What the proxy knows beside it.
    pub outcome: Outcome,
}

impl<M: FnMut() -> Result<Proxy>> InProcess<M> {
    /// `make` gives a fresh proxy for each case.
    pub fn new(make: M) -> Self {
        Self {
            make,
            translate: None,
            read_batch: |_, body| Ok(records::of_batch(body)),
            patience: Duration::ZERO,
            proxy: None,
            exported: Rc::default(),
        }
    }

    /// Configurations are changed before the proxy gets them, such as into those of the bundle.
    #[must_use]
    pub fn translated(self, translate: impl Fn(&str) -> String + 'static) -> Self {
        Self {
            translate: Some(Box::new(translate)),
            ..self
        }
    }

    /// Calls to sinks are known and read in another way.
    #[must_use]
    pub fn reading(self, read_batch: ReadBatch) -> Self {
        Self { read_batch, ..self }
    }

    /// Clients wait so long for what holds their requests; without it they leave at once.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The proxy of the case that has begun.
    pub const fn proxy(&mut self) -> Option<&mut Proxy> {
        self.proxy.as_mut()
    }

    /// Takes one exchange through, as [`Backend::exchange`], and tells all of it.
    ///
    /// # Errors
    /// The filter traps, or writes records that cannot be read.
    pub fn transcript(&mut self, step: &Step, cuts: Cuts) -> Result<Transcript> {
        let proxy = self
            .proxy
            .as_mut()
            .ok_or_else(|| Error::Backend("not begun".to_owned()))?;
        proxy.advance(step.advance.0);
        self.exported.borrow_mut().clear();
        drop(proxy.host().take_logs());
        let metrics_before = proxy.host().metrics();
        let mut response = Response::new(step.response.status);
        for (name, value) in lines(&step.response.headers) {
            response = response.header(name, value);
        }
        response = response.chunks(cuts.pieces(step.response.body.bytes()));
        let profile = proxy.host().profile();
        let request = request(step, cuts, profile);
        let outcome = proxy.run_patiently(&request, &response, self.patience);
        if step.expect.awaits_tick() {
            proxy.advance(LONGEST_TICK);
        }
        if let Some(trap) = proxy.host().trap() {
            return Err(Error::Trapped(trap));
        }
        let logged = proxy.host().take_logs().into_iter();
        let log: String = logged.map(|line| line.text + "\n").collect();
        let mut records = records::in_log(&log);
        for batch in self.exported.borrow_mut().drain(..) {
            records.extend(batch.map_err(Error::Backend)?);
        }
        let metrics_after = proxy.host().metrics();
        let value = |metrics: &BTreeMap<String, Metric>, name: &str| {
            metrics.get(name).map_or(0, |metric| metric.value)
        };
        let risen = |name: &String| {
            let rise = value(&metrics_after, name).saturating_sub(value(&metrics_before, name));
            (name.clone(), rise)
        };
        let has_metrics = proxy.host().profile() != Profile::Apisix;
        let seen = Seen {
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
        };
        Ok(Transcript { seen, outcome })
    }
}

impl<M: FnMut() -> Result<Proxy>> Backend for InProcess<M> {
    fn begin(&mut self, file: &CaseFile, _case: &Case) -> Result<()> {
        let mut proxy = (self.make)()?;
        if let Some(Timestamp(now)) = file.at {
            proxy.host().process().set_wall_clock(now);
        }
        for (name, value) in &file.environment {
            proxy.host().set_environment_variable(name, value);
        }
        let configuration = match &self.translate {
            Some(translate) => translate(&file.configuration),
            None => file.configuration.clone(),
        };
        let (exported, calls) = (Rc::clone(&self.exported), file.calls.clone());
        let read_batch = self.read_batch;
        proxy.respond_to_calls(move |call| {
            let AnyCall::Http { headers, body, .. } = &call.call else {
                return Some(CallResponse::Nothing);
            };
            if let Some(batch) = read_batch(call, body).transpose() {
                exported.borrow_mut().push(batch);
                return Some(CallResponse::http(200, "{}"));
            }
            // Whoever is not in the file cannot be reached.
            let response = respond(&calls, &call.upstream, headers);
            Some(response.unwrap_or(CallResponse::Nothing))
        });
        proxy
            .configure(&configuration)
            .map_err(|refused| Error::Refused(refused.text()))?;
        self.proxy = Some(proxy);
        Ok(())
    }

    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen> {
        self.transcript(step, cuts)
            .map(|transcript| transcript.seen)
    }

    fn cuts(&self, body: &[u8]) -> Vec<Cuts> {
        Cuts::of(body)
    }
}

fn request(step: &Step, cuts: Cuts, profile: Profile) -> Request {
    let data = &step.request;
    let client = data.client.to_string();
    let with_port = match data.client {
        IpAddr::V4(_) => format!("{client}:4711"),
        IpAddr::V6(_) => format!("[{client}]:4711"),
    };
    let mut request = Request::new(&data.method, &data.path)
        .attribute(&["source", "address"], with_port)
        .attribute(&["remote_addr"], client);
    if let Some(route) = &data.route {
        request = request.attribute(&["xds", "route_name"], route.as_str());
    }
    if let Some(tls) = &data.tls {
        request = with_tls(request, tls, profile);
    }
    for (name, value) in lines(&data.headers) {
        // A request has one host, and hosts know it by this name.
        let name = if name == "host" { ":authority" } else { name };
        if [":authority", ":scheme"].contains(&name) {
            request = request.without(name);
        }
        request = request.header(name, value);
    }
    if let Some(identity) = &data.identity {
        let properties = StreamProperties::default();
        properties.set(IDENTITY_PROPERTY, identity.as_str());
        request = request.properties(&properties);
    }
    request.chunks(cuts.pieces(data.body.bytes()))
}

/// Tells of the connection what each host has of it.
fn with_tls(request: Request, tls: &Tls, profile: Profile) -> Request {
    let version = tls.version.name();
    let mut request = request
        .without(":scheme")
        .header(":scheme", "https")
        .attribute(&["connection", "tls_version"], version)
        .attribute(&["ssl_protocol"], version);
    if tls.has_certificate() {
        // Kong writes its attributes as text.
        let shown: &[u8] = match profile {
            Profile::Kong => b"true",
            Profile::Envoy | Profile::Apisix => &[1],
        };
        request = request
            .attribute(&["connection", "mtls"], shown)
            .attribute(&["ssl_client_verify"], "SUCCESS");
    }
    for (field, value) in [
        ("uri_san_peer_certificate", &tls.uri_san),
        ("dns_san_peer_certificate", &tls.dns_san),
        ("subject_peer_certificate", &tls.subject),
        ("sha256_peer_certificate_digest", &tls.sha256),
    ] {
        if let Some(value) = value {
            request = request.attribute(&["connection", field], value.as_str());
        }
    }
    request
}

/// What a server responds, as the file says.
fn respond(calls: &[Call], cluster: &[u8], headers: &HeaderPairs) -> Option<CallResponse> {
    let path = headers.iter().find(|(name, _)| name == b":path");
    let path = path.map_or(&[][..], |(_, value)| value.as_slice());
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let call = calls.iter().find(|call| {
        let is_path = |wanted: &String| wanted.as_bytes() == path;
        call.cluster.as_bytes() == cluster && call.path.as_ref().is_none_or(is_path)
    })?;
    let status = call.response.status.to_string();
    let mut pairs = vec![(b":status".to_vec(), status.into_bytes())];
    for (name, value) in lines(&call.response.headers) {
        pairs.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    }
    Some(CallResponse::Http {
        headers: pairs,
        body: call.response.body.bytes().to_vec(),
        trailers: HeaderPairs::new(),
    })
}

/// No filter counts or exports later than this after a request.
const LONGEST_TICK: Duration = Duration::from_secs(2);

/// Header lines in the order of a case file: one for each value.
pub fn lines(headers: &BTreeMap<String, HeaderValues>) -> impl Iterator<Item = (&str, &str)> {
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

/// Headers by name; the values of a repeated one joined by `, `.
pub fn joined(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
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
