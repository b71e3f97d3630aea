//! The host calls on headers, bodies and the stream itself.

use super::HeaderPairs;
use super::calls::{HostResult, trap};
use super::nginx::{listed, path_as_written_on_apisix};
use super::state::Phase;
use super::stream::{Flow, Stream, pairs};
use super::{Failure, FakeHost, LocalReply, Profile};
use crate::{Buffer, Direction, HeaderMap, Status};

impl FakeHost {
    /// Reads a part of a buffer: `proxy_get_buffer_bytes`.
    pub fn get_buffer_bytes(&self, kind: Buffer, start: usize, max: usize) -> HostResult<Vec<u8>> {
        self.enter("proxy_get_buffer_bytes")?;
        let state = self.state.borrow();
        let body = |direction| {
            let flow = state.stream().map(|stream| stream.flow(direction));
            flow.map(|flow| {
                if flow.body_open {
                    flow.body.as_slice()
                } else {
                    &[]
                }
            })
        };
        let bytes = match kind {
            Buffer::RequestBody => body(Direction::Request),
            Buffer::ResponseBody => body(Direction::Response),
            Buffer::HttpCallResponseBody => state.call_response.body.as_deref(),
            Buffer::GrpcReceive => state.call_response.grpc_message.as_deref(),
            Buffer::VmConfiguration => Some(&[][..]),
            Buffer::PluginConfiguration => (state.phase == Phase::Configure
                || self.profile() != Profile::Envoy)
                .then_some(state.plugin_configuration.as_slice()),
        };
        let bytes = bytes.ok_or(Status::NotFound)?;
        match self.profile() {
            Profile::Envoy => {}
            Profile::Apisix | Profile::Kong if bytes.is_empty() => {
                return Err(Status::NotFound.into());
            }
            // It takes the lengths as signed numbers.
            Profile::Apisix if kind != Buffer::PluginConfiguration => {
                let positive = max > 0 && i32::try_from(max).is_ok();
                if !positive || start >= bytes.len() {
                    return Err(Status::BadArgument.into());
                }
            }
            Profile::Kong if kind == Buffer::RequestBody && bytes.len() > KONG_SPOOLS_BEYOND => {
                return Err(Status::NotFound.into());
            }
            Profile::Apisix | Profile::Kong => {}
        }
        let is_body = matches!(kind, Buffer::RequestBody | Buffer::ResponseBody);
        let start = if is_body && self.profile() == Profile::Kong {
            0
        } else {
            start
        };
        let end = start.saturating_add(max).min(bytes.len());
        Ok(bytes.get(start..end).unwrap_or_default().to_vec())
    }

    /// `proxy_set_buffer_bytes`. Envoy replaces a prefix, prepends or appends; Kong cuts the body
    /// at `start` and takes no more than `size` bytes.
    pub fn set_buffer_bytes(
        &self,
        kind: Buffer,
        start: usize,
        size: usize,
        bytes: &[u8],
    ) -> HostResult<()> {
        self.enter("proxy_set_buffer_bytes")?;
        let direction = match kind {
            Buffer::RequestBody => Direction::Request,
            Buffer::ResponseBody => Direction::Response,
            _ => return Err(Status::BadArgument.into()),
        };
        let mut state = self.state.borrow_mut();
        let stream = state.stream_mut().ok_or(Status::BadArgument)?;
        let flow = stream.flow_mut(direction);
        if !flow.body_open {
            return Err(Status::BadArgument.into());
        }
        let length = flow.body.len();
        let has_length = flow.has_length();
        if self.profile() == Profile::Kong
            && kind == Buffer::ResponseBody
            && !has_length
            && flow.received_bytes > KONG_SPINS_BEYOND
            && bytes.len() < length
        {
            return trap("the worker spins: it waits for the rest of a body that got shorter");
        }
        match self.profile() {
            Profile::Kong if start == 0 && size == 0 => {
                flow.body.splice(..0, bytes.iter().copied());
            }
            Profile::Kong => {
                flow.body.truncate(start);
                flow.body.extend(bytes.iter().take(size));
            }
            Profile::Envoy | Profile::Apisix if start == 0 => {
                flow.body.splice(..size.min(length), bytes.iter().copied());
            }
            Profile::Envoy | Profile::Apisix if start >= length => {
                flow.body.extend_from_slice(bytes);
            }
            Profile::Envoy | Profile::Apisix => return Err(Status::BadArgument.into()),
        }
        Ok(())
    }

    /// How many pairs a header map has now, as hosts tell it in the callback: APISIX says 0.
    #[must_use]
    pub fn header_count(&self, map: HeaderMap) -> usize {
        match self.profile() {
            Profile::Apisix => 0,
            Profile::Envoy | Profile::Kong => self.read_map(map, Vec::len).unwrap_or(0),
        }
    }

    /// Lists the headers, as far as the host lists them: `proxy_get_header_map_pairs`.
    pub fn get_header_map_pairs(&self, map: HeaderMap) -> HostResult<HeaderPairs> {
        self.enter("proxy_get_header_map_pairs")?;
        let profile = self.profile();
        if profile == Profile::Apisix && map == HeaderMap::RequestHeaders {
            let hostless = |found: &HeaderPairs| pairs::value(found, b"host").is_err();
            if self.read_map(map, hostless) == Ok(true) {
                return trap("segmentation fault: the request has no host");
            }
        }
        match self.read_map(map, |found| listed(profile, map, found)) {
            // Envoy gives an empty map for one that is not there.
            Err(Failure::Status(Status::BadArgument)) if self.profile() == Profile::Envoy => {
                Ok(HeaderPairs::new())
            }
            other => other,
        }
    }

    /// `proxy_get_header_map_value`: the first one, where there are several.
    pub fn get_header_map_value(&self, map: HeaderMap, name: &[u8]) -> HostResult<Vec<u8>> {
        self.enter("proxy_get_header_map_value")?;
        let logging = self
            .state
            .borrow()
            .stream()
            .is_some_and(|stream| stream.logging);
        match self.read_map(map, |found| pairs::value(found, name)) {
            Ok(value) => Ok(value?),
            Err(Failure::Status(Status::BadArgument)) if logging => Err(Status::NotFound.into()),
            Err(failure) => Err(failure),
        }
    }

    /// Sets a header, and removes further ones of its name: `proxy_replace_header_map_value`.
    pub fn replace_header_map_value(
        &self,
        map: HeaderMap,
        name: &[u8],
        value: &[u8],
    ) -> HostResult<()> {
        self.enter("proxy_replace_header_map_value")?;
        self.keep_what_stays(map, name, 1);
        self.edit_pair(map, name, value, |pairs| pairs::replace(pairs, name, value))
    }

    /// Kong clears what it removes, and sends it on: of a name that is replaced all but the first.
    fn keep_what_stays(&self, map: HeaderMap, name: &[u8], written: usize) {
        let mut state = self.state.borrow_mut();
        if self.profile() != Profile::Kong || map != HeaderMap::RequestHeaders {
            return;
        }
        let Some(stream) = state.stream_mut() else {
            return;
        };
        let flow = &mut stream.flows.request;
        let headers = flow.headers.iter().flatten();
        let all = headers.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let stays: HeaderPairs = all.skip(written).cloned().collect();
        if let Some(unwritten) = flow.unwritten.as_mut().filter(|_| flow.headers_open) {
            unwritten.removed.extend(stays);
        }
    }

    /// Writes a value, where a name may mean something else to this host.
    fn edit_pair(
        &self,
        map: HeaderMap,
        name: &[u8],
        value: &[u8],
        edit: impl FnOnce(&mut HeaderPairs),
    ) -> HostResult<()> {
        if map != HeaderMap::RequestHeaders {
            return self.edit_map(map, edit);
        }
        match (self.profile(), name) {
            (Profile::Apisix, b":authority") => {
                self.edit_map(map, |pairs| pairs::replace(pairs, b":method", value))
            }
            (Profile::Apisix, b":path") => self.edit_map(map, |pairs| {
                let before = pairs::value(pairs, name).unwrap_or_default();
                let path = path_as_written_on_apisix(&before, value);
                pairs::replace(pairs, name, &path);
            }),
            (Profile::Kong, b":path") if value.contains(&b'?') => {
                trap("NYI: cannot set the path of a request with a query")
            }
            (Profile::Kong, b":authority" | b":scheme") => Err(Status::InternalFailure.into()),
            _ => self.edit_map(map, edit),
        }
    }

    /// Adds a header: `proxy_add_header_map_value`.
    pub fn add_header_map_value(
        &self,
        map: HeaderMap,
        name: &[u8],
        value: &[u8],
    ) -> HostResult<()> {
        self.enter("proxy_add_header_map_value")?;
        self.edit_pair(map, name, value, |pairs| pairs::add(pairs, name, value))
    }

    /// Removes all headers of a name: `proxy_remove_header_map_value`.
    pub fn remove_header_map_value(&self, map: HeaderMap, name: &[u8]) -> HostResult<()> {
        self.enter("proxy_remove_header_map_value")?;
        self.keep_what_stays(map, name, 0);
        self.edit_map(map, |pairs| pairs::remove(pairs, name))
    }

    /// Replaces all headers: `proxy_set_header_map_pairs`.
    pub fn set_header_map_pairs(&self, map: HeaderMap, new: HeaderPairs) -> HostResult<()> {
        self.enter("proxy_set_header_map_pairs")?;
        self.edit_map(map, |pairs| *pairs = new)
    }

    /// `proxy_continue_stream`. APISIX does nothing: it waits for the call that the request has
    /// started, and for nothing else.
    pub fn continue_stream(&self, direction: Direction) -> HostResult<()> {
        self.enter("proxy_continue_stream")?;
        if self.profile() == Profile::Apisix {
            return Ok(());
        }
        let mut state = self.state.borrow_mut();
        let envoy = self.profile() == Profile::Envoy;
        if let Some(stream) = state.stream_mut() {
            stream.flow_mut(direction).resume = true;
            if envoy {
                // It lets go of the request, whichever side is resumed.
                stream.flows.request.headers_open = false;
                stream.flows.request.trailers_open = false;
            }
        }
        Ok(())
    }

    /// `proxy_close_stream`. APISIX says that it did, and does nothing.
    pub fn close_stream(&self, _direction: Direction) -> HostResult<()> {
        self.enter("proxy_close_stream")?;
        if self.profile() == Profile::Envoy
            && let Some(stream) = self.state.borrow_mut().stream_mut()
        {
            stream.reset = true;
        }
        Ok(())
    }

    /// Answers the request in place of the upstream: `proxy_send_local_response`.
    pub fn send_local_reply(&self, reply: LocalReply) -> HostResult<()> {
        self.enter("proxy_send_local_response")?;
        let profile = self.profile();
        let mut state = self.state.borrow_mut();
        let Some(stream) = state.stream_mut() else {
            // Envoy takes it and drops it.
            return match profile {
                Profile::Envoy => Ok(()),
                Profile::Apisix | Profile::Kong => Err(Status::BadArgument.into()),
            };
        };
        if profile == Profile::Kong {
            if stream.local_reply.is_some() {
                return trap("a local response is already stashed");
            }
            if stream.flows.response.sent.headers.is_some() {
                return trap("the response is already sent");
            }
        }
        // The first one counts: Envoy ignores those after it.
        stream.local_reply.get_or_insert(reply);
        Ok(())
    }

    fn read_map<T>(&self, map: HeaderMap, read: impl FnOnce(&HeaderPairs) -> T) -> HostResult<T> {
        let profile = self.profile();
        let state = self.state.borrow();
        let found = match map {
            HeaderMap::HttpCallResponseHeaders => state.call_response.headers.as_ref(),
            HeaderMap::HttpCallResponseTrailers if profile == Profile::Envoy => {
                state.call_response.trailers.as_ref()
            }
            HeaderMap::HttpCallResponseTrailers => None,
            _ => state
                .stream()
                .and_then(|stream| readable(stream, map, profile)),
        };
        match found {
            Some(found) => Ok(read(found)),
            None => Err(absent(map, profile).into()),
        }
    }

    fn edit_map(&self, map: HeaderMap, edit: impl FnOnce(&mut HeaderPairs)) -> HostResult<()> {
        let profile = self.profile();
        let mut state = self.state.borrow_mut();
        let phase = state.phase;
        let stream = state.stream_mut().ok_or(Status::BadArgument)?;
        let (flow, is_trailers) = match map {
            HeaderMap::RequestHeaders => (&mut stream.flows.request, false),
            HeaderMap::ResponseHeaders => (&mut stream.flows.response, false),
            HeaderMap::RequestTrailers => (&mut stream.flows.request, true),
            HeaderMap::ResponseTrailers => (&mut stream.flows.response, true),
            HeaderMap::HttpCallResponseHeaders | HeaderMap::HttpCallResponseTrailers => {
                return Err(absent(map, profile).into());
            }
        };
        if is_trailers {
            if profile.has_trailers() && last_chunk_is_shown(flow, phase) {
                flow.trailers_open = true;
                flow.trailers.get_or_insert_default();
            }
            let open = flow.trailers_open && profile.has_trailers();
            let trailers = flow.trailers.as_mut().filter(|_| open);
            edit(trailers.ok_or_else(|| absent(map, profile))?);
            return Ok(());
        }
        let gone = flow.sent.headers.is_some();
        match &mut flow.headers {
            Some(headers) if flow.headers_open && !gone => edit(headers),
            Some(_) if profile == Profile::Kong => return trap("the headers are sent already"),
            // It writes a line to its log and says that it worked.
            Some(_) if profile == Profile::Apisix => {}
            _ => return Err(Status::BadArgument.into()),
        }
        Ok(())
    }
}

fn readable(stream: &Stream, map: HeaderMap, profile: Profile) -> Option<&HeaderPairs> {
    let open = |flag: bool| flag || stream.logging || profile.keeps_headers();
    match map {
        HeaderMap::RequestHeaders => {
            let flow = &stream.flows.request;
            flow.headers.as_ref().filter(|_| open(flow.headers_open))
        }
        HeaderMap::ResponseHeaders => {
            let flow = &stream.flows.response;
            flow.headers.as_ref().filter(|_| open(flow.headers_open))
        }
        _ if !profile.has_trailers() => None,
        HeaderMap::RequestTrailers => {
            let flow = &stream.flows.request;
            flow.trailers.as_ref().filter(|_| flow.trailers_open)
        }
        HeaderMap::ResponseTrailers => {
            let flow = &stream.flows.response;
            let open = flow.trailers_open || stream.logging;
            flow.trailers.as_ref().filter(|_| open)
        }
        HeaderMap::HttpCallResponseHeaders | HeaderMap::HttpCallResponseTrailers => None,
    }
}

/// Envoy makes trailers for a filter that asks for them with the last chunk in its hands.
fn last_chunk_is_shown(flow: &Flow, phase: Phase) -> bool {
    let in_body = matches!(phase, Phase::RequestBody | Phase::ResponseBody);
    in_body && flow.body_open && flow.received_end
}

const fn absent(map: HeaderMap, profile: Profile) -> Status {
    match (map, profile) {
        (HeaderMap::HttpCallResponseHeaders, Profile::Apisix) => Status::NotFound,
        (HeaderMap::RequestHeaders | HeaderMap::ResponseHeaders, _) => Status::BadArgument,
        (_, Profile::Apisix) => Status::Unimplemented,
        _ => Status::BadArgument,
    }
}

/// `client_body_buffer_size`: a longer request body is in a file.
const KONG_SPOOLS_BEYOND: usize = 16_384;
const KONG_SPINS_BEYOND: usize = 8192;
