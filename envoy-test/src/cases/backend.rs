//! The ways to run a case: a filter in this process, its module in the in-process host, its module
//! in a real Envoy.

use std::collections::BTreeMap;
use std::time::Duration;

use host::fake::HeaderPairs;
use host::fake::{Proxy, Request, Response};
use hyper::HeaderMap;

use super::{CaseFile, Cuts, Seen, Step};
use crate::client::{self, Protocol};
use crate::envoy::{Envoy, Options};
use crate::peers::{Answer, Peers};
use crate::{Error, Result};

/// Runs exchanges.
pub trait Backend {
    /// Starts from nothing with the configuration of `file`.
    ///
    /// # Errors
    /// It is refused, or there is nothing to run.
    fn begin(&mut self, file: &CaseFile) -> Result<()>;

    /// Takes one exchange through.
    ///
    /// # Errors
    /// It cannot be sent, or the filter traps.
    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen>;

    /// The cuts that are worth trying with a body.
    fn cuts(&self, body: &str) -> Vec<Cuts>;
}

/// A proxy in this process, around a native filter or a module.
pub struct InProcess<M> {
    make: M,
    proxy: Option<Proxy>,
}

impl<M: FnMut() -> Result<Proxy>> InProcess<M> {
    /// `make` gives a fresh proxy for each case.
    pub const fn new(make: M) -> Self {
        Self { make, proxy: None }
    }
}

impl<M: FnMut() -> Result<Proxy>> Backend for InProcess<M> {
    fn begin(&mut self, file: &CaseFile) -> Result<()> {
        let mut proxy = (self.make)()?;
        proxy
            .configure(&file.configuration)
            .map_err(|refused| case_error(refused.text()))?;
        self.proxy = Some(proxy);
        Ok(())
    }

    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen> {
        let proxy = self
            .proxy
            .as_mut()
            .ok_or_else(|| case_error("not begun".to_owned()))?;
        let mut request = Request::new(&step.request.method, &step.request.path)
            .attribute(&["source", "address"], "127.0.0.1:4711")
            .attribute(&["remote_addr"], "127.0.0.1");
        for (name, value) in &step.request.headers {
            request = request.header(name, value);
        }
        let mut response = Response::new(step.response.status);
        for (name, value) in &step.response.headers {
            response = response.header(name, value);
        }
        response = response.chunks(cuts.pieces(&step.response.body));
        let outcome = proxy.run(&request, &response);
        if let Some(trap) = outcome.trap {
            return Err(case_error(format!("trapped: {trap}")));
        }
        Ok(Seen {
            status: outcome.client().status().unwrap_or_default(),
            headers: by_name(outcome.client().headers.as_ref()),
            body: outcome.client().text(),
            upstream: outcome
                .upstream()
                .headers
                .as_ref()
                .map(|headers| by_name(Some(headers))),
        })
    }

    fn cuts(&self, body: &str) -> Vec<Cuts> {
        Cuts::of(body)
    }
}

/// A real Envoy with one filter, and its peers.
pub struct RealEnvoy {
    filter: String,
    protocol: Protocol,
    peers: Peers,
    envoy: Option<Envoy>,
    configuration: Option<String>,
}

impl RealEnvoy {
    /// For this filter, over this protocol.
    ///
    /// # Errors
    /// The peers cannot start.
    pub fn new(filter: &str, protocol: Protocol) -> Result<Self> {
        Ok(Self {
            filter: filter.to_owned(),
            protocol,
            peers: Peers::start()?,
            envoy: None,
            configuration: None,
        })
    }
}

impl Backend for RealEnvoy {
    fn begin(&mut self, file: &CaseFile) -> Result<()> {
        let configured = self.configuration.as_deref() == Some(file.configuration.as_str());
        if configured && !file.stateful {
            return Ok(());
        }
        // The old one ends before the new one starts.
        self.envoy = None;
        self.configuration = Some(file.configuration.clone());
        let mut bootstrap = self.peers.bootstrap(&[self.filter.as_str()])?;
        bootstrap.configure(&self.filter, &file.configuration)?;
        self.envoy = Some(Envoy::start(&bootstrap, Options::default())?);
        Ok(())
    }

    fn exchange(&mut self, step: &Step, cuts: Cuts) -> Result<Seen> {
        let envoy = self
            .envoy
            .as_ref()
            .ok_or_else(|| case_error("not begun".to_owned()))?;
        let kind = step
            .response
            .headers
            .get("content-type")
            .map_or("", String::as_str);
        let mut answer = Answer::new(step.response.status, kind, step.response.body.as_bytes());
        for (name, value) in &step.response.headers {
            if name != "content-type" {
                answer = answer.header(name, value);
            }
        }
        if let Cuts::At(place) = cuts {
            answer = answer.cut_at(&[place], Duration::from_millis(5));
        }
        let path = step.request.path.split('?').next().unwrap_or_default();
        self.peers.upstream.answer(path, answer);
        drop(self.peers.upstream.take_received());
        let mut request = client::Request::new(&step.request.method, &step.request.path);
        for (name, value) in &step.request.headers {
            request = request.header(name, value);
        }
        let response = envoy.client(self.protocol).send(&request)?;
        if envoy.traps() > 0 {
            return Err(case_error(format!("trapped: {}", envoy.log().tail())));
        }
        let received = self.peers.upstream.take_received().into_iter().next();
        Ok(Seen {
            status: response.status,
            body: response.text(),
            headers: of_map(&response.headers),
            upstream: received.map(|received| {
                let mut upstream = of_map(&received.headers);
                upstream.insert(":path".to_owned(), received.path);
                upstream
            }),
        })
    }

    fn cuts(&self, body: &str) -> Vec<Cuts> {
        // Real time is dear: whole, and in the middle.
        match body.len() {
            0..=2 => vec![Cuts::Whole],
            length => vec![Cuts::Whole, Cuts::At(length / 2)],
        }
    }
}

/// Headers as text; of several with one name the last.
fn by_name(pairs: Option<&HeaderPairs>) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pairs = pairs.into_iter().flatten();
    pairs
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn of_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
        .collect()
}

fn case_error(reason: String) -> Error {
    Error::Config {
        file: "case".to_owned(),
        reason,
    }
}
