//! Local responses in place of the upstream's, on their way to the client.

use super::HeaderPairs;
use super::nginx::one_for_each_name;
use super::stream::{LocalReply, Stream, pairs};
use super::{Profile, Proxy};
use crate::{ContextId, Direction};

/// What the proxy says when the plugin has trapped.
pub(super) fn of_a_trap(profile: Profile) -> LocalReply {
    LocalReply {
        status: if profile == Profile::Kong { 500 } else { 503 },
        headers: HeaderPairs::new(),
        body: Vec::new(),
        grpc_status: 14,
        details: b"wasm_fail_stream".to_vec(),
    }
}

#[cfg(test)]
impl Proxy {
    /// Leaves local replies to whoever drives this proxy as one of several.
    pub(crate) const fn leave_replies(&mut self) {
        self.leaves_replies = true;
    }

    /// The response that a local reply makes, once.
    pub(crate) fn take_reply(&mut self, id: ContextId) -> Option<(HeaderPairs, Vec<u8>)> {
        let profile = self.host.profile();
        let mut state = self.host.state.borrow_mut();
        let stream = state.streams.get_mut(&id)?;
        let reply = stream.local_reply.clone().filter(|_| !stream.replied)?;
        stream.replied = true;
        Some(response_of(stream, &reply, profile))
    }

    /// What has gone on of a message so far.
    pub(crate) fn sent(&self, id: ContextId, direction: Direction) -> super::Message {
        let state = self.host.state.borrow();
        let stream = state.streams.get(&id);
        stream.map_or_else(super::Message::default, |stream| {
            super::Message::new(&stream.flow(direction).sent)
        })
    }

    /// Whether the stream was reset.
    pub(crate) fn is_reset(&self, id: ContextId) -> bool {
        let state = self.host.state.borrow();
        state.streams.get(&id).is_some_and(|stream| stream.reset)
    }
}

impl Proxy {
    /// Turns the local reply of a stream into its response. During the request it passes the
    /// response callbacks of the filter itself; after the response headers have come it replaces
    /// them, and after they have gone there is nothing left but to break the stream.
    pub(super) fn reply(&mut self, id: ContextId, trapped: bool) {
        let profile = self.host.profile();
        let mut state = self.host.state.borrow_mut();
        let Some(stream) = state.streams.get_mut(&id) else {
            return;
        };
        stream.replied = true;
        let Some(reply) = stream.local_reply.clone() else {
            return;
        };
        let in_response = stream.flows.response.headers.is_some();
        if stream.flows.response.sent.headers.is_some() {
            stream.reset = profile == Profile::Envoy;
            return;
        }
        if in_response && profile == Profile::Apisix && !trapped {
            // The response goes on as if nothing had been said.
            stream.local_reply = None;
            stream.replied = false;
            stream.flows.response.resume = true;
            return;
        }
        let (mut headers, body) = response_of(stream, &reply, profile);
        if in_response && profile == Profile::Kong {
            headers.retain(|(name, _)| name.starts_with(b":"));
        }
        if in_response || trapped {
            let flow = &mut stream.flows.response;
            *flow = super::stream::Flow::default();
            flow.headers = Some(headers.clone());
            flow.sent.headers = Some(headers);
            if !body.is_empty() {
                flow.sent.chunks.push(body);
            }
            flow.end();
            return;
        }
        drop(state);
        let end = body.is_empty();
        self.pass_headers(id, Direction::Response, headers, end);
        if !end {
            self.respond_chunk(id, &body, true);
        }
    }
}

fn response_of(stream: &Stream, reply: &LocalReply, profile: Profile) -> (HeaderPairs, Vec<u8>) {
    let mut headers = HeaderPairs::new();
    let media_type = stream
        .flows
        .request
        .headers
        .as_ref()
        .and_then(|headers| pairs::value(headers, b"content-type").ok())
        .unwrap_or_default();
    if profile == Profile::Envoy && media_type.starts_with(b"application/grpc") {
        let status = u32::try_from(reply.grpc_status).unwrap_or_else(|_| grpc_status(reply.status));
        pairs::add(&mut headers, b":status", b"200");
        pairs::add(&mut headers, b"content-type", b"application/grpc");
        pairs::add(&mut headers, b"grpc-status", status.to_string().as_bytes());
        if !reply.body.is_empty() {
            pairs::add(&mut headers, b"grpc-message", &reply.body);
        }
        for (name, value) in &reply.headers {
            pairs::add(&mut headers, name, value);
        }
        return (headers, Vec::new());
    }
    let (mut body, mut own) = (reply.body.clone(), reply.headers.clone());
    if profile == Profile::Kong {
        own = one_for_each_name(&own);
        if !body.is_empty() {
            body.push(b'\n');
        }
    }
    pairs::add(
        &mut headers,
        b":status",
        reply.status.to_string().as_bytes(),
    );
    if !body.is_empty() {
        let length = body.len().to_string();
        pairs::add(&mut headers, b"content-length", length.as_bytes());
        if pairs::value(&own, b"content-type").is_err() {
            pairs::add(&mut headers, b"content-type", b"text/plain");
        }
    }
    for (name, value) in &own {
        pairs::add(&mut headers, name, value);
    }
    (headers, body)
}

/// How gRPC clients read an HTTP status that carries no grpc-status (grpc/doc/http-grpc-status-mapping).
const fn grpc_status(http: u32) -> u32 {
    match http {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}
