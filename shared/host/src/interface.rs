//! What a filter may ask of its host: one trait, every call fallible.

use std::time::Duration;

use crate::{Headers, Status};

/// A proxy-wasm host, seen from the filter.
///
/// There are two: [`crate::wasm`] speaks the ABI, and `crate::fake` (feature `fake`) lives in a
/// test. Every call returns the host's status instead of panicking on it, header values are bytes,
/// and time is asked for here and nowhere else.
///
/// Calls act on the *effective* context: the stream or the root whose callback is running, until
/// [`Host::set_effective_context`] names another one.
pub trait Host {
    /// Wall clock, nanoseconds since 1970: for token lifetimes and record times.
    fn wall_clock_ns(&self) -> u64;

    /// Monotonic clock, nanoseconds since some start: for limits and intervals.
    ///
    /// In a [`crate::Chain`] it stands still during a callback.
    fn monotonic_ns(&self) -> u64;

    /// The monotonic clock read anew, for what is measured within a callback.
    fn running_ns(&self) -> u64 {
        self.monotonic_ns()
    }

    /// The wall clock of the ABI, which some hosts do not implement (APISIX): only to tell hosts
    /// apart, see [`crate::Capabilities`].
    ///
    /// # Errors
    /// The host has no such call.
    fn abi_clock_ns(&self) -> Result<u64, Status>;

    /// Fills `bytes` from the host's random source.
    ///
    /// # Errors
    /// The host has none.
    fn random(&self, bytes: &mut [u8]) -> Result<(), Status>;

    /// An environment variable of the VM (`vm_config.environment_variables` in Envoy).
    fn environment_variable(&self, name: &str) -> Option<String>;

    /// Writes one line to the proxy's log. A line that cannot be written is lost: there is nobody
    /// left to tell.
    fn log(&self, level: LogLevel, line: &str);

    /// All headers of a map in one call.
    ///
    /// # Errors
    /// The map does not exist in this phase.
    fn headers(&self, map: HeaderMap) -> Result<Headers, Status>;

    /// The value of a header; where it occurs several times, the host's choice (Envoy: joined by
    /// commas). `None` when it is absent.
    ///
    /// # Errors
    /// The map does not exist in this phase.
    fn header(&self, map: HeaderMap, name: &str) -> Result<Option<Vec<u8>>, Status>;

    /// Replaces all occurrences of a header by one, or adds it.
    ///
    /// # Errors
    /// The map cannot be changed in this phase.
    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status>;

    /// Adds a header beside those with the same name.
    ///
    /// # Errors
    /// The map cannot be changed in this phase.
    fn add_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status>;

    /// Removes all occurrences of a header. Removing one that is absent is a success.
    ///
    /// # Errors
    /// The map cannot be changed in this phase.
    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<(), Status>;

    /// Up to `max` bytes of a buffer from `start`; nothing when there are none.
    ///
    /// # Errors
    /// The buffer does not exist in this phase.
    fn buffer(&self, kind: Buffer, start: usize, max: usize) -> Result<Vec<u8>, Status>;

    /// Replaces the first `size` bytes of a buffer (all of it with `usize::MAX`).
    ///
    /// Only a prefix can be replaced: hosts refuse an edit in the middle. Replace all of it where
    /// you can: Kong takes `size` as the most that may be written.
    ///
    /// # Errors
    /// The buffer cannot be changed in this phase, or never on this host (APISIX).
    fn replace_buffer(&self, kind: Buffer, size: usize, bytes: &[u8]) -> Result<(), Status>;

    /// Sends a response in place of the upstream's.
    ///
    /// # Errors
    /// The response has begun already.
    fn send_local_response(&self, response: &LocalResponse<'_>) -> Result<(), Status>;

    /// Whether the request at hand can be paused now: some hosts end the worker for a pause without
    /// a call to wait for.
    fn can_pause(&self) -> bool {
        true
    }

    /// Lets a paused request or response of the effective context go on.
    ///
    /// # Errors
    /// There is no such stream.
    fn resume(&self, direction: Direction) -> Result<(), Status>;

    /// Ends the stream of the effective context with a reset: for a body that must not go on.
    ///
    /// # Errors
    /// There is no such stream.
    fn reset_stream(&self, direction: Direction) -> Result<(), Status>;

    /// Makes another context the target of the following calls.
    ///
    /// # Errors
    /// There is no such context.
    fn set_effective_context(&self, context: ContextId) -> Result<(), Status>;

    /// A property (an attribute of the request, the connection or the route) by path.
    ///
    /// # Errors
    /// [`Status::NotFound`] when it has no value.
    fn property(&self, path: &[&str]) -> Result<Vec<u8>, Status>;

    /// Sets a property of the stream for the other filters to read.
    ///
    /// # Errors
    /// The host keeps none.
    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), Status>;

    /// A value shared by the VMs of the process, and the number to hand back when it is replaced.
    ///
    /// # Errors
    /// [`Status::NotFound`] when it was never set; the host has no shared data.
    fn shared_data(&self, key: &str) -> Result<SharedValue, Status>;

    /// Writes a shared value. With `cas`, only if nobody wrote it since it was read.
    ///
    /// What `cas` 0 and a `cas` on an absent key do differs from host to host: use
    /// [`crate::shared_data::insert_if_absent`] to create a value.
    ///
    /// # Errors
    /// [`Status::CasMismatch`]; the host has no shared data.
    fn set_shared_data(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), Status>;

    /// Whether a call can be started now: some hosts take one at a time of each request.
    fn can_call(&self) -> bool {
        true
    }

    /// Starts an HTTP call; the response arrives at [`crate::Filter::on_http_call_response`].
    ///
    /// # Errors
    /// The upstream is unknown or has no endpoint, or the host cannot call out in this phase.
    fn http_call(&self, call: &HttpCall<'_>) -> Result<CallToken, Status>;

    /// Starts a unary gRPC call; the response arrives at [`crate::Filter::on_grpc_receive`].
    ///
    /// # Errors
    /// As [`Host::http_call`]; most hosts but Envoy have no gRPC.
    fn grpc_call(&self, call: &GrpcCall<'_>) -> Result<CallToken, Status>;

    /// Ends a gRPC call whose response nobody waits for any more.
    ///
    /// # Errors
    /// There is no such call.
    fn cancel_grpc_call(&self, token: CallToken) -> Result<(), Status>;

    /// Calls a function that the host offers beside the ABI. Ask [`crate::Capabilities`] first:
    /// one host traps on a name that it does not know.
    ///
    /// # Errors
    /// [`Status::NotFound`] for an unknown name; the status that the function returns.
    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, Status>;

    /// Defines a metric, or finds it by name.
    ///
    /// # Errors
    /// The host counts nothing.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, Status>;

    /// Adds to a counter or a gauge.
    ///
    /// # Errors
    /// There is no such metric.
    fn increment_metric(&self, metric: MetricId, offset: i64) -> Result<(), Status>;

    /// Sets a gauge or records a value of a histogram.
    ///
    /// # Errors
    /// There is no such metric.
    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), Status>;

    /// Asks for [`crate::Filter::on_tick`] at this interval; zero stops it.
    ///
    /// # Errors
    /// The host has no tick.
    fn set_tick_period(&self, period: Duration) -> Result<(), Status>;

    /// Tells the host that a root context that returned `false` from `on_done` has finished.
    ///
    /// # Errors
    /// Nothing was pending.
    fn done(&self) -> Result<(), Status>;
}

/// The id of a root or a stream context.
pub type ContextId = u32;

/// The id of a call under way.
pub type CallToken = u32;

/// The id of a defined metric.
pub type MetricId = u32;

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
#[expect(missing_docs, reason = "the levels of every logger")]
pub enum LogLevel {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// A header map of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names say it")]
pub enum HeaderMap {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
    ResponseTrailers = 3,
    HttpCallResponseHeaders = 6,
    HttpCallResponseTrailers = 7,
}

/// A byte buffer of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    HttpCallResponseBody = 4,
    GrpcReceive = 5,
    VmConfiguration = 6,
    PluginConfiguration = 7,
}

/// Which half of a stream is meant; its numbers are those of the ABI.
pub use policy::finding::Direction;

/// The kinds of metrics that a host counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// Whether the host goes on with the message or holds it until [`Host::resume`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    Continue = 0,
    Pause = 1,
}

/// A response in place of the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResponse<'a> {
    /// The HTTP status of the response.
    pub status: u16,
    /// Headers beside those that the host sets.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, may be empty.
    pub body: &'a [u8],
    /// grpc-status for a gRPC request; `None` lets the host derive it.
    pub grpc_status: Option<u32>,
    /// A short code for the proxy's access log (Envoy: response code details).
    pub details: &'a str,
}

/// A value of shared data as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedValue {
    /// The bytes; empty is not the same as absent.
    pub bytes: Vec<u8>,
    /// Hand it back to [`Host::set_shared_data`] to replace exactly this value.
    pub cas: u32,
}

/// An HTTP call to an upstream of the host.
#[derive(Clone, Debug)]
pub struct HttpCall<'a> {
    /// Cluster name on Envoy, `host[:port]` on nginx hosts.
    pub upstream: &'a str,
    /// The request's headers, with `:method`, `:path` and `:authority`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, may be empty.
    pub body: &'a [u8],
    /// How long the host waits for the whole response.
    pub timeout: Duration,
}

/// A unary gRPC call to an upstream of the host.
#[derive(Clone, Debug)]
pub struct GrpcCall<'a> {
    /// Cluster name; encoded as the host wants it.
    pub cluster: &'a str,
    /// Full service name, with its package.
    pub service: &'a str,
    /// The name of the gRPC method.
    pub method: &'a str,
    /// The request message, as protobuf without a gRPC frame.
    pub message: &'a [u8],
    /// How long the host waits; zero would wait for ever and is refused.
    pub timeout: Duration,
}
