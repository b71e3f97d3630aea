//! The host as every filter sees it: what hosts do differently is evened out here, once.
//!
//! nginx hosts take calls that do nothing, return half of the truth, or end the worker. A
//! filter must not have to know which: what a host cannot do is an error that the filter can act
//! on, and what it does in another way is done in that way here. On Envoy everything goes through
//! as it is.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use policy::ordered_map::OrderedMap;

use crate::attributes::{self, Form};
use crate::{
    Buffer, CallToken, Capabilities, ContextId, Direction, GrpcCall, HeaderMap, Headers, Host,
    HostKind, HttpCall, LocalResponse, LogLevel, MetricId, MetricKind, SharedValue, Status,
};

/// A host, and what has to be remembered to even it out.
pub(crate) struct Adapted<H> {
    host: H,
    capabilities: Cell<Capabilities>,
    /// The context whose callback is running.
    at_hand: Cell<ContextId>,
    /// The running callback has sent a local response.
    has_responded: Cell<bool>,
    /// Somebody was told that random numbers can be guessed.
    warned_of_random: Cell<bool>,
    /// The context that is ending, where the host has let go of its request by then.
    ending: Cell<Option<ContextId>>,
    /// The calls under way and whose they are, where a request can have only one.
    calls: RefCell<OrderedMap<CallToken, ContextId>>,
    /// Local responses of requests with a call under way.
    deferred: RefCell<OrderedMap<ContextId, OwnedResponse>>,
    /// The level of each gauge, where a gauge can only be set.
    gauges: RefCell<OrderedMap<MetricId, i64>>,
}

impl<H: Host> Adapted<H> {
    pub(crate) const fn new(host: H) -> Self {
        Self {
            host,
            capabilities: Cell::new(Capabilities::ENVOY),
            at_hand: Cell::new(0),
            has_responded: Cell::new(false),
            warned_of_random: Cell::new(false),
            ending: Cell::new(None),
            calls: RefCell::new(OrderedMap::new()),
            deferred: RefCell::new(OrderedMap::new()),
            gauges: RefCell::new(OrderedMap::new()),
        }
    }

    /// The host without the adaptation.
    pub(crate) const fn inner(&self) -> &H {
        &self.host
    }

    /// Looks which host it is. Nothing can be evened out before.
    pub(crate) fn probe(&self) -> Capabilities {
        let capabilities = Capabilities::probe(&self.host);
        self.capabilities.set(capabilities);
        capabilities
    }

    /// A callback of this context begins.
    pub(crate) fn enter(&self, context: ContextId) {
        self.at_hand.set(context);
        self.has_responded.set(false);
    }

    /// The response to a call has come, in whatever context: that of the request that has made it is
    /// the one at hand. A local response that had to wait for the call is sent first.
    pub(crate) fn end_call(&self, token: CallToken) {
        let Some(owner) = self.calls.borrow_mut().remove(&token) else {
            return;
        };
        self.at_hand.set(owner);
        let waiting = self.deferred.borrow_mut().remove(&owner);
        if let Some(response) = waiting {
            let sent = response.send(&self.host);
            if let Err(status) = sent {
                let line = format!("a local response could not be sent: {status}");
                self.host.log(LogLevel::Error, &line);
            }
            self.has_responded.set(true);
        }
    }

    /// A context comes to its end: on APISIX nothing can be asked of its request any more.
    pub(crate) fn begin_end(&self, context: ContextId) {
        if self.kind() == HostKind::Apisix {
            self.ending.set(Some(context));
        }
    }

    fn has_let_go(&self) -> bool {
        self.ending.get() == Some(self.at_hand.get())
    }

    /// A context is gone, and with it what it has waited for.
    pub(crate) fn forget(&self, context: ContextId) {
        self.calls.borrow_mut().retain(|_, owner| *owner != context);
        self.deferred.borrow_mut().remove(&context);
        self.ending.set(None);
    }

    fn kind(&self) -> HostKind {
        self.capabilities.get().kind()
    }

    fn has_call(&self) -> bool {
        let at_hand = self.at_hand.get();
        self.calls.borrow().values().any(|owner| *owner == at_hand)
    }

    /// What is beyond the end of a list is found by name only.
    fn listed(&self, map: HeaderMap, listed: Headers) -> Headers {
        let Some(max) = self.capabilities.get().header_list_max(map) else {
            return listed;
        };
        let named = listed.iter().filter(|(name, _)| !name.starts_with(b":"));
        let count = named.count();
        match map {
            // What is there is no more than a part, and of others.
            HeaderMap::ResponseHeaders if count > max => Headers::default().cut(),
            HeaderMap::ResponseHeaders => listed,
            _ if count >= max => listed.cut(),
            _ => listed,
        }
    }

    /// The headers of a request as Kong keeps them: names as they were sent, the path decoded, and
    /// an authority that is the server's.
    fn of_kong(&self, map: HeaderMap, listed: &Headers) -> Headers {
        let mut pairs = Vec::new();
        let path = match map {
            HeaderMap::RequestHeaders => self.raw_path(),
            _ => None,
        };
        for (name, value) in listed {
            let name = name.to_ascii_lowercase();
            match (name.as_slice(), &path) {
                (b":authority", _) => {}
                (b":path", Some(path)) => pairs.push((name, path.clone())),
                _ => pairs.push((name, value.to_vec())),
            }
        }
        Headers::from_pairs(&pairs)
    }

    fn raw_path(&self) -> Option<Vec<u8>> {
        let path = self.host.property(&["request", "path"]).ok()?;
        Some(path).filter(|path| !path.is_empty())
    }

    /// The name under which an nginx host has a header.
    fn name<'n>(&self, name: &'n str) -> &'n str {
        match (self.kind(), name) {
            // Asking APISIX for it ends the worker where a request has no host; that of Kong is
            // the server's own name.
            (HostKind::Apisix | HostKind::Other, ":authority") => "host",
            _ => name,
        }
    }

    /// APISIX puts a new path in front of the old query, and takes an authority for the method;
    /// Kong ends the VM for a query, and sends the old path on.
    fn can_write(&self, name: &str) -> bool {
        self.kind() == HostKind::Envoy || !matches!(name, ":path" | ":authority")
    }
}

impl<H: Host> Host for Adapted<H> {
    fn wall_clock_ns(&self) -> u64 {
        self.host.wall_clock_ns()
    }

    fn monotonic_ns(&self) -> u64 {
        self.host.monotonic_ns()
    }

    fn running_ns(&self) -> u64 {
        self.host.running_ns()
    }

    fn abi_clock_ns(&self) -> Result<u64, Status> {
        self.host.abi_clock_ns()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Status> {
        if !self.capabilities.get().has_secure_random() && !self.warned_of_random.replace(true) {
            let line = "meshward: the random numbers of this host are seeded with the time and can \
                        be guessed: what is salted or seeded with them is not secret";
            self.host.log(LogLevel::Warn, line);
        }
        self.host.random(bytes)
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        self.host.environment_variable(name)
    }

    fn log(&self, level: LogLevel, line: &str) {
        self.host.log(level, line);
    }

    fn headers(&self, map: HeaderMap) -> Result<Headers, Status> {
        match self.kind() {
            HostKind::Envoy => self.host.headers(map),
            HostKind::Apisix if self.has_let_go() => Err(Status::BadArgument),
            HostKind::Apisix => {
                // All headers of a request without a host end the worker.
                if map == HeaderMap::RequestHeaders && self.host.header(map, "host")?.is_none() {
                    return Ok(Headers::default().cut());
                }
                match (map, self.host.headers(map)) {
                    (_, Ok(listed)) => Ok(self.listed(map, listed)),
                    (HeaderMap::ResponseHeaders, Err(Status::SerializationFailure)) => {
                        Ok(Headers::default().cut())
                    }
                    (_, failed) => failed,
                }
            }
            HostKind::Other => {
                let listed = self.host.headers(map)?;
                Ok(self.of_kong(map, &listed))
            }
        }
    }

    fn header(&self, map: HeaderMap, name: &str) -> Result<Option<Vec<u8>>, Status> {
        let of_request = map == HeaderMap::RequestHeaders;
        if of_request
            && name == ":path"
            && self.kind() == HostKind::Other
            && let Some(path) = self.raw_path()
        {
            return Ok(Some(path));
        }
        if self.has_let_go() {
            return Err(Status::BadArgument);
        }
        let name = if of_request { self.name(name) } else { name };
        self.host.header(map, name)
    }

    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        if !self.can_write(name) {
            return Err(Status::Unimplemented);
        }
        if self.kind() == HostKind::Other && map == HeaderMap::RequestHeaders {
            // Kong takes nothing for a removal. Of several it writes the first one, and sends the
            // others on.
            if value.is_empty() {
                return Err(Status::Unimplemented);
            }
            let listed = self.headers(map)?;
            let lower = name.to_ascii_lowercase();
            self.host.set_header(map, name, value)?;
            return match listed.values(&lower).count() {
                0 | 1 => Ok(()),
                _ => Err(Status::Unimplemented),
            };
        }
        self.host.set_header(map, name, value)
    }

    fn add_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        if !self.can_write(name) {
            return Err(Status::Unimplemented);
        }
        self.host.add_header(map, name, value)
    }

    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<(), Status> {
        if self.kind() != HostKind::Other || map != HeaderMap::RequestHeaders {
            return self.host.remove_header(map, name);
        }
        // What is removed is hidden from plugins only: the upstream gets it all the same.
        match self.host.header(map, name)? {
            Some(_) => Err(Status::Unimplemented),
            None => Ok(()),
        }
    }

    fn buffer(&self, kind: Buffer, start: usize, max: usize) -> Result<Vec<u8>, Status> {
        let is_body = matches!(kind, Buffer::RequestBody | Buffer::ResponseBody);
        match self.kind() {
            HostKind::Envoy => self.host.buffer(kind, start, max),
            // It takes sizes as signed numbers.
            HostKind::Apisix if is_body => {
                let max = max.min(usize::try_from(i32::MAX).unwrap_or(max));
                of_a_body(self.host.buffer(kind, start, max)?)
            }
            // It reads from the start whatever it was told, and has nothing of a body that it has
            // written to a file.
            HostKind::Other if is_body => {
                let body = self.host.buffer(kind, 0, start.saturating_add(max))?;
                let rest = body.get(start..).unwrap_or_default();
                of_a_body(rest.get(..max.min(rest.len())).unwrap_or_default().to_vec())
            }
            HostKind::Apisix | HostKind::Other => self.host.buffer(kind, start, max),
        }
    }

    fn replace_buffer(&self, kind: Buffer, size: usize, bytes: &[u8]) -> Result<(), Status> {
        if !self.capabilities.get().rewrites_bodies() {
            return Err(Status::Unimplemented);
        }
        self.host.replace_buffer(kind, size, bytes)
    }

    fn send_local_response(&self, response: &LocalResponse<'_>) -> Result<(), Status> {
        if self.kind() != HostKind::Apisix {
            return self.host.send_local_response(response);
        }
        if self.has_responded.get() {
            // The first one counts.
            return Ok(());
        }
        if self.has_call() {
            // The host would drop it, and wait for the call.
            let at_hand = self.at_hand.get();
            let owned = OwnedResponse::new(response);
            let mut deferred = self.deferred.borrow_mut();
            if !deferred.contains_key(&at_hand) {
                deferred.insert(at_hand, owned);
            }
            return Ok(());
        }
        self.host.send_local_response(response)?;
        self.has_responded.set(true);
        Ok(())
    }

    fn can_pause(&self) -> bool {
        self.kind() != HostKind::Apisix || self.has_responded.get() || self.has_call()
    }

    fn resume(&self, direction: Direction) -> Result<(), Status> {
        self.host.resume(direction)
    }

    fn reset_stream(&self, direction: Direction) -> Result<(), Status> {
        if !self.capabilities.get().resets_streams() {
            return Err(Status::Unimplemented);
        }
        self.host.reset_stream(direction)
    }

    fn set_effective_context(&self, context: ContextId) -> Result<(), Status> {
        self.host.set_effective_context(context)
    }

    fn property(&self, path: &[&str]) -> Result<Vec<u8>, Status> {
        let kind = self.kind();
        if kind == HostKind::Envoy {
            return self.host.property(path);
        }
        if self.has_let_go() {
            return Err(Status::NotFound);
        }
        let (name, form) = attributes::on_nginx(kind, path).ok_or(Status::NotFound)?;
        let is_encrypted = || {
            let scheme = attributes::on_nginx(kind, &["request", "scheme"]);
            scheme.is_some_and(|(name, _)| self.host.property(name).is_ok_and(|s| s == b"https"))
        };
        if form != Form::Plain && !is_encrypted() {
            return Err(Status::NotFound);
        }
        let value = self.host.property(name)?;
        Ok(attributes::as_on_envoy(form, value))
    }

    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), Status> {
        let of_apisix =
            self.kind() == HostKind::Apisix && BODY_SWITCHES.iter().any(|s| path == [*s]);
        if self.kind() == HostKind::Envoy || of_apisix {
            return self.host.set_property(path, value);
        }
        Err(Status::NotFound)
    }

    fn shared_data(&self, key: &str) -> Result<SharedValue, Status> {
        self.host.shared_data(key)
    }

    fn set_shared_data(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), Status> {
        self.host.set_shared_data(key, value, cas)
    }

    fn can_call(&self) -> bool {
        self.capabilities.get().calls_per_request().is_none()
            || !(self.has_call() || self.has_responded.get())
    }

    fn http_call(&self, call: &HttpCall<'_>) -> Result<CallToken, Status> {
        if !self.can_call() {
            return Err(Status::InternalFailure);
        }
        let token = self.host.http_call(call)?;
        if self.kind() == HostKind::Apisix {
            let at_hand = self.at_hand.get();
            self.calls.borrow_mut().insert(token, at_hand);
        }
        Ok(token)
    }

    fn grpc_call(&self, call: &GrpcCall<'_>) -> Result<CallToken, Status> {
        if !self.capabilities.get().calls_grpc() {
            return Err(Status::Unimplemented);
        }
        self.host.grpc_call(call)
    }

    fn cancel_grpc_call(&self, token: CallToken) -> Result<(), Status> {
        if !self.capabilities.get().calls_grpc() {
            return Err(Status::NotFound);
        }
        self.host.cancel_grpc_call(token)
    }

    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, Status> {
        if !self.capabilities.get().has_foreign_functions() {
            return Err(Status::NotFound);
        }
        self.host.foreign_function(name, argument)
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, Status> {
        if !self.capabilities.get().counts_metrics() {
            return Err(Status::Unimplemented);
        }
        let metric = self.host.define_metric(kind, name)?;
        if self.kind() == HostKind::Other && kind == MetricKind::Gauge {
            let mut gauges = self.gauges.borrow_mut();
            if !gauges.contains_key(&metric) {
                gauges.insert(metric, 0);
            }
        }
        Ok(metric)
    }

    fn increment_metric(&self, metric: MetricId, offset: i64) -> Result<(), Status> {
        if let Some(level) = self.gauges.borrow_mut().get_mut(&metric) {
            // Kong ends the VM for adding to a gauge.
            *level = level.saturating_add(offset);
            let level = u64::try_from(*level).unwrap_or(0);
            return self.host.record_metric(metric, level);
        }
        self.host.increment_metric(metric, offset)
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), Status> {
        if let Some(level) = self.gauges.borrow_mut().get_mut(&metric) {
            *level = i64::try_from(value).unwrap_or(i64::MAX);
        }
        self.host.record_metric(metric, value)
    }

    fn set_tick_period(&self, period: Duration) -> Result<(), Status> {
        if !self.capabilities.get().ticks() {
            return Err(Status::Unimplemented);
        }
        self.host.set_tick_period(period)
    }

    fn done(&self) -> Result<(), Status> {
        if self.kind() != HostKind::Envoy {
            return Err(Status::Unimplemented);
        }
        self.host.done()
    }
}

/// An empty body is none, and must not be taken for one that was read.
fn of_a_body(body: Vec<u8>) -> Result<Vec<u8>, Status> {
    if body.is_empty() {
        return Err(Status::NotFound);
    }
    Ok(body)
}

/// A local response that is sent later.
struct OwnedResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    grpc_status: Option<u32>,
    details: String,
}

impl OwnedResponse {
    fn new(response: &LocalResponse<'_>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            status: response.status,
            headers: response.headers.iter().map(owned).collect(),
            body: response.body.to_vec(),
            grpc_status: response.grpc_status,
            details: response.details.to_owned(),
        }
    }

    fn send(&self, host: &dyn Host) -> Result<(), Status> {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        host.send_local_response(&LocalResponse {
            status: self.status,
            headers: &headers,
            body: &self.body,
            grpc_status: self.grpc_status,
            details: &self.details,
        })
    }
}

/// The variables by which a plugin asks APISIX for bodies.
const BODY_SWITCHES: [&str; 2] = ["wasm_process_req_body", "wasm_process_resp_body"];
