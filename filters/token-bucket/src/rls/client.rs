//! Asking rate limit services.

use host::waiting::{Call, Calls, Occasion};
use host::{Buffer, GrpcCall, HeaderMap, Host, HttpCall, ResponseSizes};

use crate::config::{Service, Transport};
use crate::group::Charged;
use crate::rls::{Code, Descriptor, METHOD, RateLimitRequest, SERVICE, ServiceResponse};

/// A question to a service, about all limits of a request that cost the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitQuery<L> {
    /// The place of the service in the configuration.
    pub service: usize,
    /// How many units the request costs.
    pub cost: u64,
    /// The request waits for the response. If not, the response is only counted.
    pub decides: bool,
    /// The limit of each descriptor; those of one limit stand side by side.
    pub limits: Vec<usize>,
    /// The descriptors that name the counters.
    pub descriptors: Vec<Descriptor>,
    /// What these limits were charged in this proxy, where the request does not wait.
    pub charged: Vec<Charged>,
    /// The limits in force for the request.
    pub in_force: L,
}

/// Why a service has not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The service did not respond in time.
    Timeout,
    /// The service cannot be reached.
    Unavailable,
    /// It responds with an error.
    Error,
    /// Its response cannot be read.
    Invalid,
}

impl Failure {
    /// The word for this failure in metrics.
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

/// Starts a call.
///
/// # Errors
/// The host knows no such cluster, or too many calls are under way.
pub fn ask<L>(
    calls: &mut Calls<RateLimitQuery<L>>,
    host: &dyn Host,
    service: &Service,
    query: RateLimitQuery<L>,
    occasion: Occasion,
) -> Result<(), Failure> {
    let request = RateLimitRequest {
        domain: &service.domain,
        descriptors: &query.descriptors,
        hits: query.cost,
    };
    let started = match &service.transport {
        Transport::Grpc => {
            let message = request.to_protobuf();
            let call = GrpcCall {
                cluster: &service.cluster,
                service: SERVICE,
                method: METHOD,
                message: &message,
                timeout: service.timeout,
            };
            calls.start_grpc(host, &call, occasion, query)
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
            calls.start_http(host, &call, occasion, query)
        }
    };
    started.map_err(|_| Failure::Unavailable)
}

/// Reads the response to a gRPC call.
///
/// # Errors
/// It failed, or says nothing.
pub fn grpc_response<L>(
    call: &Call<RateLimitQuery<L>>,
    host: &dyn Host,
    result: Result<usize, u32>,
    now_ns: u64,
) -> Result<ServiceResponse, Failure> {
    let size = result.map_err(|status| match status {
        DEADLINE_EXCEEDED => Failure::Timeout,
        // Envoy says the same of a service that is away and of one that is late.
        UNAVAILABLE if call.is_late(now_ns) => Failure::Timeout,
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
pub fn http_response<L>(
    call: &Call<RateLimitQuery<L>>,
    host: &dyn Host,
    sizes: ResponseSizes,
    now_ns: u64,
) -> Result<ServiceResponse, Failure> {
    let away = || {
        if call.is_late(now_ns) {
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

fn decided(response: ServiceResponse) -> Result<ServiceResponse, Failure> {
    match response.code {
        Code::Unknown => Err(Failure::Invalid),
        Code::Ok | Code::OverLimit => Ok(response),
    }
}

const DEADLINE_EXCEEDED: u32 = 4;
const UNAVAILABLE: u32 = 14;
/// Each is a request that somebody holds; whoever has more at once has no working service.
pub const MAX_CALLS: usize = 16_384;
