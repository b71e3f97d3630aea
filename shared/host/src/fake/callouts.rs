//! The host calls that start HTTP and gRPC calls.

use std::time::Duration;

use super::HeaderPairs;
use super::calls::{HostResult, trap};
use super::state::Phase;
use super::stream::pairs;
use super::{FakeHost, Profile};
use crate::protobuf::{Value, fields};
use crate::{CallToken, ContextId, Status};

/// A call that the plugin has started and that nobody has responded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCall {
    /// The token of the call.
    pub token: CallToken,
    /// Where the response arrives: the root of the context that started it.
    pub context: ContextId,
    /// The request that started it, if one did.
    pub stream: Option<ContextId>,
    /// The cluster name, or `host[:port]` on nginx hosts. For gRPC the bytes as they were given.
    pub upstream: Vec<u8>,
    /// The HTTP or gRPC call that was made.
    pub call: AnyCall,
    /// How long the host waits; zero for ever.
    pub timeout: Duration,
}

/// An HTTP or a gRPC call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AnyCall {
    Http {
        headers: HeaderPairs,
        body: Vec<u8>,
        trailers: HeaderPairs,
    },
    Grpc {
        service: Vec<u8>,
        method: Vec<u8>,
        metadata: HeaderPairs,
        message: Vec<u8>,
    },
}

/// What the response to the call at hand holds.
#[derive(Debug, Default)]
pub(super) struct CallResponse {
    pub(super) headers: Option<HeaderPairs>,
    pub(super) trailers: Option<HeaderPairs>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) grpc_message: Option<Vec<u8>>,
}

impl FakeHost {
    /// Starts an HTTP call: `proxy_http_call`.
    pub fn start_http_call(
        &self,
        upstream: &[u8],
        headers: HeaderPairs,
        body: &[u8],
        trailers: HeaderPairs,
        timeout: Duration,
    ) -> HostResult<CallToken> {
        self.enter("proxy_http_call")?;
        self.check_call_phase()?;
        self.check_only_call()?;
        self.check_upstream(upstream)?;
        let lacks = |name: &[u8]| pairs::value(&headers, name).is_err();
        let named = !lacks(b":authority") || !lacks(b"host");
        if lacks(b":path") || lacks(b":method") || !named {
            return Err(Status::BadArgument.into());
        }
        let call = AnyCall::Http {
            headers,
            body: body.to_vec(),
            trailers,
        };
        Ok(self.start_call(upstream, call, timeout))
    }

    /// `proxy_grpc_call`. `upstream` is an encoded `GrpcService` or a plain cluster name.
    pub fn start_grpc_call(
        &self,
        upstream: &[u8],
        service: &[u8],
        method: &[u8],
        metadata: HeaderPairs,
        message: &[u8],
        timeout: Duration,
    ) -> HostResult<CallToken> {
        self.enter("proxy_grpc_call")?;
        self.check_upstream(&cluster_of(upstream))?;
        let call = AnyCall::Grpc {
            service: service.to_vec(),
            method: method.to_vec(),
            metadata,
            message: message.to_vec(),
        };
        Ok(self.start_call(upstream, call, timeout))
    }

    /// Cancels a gRPC call: `proxy_grpc_cancel`.
    pub fn grpc_cancel(&self, token: CallToken) -> HostResult<()> {
        self.enter("proxy_grpc_cancel")?;
        let removed = self.state.borrow_mut().calls.remove(&token);
        removed.map(drop).ok_or(Status::NotFound.into())
    }

    fn check_call_phase(&self) -> HostResult<()> {
        let state = self.state.borrow();
        let in_request = matches!(
            state.phase,
            Phase::RequestHeaders | Phase::RequestBody | Phase::CallResponse
        );
        match self.profile() {
            Profile::Envoy => Ok(()),
            Profile::Apisix if in_request && state.stream().is_some() => Ok(()),
            Profile::Apisix => Err(Status::BadArgument.into()),
            Profile::Kong if in_request || state.phase == Phase::Tick => Ok(()),
            Profile::Kong => trap("an HTTP call can only be started by a request or a tick"),
        }
    }

    /// APISIX has room for one call of a request.
    fn check_only_call(&self) -> HostResult<()> {
        let state = self.state.borrow();
        let of_this = |call: &PendingCall| call.stream == Some(state.effective);
        if self.profile() == Profile::Apisix && state.calls.values().any(of_this) {
            return Err(Status::InternalFailure.into());
        }
        Ok(())
    }

    fn check_upstream(&self, name: &[u8]) -> HostResult<()> {
        let state = self.state.borrow();
        let known = state
            .upstreams
            .as_ref()
            .is_none_or(|upstreams| upstreams.iter().any(|upstream| upstream.as_bytes() == name));
        match self.profile() {
            _ if known => Ok(()),
            Profile::Envoy | Profile::Apisix => Err(Status::BadArgument.into()),
            Profile::Kong => Err(Status::InternalFailure.into()),
        }
    }

    fn start_call(&self, upstream: &[u8], call: AnyCall, timeout: Duration) -> CallToken {
        let mut state = self.state.borrow_mut();
        state.calls_started = state.calls_started.wrapping_add(1);
        // nginx hosts count from 0.
        let token = match self.profile() {
            Profile::Envoy => state.calls_started.max(1),
            Profile::Apisix | Profile::Kong => state.calls_started.wrapping_sub(1),
        };
        let stream = state.stream().map(|_| state.effective);
        let context = state.stream().map_or(state.effective, |stream| stream.root);
        let pending = PendingCall {
            token,
            context,
            stream,
            upstream: upstream.to_vec(),
            call,
            timeout,
        };
        state.calls.insert(token, pending);
        token
    }
}

/// The cluster of an encoded `GrpcService { envoy_grpc { cluster_name } }`; bytes that are none are
/// the name themselves.
fn cluster_of(upstream: &[u8]) -> Vec<u8> {
    let inner = |message| {
        fields(message).find_map(|field| match field {
            Ok((1, Value::Bytes(bytes))) => Some(bytes),
            _ => None,
        })
    };
    let name = inner(upstream).and_then(inner);
    name.unwrap_or(upstream).to_vec()
}
