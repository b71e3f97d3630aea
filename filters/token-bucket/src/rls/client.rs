//! Asking rate limit services: the calls under way.

use std::collections::BTreeMap;
use std::time::Duration;

use host::{
    Buffer, CallToken, ContextId, GrpcCall, HeaderMap, Host, HttpCall, ResponseSizes, Status,
};

use crate::config::{Service, Transport};
use crate::group::Charged;
use crate::rls::{Code, Descriptor, METHOD, RateLimitRequest, SERVICE, ServiceResponse};

/// A call under way. Tokens of HTTP and of gRPC calls are numbered apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallId {
    /// `POST /json`.
    Http(CallToken),
    /// `ShouldRateLimit`.
    Grpc(CallToken),
}

/// What is known about a call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The stream that asks.
    pub context: ContextId,
    /// What is asked.
    pub query: RateLimitQuery,
    started_ns: u64,
    timeout: Duration,
}

/// A question to a service, about all limits of a request that cost the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitQuery {
    /// The place of the service in the configuration.
    pub service: usize,
    /// What the request costs.
    pub cost: u64,
    /// The request waits for the response. If not, the response is only counted.
    pub decides: bool,
    /// The limit of each descriptor; those of one limit stand side by side.
    pub limits: Vec<usize>,
    /// What names the counters.
    pub descriptors: Vec<Descriptor>,
    /// What these limits were charged in this proxy, where the request does not wait.
    pub charged: Vec<Charged>,
}

/// Why a service has not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No response in time.
    Timeout,
    /// It cannot be reached.
    Unavailable,
    /// It responds with an error.
    Error,
    /// Its response cannot be read.
    Invalid,
}

impl Failure {
    /// The word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Error => "error",
            Self::Invalid => "invalid",
        }
    }
}

/// The calls under way.
#[derive(Debug, Default)]
pub struct Calls {
    under_way: BTreeMap<CallId, Call>,
}

impl Calls {
    /// Starts a call.
    ///
    /// # Errors
    /// The host knows no such cluster, or too many calls are under way.
    pub fn start(
        &mut self,
        host: &dyn Host,
        service: &Service,
        query: RateLimitQuery,
        context: ContextId,
        now_ns: u64,
    ) -> Result<(), Failure> {
        if self.under_way.len() >= MAX_CALLS {
            self.forget_lost(now_ns);
            if self.under_way.len() >= MAX_CALLS {
                return Err(Failure::Unavailable);
            }
        }
        let request = RateLimitRequest {
            domain: &service.domain,
            descriptors: &query.descriptors,
            hits: query.cost,
        };
        let id = send(host, service, &request).map_err(|_| Failure::Unavailable)?;
        let call = Call {
            context,
            query,
            started_ns: now_ns,
            timeout: service.timeout,
        };
        self.under_way.insert(id, call);
        Ok(())
    }

    /// Takes a call that has ended out of the list. `None` for one that nobody waits for any more.
    pub fn end(&mut self, id: CallId) -> Option<Call> {
        self.under_way.remove(&id)
    }

    /// Ends all calls on which a request waits. An HTTP call cannot be ended; its response finds
    /// nobody.
    pub fn cancel(&mut self, host: &dyn Host, context: ContextId) {
        let waits = |call: &Call| call.query.decides && call.context == context;
        self.under_way.retain(|id, call| {
            let cancelled = waits(call);
            if cancelled && let CallId::Grpc(token) = id {
                let _ = host.cancel_grpc_call(*token);
            }
            !cancelled
        });
    }

    /// How many calls are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Whether no call is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// A host ends every call, if only with a failure. Should one not, its calls do not stay for
    /// ever.
    fn forget_lost(&mut self, now_ns: u64) {
        self.under_way.retain(|_, call| {
            let age = Duration::from_nanos(now_ns.saturating_sub(call.started_ns));
            age <= call.timeout.saturating_add(LOST_AFTER)
        });
    }
}

impl Call {
    /// Reads the response to a gRPC call.
    ///
    /// # Errors
    /// It failed, or says nothing.
    pub fn grpc_response(
        &self,
        host: &dyn Host,
        result: Result<usize, u32>,
        now_ns: u64,
    ) -> Result<ServiceResponse, Failure> {
        let size = result.map_err(|status| match status {
            DEADLINE_EXCEEDED => Failure::Timeout,
            // Envoy says the same of a service that is away and of one that is late.
            UNAVAILABLE if self.is_late(now_ns) => Failure::Timeout,
            UNAVAILABLE => Failure::Unavailable,
            _ => Failure::Error,
        })?;
        let message = host
            .buffer(Buffer::GrpcReceive, 0, size)
            .map_err(|_| Failure::Invalid)?;
        let response = ServiceResponse::from_protobuf(&message).map_err(|_| Failure::Invalid)?;
        decided(response)
    }

    /// Reads the response to an HTTP call.
    ///
    /// # Errors
    /// It failed, or says nothing.
    pub fn http_response(
        &self,
        host: &dyn Host,
        sizes: ResponseSizes,
        now_ns: u64,
    ) -> Result<ServiceResponse, Failure> {
        let away = || {
            if self.is_late(now_ns) {
                Failure::Timeout
            } else {
                Failure::Unavailable
            }
        };
        let status = host.header(HeaderMap::HttpCallResponseHeaders, ":status");
        let status = status.ok().flatten().unwrap_or_default();
        match status.as_slice() {
            b"" => Err(away()),
            b"504" => Err(Failure::Timeout),
            // What a proxy says of a service that does not respond.
            b"502" | b"503" => Err(away()),
            b"200" | b"429" => {
                let body = host
                    .buffer(Buffer::HttpCallResponseBody, 0, sizes.body)
                    .map_err(|_| Failure::Invalid)?;
                let response = ServiceResponse::from_json(&body).map_err(|_| Failure::Invalid)?;
                decided(response)
            }
            _ => Err(Failure::Error),
        }
    }

    fn is_late(&self, now_ns: u64) -> bool {
        let elapsed = Duration::from_nanos(now_ns.saturating_sub(self.started_ns));
        // The host counts its time from a moment later, and in milliseconds.
        elapsed.saturating_add(Duration::from_millis(1)) >= self.timeout
    }
}

fn decided(response: ServiceResponse) -> Result<ServiceResponse, Failure> {
    match response.code {
        Code::Unknown => Err(Failure::Invalid),
        Code::Ok | Code::OverLimit => Ok(response),
    }
}

fn send(
    host: &dyn Host,
    service: &Service,
    request: &RateLimitRequest<'_>,
) -> Result<CallId, Status> {
    match &service.transport {
        Transport::Grpc => {
            let message = request.to_protobuf();
            let call = GrpcCall {
                cluster: &service.cluster,
                service: SERVICE,
                method: METHOD,
                message: &message,
                timeout: service.timeout,
            };
            host.grpc_call(&call).map(CallId::Grpc)
        }
        Transport::Http { path, authority } => {
            let body = request.to_json();
            let call = HttpCall {
                upstream: &service.cluster,
                headers: &[
                    (":method", "POST"),
                    (":path", path),
                    (":authority", authority),
                    (":scheme", "http"),
                    ("content-type", "application/json"),
                    ("accept", "application/json"),
                ],
                body: body.as_bytes(),
                timeout: service.timeout,
            };
            host.http_call(&call).map(CallId::Http)
        }
    }
}

const DEADLINE_EXCEEDED: u32 = 4;
const UNAVAILABLE: u32 = 14;
/// Each is a request that somebody holds; whoever has more at once has no working service.
const MAX_CALLS: usize = 16_384;
const LOST_AFTER: Duration = Duration::from_secs(10);
