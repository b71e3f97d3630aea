//! A message on its way through the proxy, step by step.

use super::HeaderPairs;
use super::attributes::BODY_SWITCHES;
use super::exchange::{Message, Outcome, Outgoing};
use super::nginx::{Unwritten, as_kept_by};
use super::reply;
use super::state::Phase;
use super::stream::{Flow, Hold, Stream, pairs};
use super::{LogLine, Profile, Proxy, Request, Response};
use crate::{Action, ContextId, Direction, HeaderMap};

impl Proxy {
    /// A new stream: creates its context and hands over the request headers.
    pub fn start(&mut self, request: &Request) -> ContextId {
        let stream = self.open(request);
        self.send_headers(stream, request);
        stream
    }

    /// A new stream that has received nothing yet.
    pub(crate) fn open(&mut self, request: &Request) -> ContextId {
        let stream = self.next_stream();
        let root = self.root().unwrap_or(0);
        let properties = request.properties.clone().unwrap_or_default();
        let attributes = request.attributes.clone();
        let mut state = self.host.state.borrow_mut();
        state
            .streams
            .insert(stream, Stream::new(root, properties, attributes));
        drop(state);
        self.call(stream, Phase::None, |plugin| {
            plugin.context_create(stream, root);
        });
        stream
    }

    /// The request headers, after [`Proxy::open`].
    pub(crate) fn send_headers(&mut self, stream: ContextId, request: &Request) {
        let profile = self.host.profile();
        let sent = &request.message.headers;
        if profile == Profile::Kong {
            self.with_flow(stream, Direction::Request, |flow| {
                flow.unwritten = Some(Unwritten::of(sent));
            });
        }
        let headers = as_kept_by(profile, HeaderMap::RequestHeaders, sent);
        let end = !request.message.has_body();
        self.pass_headers(stream, Direction::Request, headers, end);
    }

    /// The body and the trailers of a request, after [`Proxy::start`].
    pub fn send(&mut self, stream: ContextId, request: &Request) {
        self.pass_rest(stream, Direction::Request, &request.message);
    }

    /// A piece of the request body.
    pub fn send_chunk(&mut self, stream: ContextId, chunk: &[u8], end: bool) {
        self.pass_chunk(stream, Direction::Request, chunk, end);
    }

    /// The trailers of a request, which end it.
    pub fn send_trailers(&mut self, stream: ContextId, trailers: HeaderPairs) {
        self.pass_trailers(stream, Direction::Request, trailers);
    }

    /// The trailers of a response, which end it.
    pub fn respond_trailers(&mut self, stream: ContextId, trailers: HeaderPairs) {
        self.pass_trailers(stream, Direction::Response, trailers);
    }

    /// Sends a whole response from the upstream: headers, body and trailers.
    pub fn respond(&mut self, stream: ContextId, response: &Response) {
        let message = &response.message;
        let headers = self.kept_response(&message.headers);
        self.pass_headers(stream, Direction::Response, headers, !message.has_body());
        self.pass_rest(stream, Direction::Response, message);
    }

    /// The headers of a response, and no end yet.
    pub fn respond_headers(&mut self, stream: ContextId, response: &Response) {
        let headers = self.kept_response(&response.message.headers);
        self.pass_headers(stream, Direction::Response, headers, false);
    }

    fn kept_response(&self, headers: &HeaderPairs) -> HeaderPairs {
        match self.host.profile() {
            // It joins no response headers.
            Profile::Envoy => headers.clone(),
            profile => as_kept_by(profile, HeaderMap::ResponseHeaders, headers),
        }
    }

    /// A piece of the response body.
    pub fn respond_chunk(&mut self, stream: ContextId, chunk: &[u8], end: bool) {
        self.pass_chunk(stream, Direction::Response, chunk, end);
    }

    /// The upstream has the whole request.
    #[must_use]
    pub fn request_arrived(&self, stream: ContextId) -> bool {
        let state = self.host.state.borrow();
        let stream = state.streams.get(&stream);
        stream.is_some_and(|stream| stream.flows.request.sent.ended && !stream.is_over())
    }

    /// Whether the request waits for a filter.
    pub(super) fn is_held(&self, stream: ContextId) -> bool {
        let state = self.host.state.borrow();
        let stream = state.streams.get(&stream);
        stream.is_some_and(|stream| stream.flows.request.hold != Hold::No && !stream.is_over())
    }

    /// Where a message is held.
    #[must_use]
    pub fn held(&self, stream: ContextId, direction: Direction) -> Hold {
        let state = self.host.state.borrow();
        let stream = state.streams.get(&stream);
        stream.map_or(Hold::No, |stream| stream.flow(direction).hold)
    }

    fn pass_rest(&mut self, stream: ContextId, direction: Direction, message: &Outgoing) {
        if !message.has_body() {
            return;
        }
        let trailers = message.trailers.is_some();
        let empty = [Vec::new()];
        // nginx has the whole request before it goes on.
        let joined = [message.chunks.concat()];
        let nginx = self.host.profile() != Profile::Envoy && direction == Direction::Request;
        let chunks = if nginx { &joined[..] } else { &message.chunks };
        let apart = if message.end_apart && !nginx {
            &empty[..]
        } else {
            &[]
        };
        let count = chunks.len().saturating_add(apart.len());
        for (place, chunk) in chunks.iter().chain(apart).enumerate() {
            let last = place.saturating_add(1) == count;
            self.pass_chunk(stream, direction, chunk, last && !trailers);
        }
        if let Some(trailers) = &message.trailers {
            self.pass_trailers(stream, direction, trailers.clone());
        }
    }

    pub(super) fn pass_headers(
        &mut self,
        stream: ContextId,
        direction: Direction,
        headers: HeaderPairs,
        end: bool,
    ) {
        let profile = self.host.profile();
        let ready = self.with_flow(stream, direction, |flow| {
            flow.headers = Some(headers);
            flow.headers_open = true;
            flow.received_end = end;
        });
        if !ready {
            return;
        }
        let told_end = match profile {
            Profile::Envoy => end,
            Profile::Apisix => true,
            Profile::Kong => false,
        };
        let action = match direction {
            Direction::Request => self.call(stream, Phase::RequestHeaders, |plugin| {
                plugin.request_headers(stream, told_end)
            }),
            Direction::Response => self.call(stream, Phase::ResponseHeaders, |plugin| {
                plugin.response_headers(stream, told_end)
            }),
        };
        let hold = self.holds(stream, direction, action);
        self.with_flow(stream, direction, |flow| {
            flow.resume = false;
            if hold {
                flow.hold = Hold::Headers;
            } else {
                flow.release_headers();
            }
        });
        self.settle();
    }

    fn pass_chunk(&mut self, stream: ContextId, direction: Direction, chunk: &[u8], end: bool) {
        let mut shown = true;
        let profile = self.host.profile();
        let ready = self.with_flow(stream, direction, |flow| {
            flow.received_end |= end;
            flow.received_bytes = flow.received_bytes.saturating_add(chunk.len());
            if flow.hold == Hold::Headers {
                flow.backlog.extend_from_slice(chunk);
                flow.backlog_has_body = true;
                shown = false;
            } else {
                let kept = profile == Profile::Kong && flow.body.len() > KONG_HOLDS_AT_MOST;
                if flow.hold != Hold::Body || kept {
                    flow.flush();
                }
                flow.body.extend_from_slice(chunk);
            }
        });
        if ready && shown {
            self.show_body(stream, direction, end);
        }
    }

    /// The body callback, with what `flow.body` holds.
    fn show_body(&mut self, stream: ContextId, direction: Direction, end: bool) {
        let profile = self.host.profile();
        let mut size = 0;
        let mut wanted = true;
        let mut end_told = end;
        {
            let mut state = self.host.state.borrow_mut();
            if let Some(stream) = state.streams.get_mut(&stream) {
                if profile == Profile::Apisix {
                    let switch = BODY_SWITCHES.get(direction as usize);
                    let value = switch.and_then(|switch| stream.properties.value(switch));
                    wanted = value.is_some_and(|value| !value.is_empty() && value != b"0");
                }
                let flow = stream.flow_mut(direction);
                flow.body_open = true;
                size = flow.body.len();
                if profile == Profile::Kong && direction == Direction::Response {
                    end_told &=
                        !(flow.has_length() && flow.received_bytes > KONG_ENDS_SILENTLY_BEYOND);
                }
            }
        }
        let action = match direction {
            _ if !wanted => Some(Action::Continue),
            Direction::Request => self.call(stream, Phase::RequestBody, |plugin| {
                plugin.request_body(stream, size, end_told)
            }),
            Direction::Response => self.call(stream, Phase::ResponseBody, |plugin| {
                plugin.response_body(stream, size, end_told)
            }),
        };
        let hold = self.holds(stream, direction, action);
        self.with_flow(stream, direction, |flow| {
            flow.resume = false;
            if hold {
                flow.hold = Hold::Body;
            } else {
                flow.hold = Hold::No;
                flow.flush();
                if end {
                    flow.end();
                }
            }
        });
        self.settle();
    }

    fn pass_trailers(&mut self, stream: ContextId, direction: Direction, trailers: HeaderPairs) {
        let profile = self.host.profile();
        let mut shown = true;
        let ready = self.with_flow(stream, direction, |flow| {
            flow.received_end = true;
            if flow.hold == Hold::Headers {
                flow.backlog_trailers = Some(trailers.clone());
                shown = false;
            } else {
                flow.trailers = Some(trailers.clone());
                flow.trailers_open = true;
                // Only what the host holds can be read and written here.
                flow.body_open = flow.hold == Hold::Body;
            }
        });
        if !ready || !shown {
            return;
        }
        let action = match direction {
            _ if !profile.has_trailers() => Some(Action::Continue),
            Direction::Request => self.call(stream, Phase::RequestTrailers, |plugin| {
                plugin.request_trailers(stream)
            }),
            Direction::Response => self.call(stream, Phase::ResponseTrailers, |plugin| {
                plugin.response_trailers(stream)
            }),
        };
        let hold = self.holds(stream, direction, action);
        self.with_flow(stream, direction, |flow| {
            flow.resume = false;
            if hold {
                flow.hold = Hold::Trailers;
            } else {
                flow.hold = Hold::No;
                flow.flush();
                flow.end();
            }
        });
        self.settle();
    }

    /// Whether the message stops here. A trap stops it for good.
    fn holds(&self, stream: ContextId, direction: Direction, action: Option<Action>) -> bool {
        let state = self.host.state.borrow();
        let replied = state
            .streams
            .get(&stream)
            .is_some_and(|stream| stream.local_reply.is_some() && !stream.replied);
        let calls = state.calls.values().any(|call| call.stream == Some(stream));
        drop(state);
        let of_request = direction == Direction::Request;
        match (action, self.host.profile()) {
            (None, _) => true,
            (Some(_), _) if replied => true,
            (Some(action), Profile::Envoy | Profile::Kong) => action == Action::Pause,
            // It waits for the call whatever the plugin has returned, and takes for granted that
            // there is one where the plugin has paused.
            (Some(Action::Pause), Profile::Apisix) if of_request && !calls => {
                self.host
                    .record_trap("segmentation fault: paused without a call");
                true
            }
            (Some(_), Profile::Apisix) => of_request && calls,
        }
    }

    /// Resumes what is to be resumed and turns local replies into responses. `true` if there was
    /// something to do.
    pub(super) fn settle_streams(&mut self) -> bool {
        let trapped = self.host.trap().is_some();
        let profile = self.host.profile();
        let mut state = self.host.state.borrow_mut();
        let mut due = None;
        for (id, stream) in &mut state.streams {
            if trapped && !stream.failed && !stream.flows.response.sent.ended {
                stream.failed = true;
                stream.replied = false;
                stream.local_reply = Some(reply::of_a_trap(profile));
            }
            // A stream that was reset is gone.
            let replies = !self.leaves_replies && !stream.reset;
            if stream.local_reply.is_some() && !stream.replied && replies {
                due = Some((*id, Due::Reply));
            } else if std::mem::take(&mut stream.flows.request.resume) {
                due = Some((*id, Due::Resume(Direction::Request)));
            } else if std::mem::take(&mut stream.flows.response.resume) {
                due = Some((*id, Due::Resume(Direction::Response)));
            }
            if due.is_some() {
                break;
            }
        }
        drop(state);
        match due {
            None => return false,
            Some((stream, Due::Reply)) => self.reply(stream, trapped),
            Some((stream, Due::Resume(direction))) => self.go_on(stream, direction),
        }
        true
    }

    fn go_on(&mut self, stream: ContextId, direction: Direction) {
        let mut backlog = None;
        let mut trailers = None;
        let mut ended = false;
        self.with_flow(stream, direction, |flow| {
            match std::mem::take(&mut flow.hold) {
                Hold::No => {}
                Hold::Headers => {
                    flow.trailers_open = false;
                    trailers = flow.backlog_trailers.take();
                    ended = flow.received_end && trailers.is_none();
                    if std::mem::take(&mut flow.backlog_has_body) {
                        backlog = Some(std::mem::take(&mut flow.backlog));
                        flow.release_headers_only();
                    } else {
                        flow.release_headers();
                    }
                }
                Hold::Body => {
                    flow.flush();
                    if flow.received_end {
                        flow.end();
                    }
                }
                Hold::Trailers => {
                    flow.flush();
                    flow.end();
                }
            }
        });
        if let Some(backlog) = backlog {
            self.with_flow(stream, direction, |flow| flow.body = backlog);
            self.show_body(stream, direction, ended);
        }
        if let Some(trailers) = trailers {
            self.pass_trailers(stream, direction, trailers);
        }
    }

    /// Changes one half of a stream that is still there. A message that a local reply has
    /// overtaken goes no further.
    pub(super) fn with_flow(
        &self,
        stream: ContextId,
        direction: Direction,
        change: impl FnOnce(&mut Flow),
    ) -> bool {
        let mut state = self.host.state.borrow_mut();
        let Some(stream) = state.streams.get_mut(&stream) else {
            return false;
        };
        if stream.reset || (stream.replied && direction == Direction::Request) {
            return false;
        }
        let flow = stream.flow_mut(direction);
        if flow.sent.ended {
            return false;
        }
        change(flow);
        true
    }
}

enum Due {
    Reply,
    Resume(Direction),
}

impl Stream {
    pub(super) const fn is_over(&self) -> bool {
        self.reset || self.local_reply.is_some()
    }
}

impl Flow {
    fn release_headers(&mut self) {
        self.release_headers_only();
        if self.received_end {
            self.end();
        }
    }

    fn release_headers_only(&mut self) {
        self.hold = Hold::No;
        self.headers_open = false;
        self.sent.headers = self.headers.as_ref().map(|headers| match &self.unwritten {
            Some(unwritten) => unwritten.sent(headers),
            None => headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                .collect(),
        });
    }

    pub(super) fn has_length(&self) -> bool {
        let headers = self.headers.as_ref();
        headers.is_some_and(|headers| pairs::value(headers, b"content-length").is_ok())
    }

    /// Lets the shown body go on.
    fn flush(&mut self) {
        let chunk = std::mem::take(&mut self.body);
        self.body_open = false;
        if !chunk.is_empty() {
            self.sent.chunks.push(chunk);
        }
    }

    pub(super) fn end(&mut self) {
        self.sent.ended = true;
        self.trailers_open = false;
        self.sent.trailers.clone_from(&self.trailers);
    }
}

impl Outcome {
    pub(super) fn of(stream: &Stream, logs: Vec<LogLine>, trap: Option<String>) -> Self {
        Self {
            upstream: Message::new(&stream.flows.request.sent),
            client: Message::new(&stream.flows.response.sent),
            local_reply: stream.local_reply.clone(),
            reset: stream.reset,
            request_held: stream.flows.request.hold,
            response_held: stream.flows.response.hold,
            logs,
            trap,
            properties: stream.properties.clone(),
        }
    }
}

/// Four buffers of 4096 bytes.
const KONG_HOLDS_AT_MOST: usize = 16_384;
/// So long a response with a content-length comes to its end without a word.
const KONG_ENDS_SILENTLY_BEYOND: usize = 8192;
