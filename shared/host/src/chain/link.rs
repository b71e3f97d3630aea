//! The host as one part of a chain sees it.

use std::time::Duration;

use super::board::{Board, Caller, PartTick, Resumed};
use super::part::Event;
use crate::refuse::DETAILS;
use crate::waiting::CallId;
use crate::{
    Buffer, CallToken, ContextId, Direction, GrpcCall, HeaderMap, Headers, Host, HttpCall,
    LocalResponse, LogLevel, MetricId, MetricKind, SharedValue, Status,
};

/// A host between a part and the host of the chain: calls are the part's own, and what the parts
/// tell each other stays here.
pub(super) struct Link<'a> {
    host: &'a dyn Host,
    board: &'a Board,
    /// The place of the part in the chain.
    place: usize,
    part_name: &'static str,
    /// How many parts there are.
    parts: usize,
    /// The callback that is running, if it is one of a stream, and whose.
    running: Option<(ContextId, Event)>,
}

impl<'a> Link<'a> {
    /// The host as the part at `place` sees it, outside of the callbacks of streams.
    pub(super) fn new(
        host: &'a dyn Host,
        board: &'a Board,
        names: &[&'static str],
        place: usize,
    ) -> Self {
        Self {
            host,
            board,
            place,
            part_name: names.get(place).copied().unwrap_or_default(),
            parts: names.len(),
            running: None,
        }
    }

    /// The same in a callback of a stream.
    pub(super) const fn within(mut self, context: ContextId, event: Event) -> Self {
        self.running = Some((context, event));
        self
    }

    fn step(&self, direction: Direction) -> usize {
        super::step_of(self.place, self.parts, direction)
    }

    /// Where the body of the part is in the host's buffer: offset, length, and the length of all of
    /// it. `None` when the part has the buffer for itself.
    fn window(&self, direction: Direction) -> Option<Window> {
        let step = self.step(direction);
        self.board
            .with_stream(self.board.effective.get(), |stream| {
                let flow = stream.flow(direction);
                let segment = flow.segment(step);
                let window = Window {
                    offset: flow.offset(step),
                    bytes: segment.bytes,
                    total: flow.total(),
                    is_held: segment.is_held,
                };
                (window.bytes != window.total).then_some(window)
            })?
    }

    /// The callback that is running is about the body of the stream at hand.
    fn is_in_body(&self, direction: Direction) -> bool {
        matches!(self.running, Some((context, Event::Body(of, _, _)))
            if of == direction && Some(context) == self.board.effective.get())
    }

    fn end_message(&self) {
        self.board
            .with_stream(self.board.effective.get(), |stream| {
                stream.stops = stream.stops.wrapping_add(1);
                stream.request_is_over = true;
                if stream.flows.response.has_begun && self.board.capabilities.replaces_responses() {
                    stream.response_is_over = true;
                }
            });
    }

    /// The name that the user has given the plugin; one that has none goes by that of the part.
    fn own_name(&self, given: Vec<u8>) -> Vec<u8> {
        let bare = given.rsplit(|byte| matches!(byte, b'.' | b'/')).next();
        if bare == Some(self.board.name.as_bytes()) {
            return self.part_name.as_bytes().to_vec();
        }
        given
    }

    /// A property by which filters of the family know each other.
    fn shared_property(&self, name: &str) -> Result<Vec<u8>, Status> {
        let known = self
            .board
            .with_stream(self.board.effective.get(), |stream| {
                let mut known = stream.properties.iter();
                known
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| value.clone())
            });
        match known {
            None => self.host.property(&[name]),
            Some(Some(value)) => value.ok_or(Status::NotFound),
            Some(None) if !self.board.shared.adopted.contains(&name) => Err(Status::NotFound),
            Some(None) => {
                let value = self.host.property(&[name]).ok();
                self.keep_property(name, value.clone());
                value.ok_or(Status::NotFound)
            }
        }
    }

    fn keep_property(&self, name: &str, value: Option<Vec<u8>>) {
        self.board
            .with_stream(self.board.effective.get(), |stream| {
                let known = &mut stream.properties;
                match known.iter_mut().find(|(known, _)| known == name) {
                    Some((_, kept)) => *kept = value,
                    None => known.push((name.to_owned(), value)),
                }
            });
    }

    /// The period that suits all parts, once this one has another. Some hosts take only one.
    fn tick_every(&self, period: Duration) -> Result<(), Status> {
        let changes = self.board.capabilities.changes_tick();
        let ticks = self.board.ticks.borrow();
        let others = ticks.parts.iter().enumerate();
        let others = others.filter(|(place, _)| *place != self.place);
        let shortest = others
            .filter_map(|(_, tick)| tick.map(|tick| tick.period))
            .chain((!period.is_zero()).then_some(period))
            .min();
        let (asked, first) = (ticks.period, ticks.period.is_none());
        drop(ticks);
        let wanted = match shortest {
            Some(period) if !changes => Some(period.min(ONLY_TICK_PERIOD)),
            other => other,
        };
        if wanted != asked && (changes || first) {
            self.host.set_tick_period(wanted.unwrap_or_default())?;
            self.board.ticks.borrow_mut().period = wanted;
        } else if wanted.is_some() && !self.board.capabilities.ticks() {
            return Err(Status::Unimplemented);
        }
        let due_ns = self.host.monotonic_ns().saturating_add(nanoseconds(period));
        let mut ticks = self.board.ticks.borrow_mut();
        if ticks.parts.len() <= self.place {
            ticks.parts.resize(self.place.saturating_add(1), None);
        }
        if let Some(tick) = ticks.parts.get_mut(self.place) {
            *tick = (!period.is_zero()).then_some(PartTick { period, due_ns });
        }
        Ok(())
    }

    fn own_call(&self, call: CallId, token: CallToken) -> CallToken {
        let caller = Caller {
            place: self.place,
            context: self.board.effective.get(),
        };
        self.board.calls.borrow_mut().insert(call, caller);
        token
    }
}

struct Window {
    offset: usize,
    bytes: usize,
    total: usize,
    is_held: bool,
}

impl Host for Link<'_> {
    fn wall_clock_ns(&self) -> u64 {
        self.board.wall_clock_ns(self.host)
    }

    fn monotonic_ns(&self) -> u64 {
        self.board.monotonic_ns(self.host)
    }

    fn running_ns(&self) -> u64 {
        self.host.running_ns()
    }

    fn abi_clock_ns(&self) -> Result<u64, Status> {
        self.host.abi_clock_ns()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Status> {
        self.host.random(bytes)
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        self.host.environment_variable(name)
    }

    fn log(&self, level: LogLevel, line: &str) {
        self.host.log(level, line);
    }

    fn headers(&self, map: HeaderMap) -> Result<Headers, Status> {
        self.board.headers(self.host, map)
    }

    fn header(&self, map: HeaderMap, name: &str) -> Result<Option<Vec<u8>>, Status> {
        // Of several it is for the host to say which it gives.
        let known = self.board.known_headers(map, |headers| {
            let mut values = headers.values(name);
            let (first, second) = (values.next(), values.next());
            (headers.is_complete() && second.is_none()).then(|| first.map(<[u8]>::to_vec))
        });
        match known.flatten() {
            // Hosts leave pseudo-headers out of their lists, and names may be spelled in any case.
            Some(Some(value)) => Ok(Some(value)),
            Some(None) if !name.starts_with(':') && is_lower_case(name) => Ok(None),
            _ => self.host.header(map, name),
        }
    }

    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        self.host.set_header(map, name, value)?;
        self.board.change_headers(map, |headers| {
            self.keeps_as_given(name, value)
                .then(|| headers.with(name, value))
        });
        Ok(())
    }

    fn add_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<(), Status> {
        self.host.add_header(map, name, value)?;
        self.board.change_headers(map, |_| None);
        Ok(())
    }

    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<(), Status> {
        self.host.remove_header(map, name)?;
        self.board.change_headers(map, |headers| {
            self.keeps_as_given(name, b"")
                .then(|| headers.without(name))
        });
        Ok(())
    }

    fn buffer(&self, kind: Buffer, start: usize, max: usize) -> Result<Vec<u8>, Status> {
        let window = direction_of(kind).and_then(|direction| self.window(direction));
        let Some(window) = window else {
            return self.host.buffer(kind, start, max);
        };
        let max = max.min(window.bytes.saturating_sub(start));
        if max == 0 {
            return Ok(Vec::new());
        }
        self.host
            .buffer(kind, window.offset.saturating_add(start), max)
    }

    fn replace_buffer(&self, kind: Buffer, size: usize, bytes: &[u8]) -> Result<(), Status> {
        let Some(direction) = direction_of(kind) else {
            return self.host.replace_buffer(kind, size, bytes);
        };
        match self.window(direction) {
            None => self.host.replace_buffer(kind, size, bytes)?,
            Some(window) if !self.is_in_body(direction) && !window.is_held => {
                return Err(Status::BadArgument);
            }
            Some(window) => {
                // Hosts replace no middle: all of it, with what belongs to others as it was.
                let replaced = size.min(window.bytes);
                let read = |start: usize, bytes: usize| match bytes {
                    0 => Ok(Vec::new()),
                    bytes => self.host.buffer(kind, start, bytes),
                };
                let mut whole = read(0, window.offset)?;
                whole.extend_from_slice(bytes);
                let rest = window.offset.saturating_add(replaced);
                whole.extend(read(rest, window.total.saturating_sub(rest))?);
                self.host.replace_buffer(kind, usize::MAX, &whole)?;
            }
        }
        let step = self.step(direction);
        self.board
            .with_stream(self.board.effective.get(), |stream| {
                if let Some(segment) = stream.flow_mut(direction).segment_mut(step) {
                    let kept = segment.bytes.saturating_sub(size);
                    segment.bytes = kept.saturating_add(bytes.len());
                }
            });
        Ok(())
    }

    fn send_local_response(&self, response: &LocalResponse<'_>) -> Result<(), Status> {
        let effective = self.board.effective.get();
        let earlier = self.board.with_stream(effective, |stream| {
            let is_over = stream.response_is_over;
            stream.replied_by.map(|place| (place, is_over))
        });
        match earlier.flatten() {
            // Of one filter the first response counts, and after the last word nothing does.
            Some((place, is_over)) if place == self.place || is_over => return Ok(()),
            // The host takes one from a plugin, and would let this message pass.
            Some(_) => return self.reset_stream(Direction::Response),
            None => {}
        }
        self.host.send_local_response(response)?;
        self.board.with_stream(effective, |stream| {
            stream.replied_by = Some(self.place);
        });
        self.end_message();
        Ok(())
    }

    fn can_pause(&self) -> bool {
        self.host.can_pause()
    }

    fn resume(&self, direction: Direction) -> Result<(), Status> {
        let effective = self.board.effective.get();
        let known = effective.filter(|context| self.board.streams.borrow().contains_key(context));
        let Some(context) = known else {
            return self.host.resume(direction);
        };
        self.board.resumed.borrow_mut().push_back(Resumed {
            context,
            direction,
            place: self.place,
        });
        Ok(())
    }

    fn reset_stream(&self, direction: Direction) -> Result<(), Status> {
        self.host.reset_stream(direction)?;
        self.end_message();
        Ok(())
    }

    fn set_effective_context(&self, context: ContextId) -> Result<(), Status> {
        if self.board.effective.get() != Some(context) {
            self.host.set_effective_context(context)?;
            self.board.effective.set(Some(context));
        }
        Ok(())
    }

    fn property(&self, path: &[&str]) -> Result<Vec<u8>, Status> {
        match path {
            ["plugin_name" | "plugin_root_id"] => {
                self.host.property(path).map(|name| self.own_name(name))
            }
            [name] if name.starts_with(FAMILY) => self.shared_property(name),
            // They say how far the stream has come.
            ["request", part, ..] if *part != "id" && *part != "protocol" => {
                self.host.property(path)
            }
            ["response", ..] => self.host.property(path).or_else(|status| {
                let effective = self.board.effective.get();
                let replied = self
                    .board
                    .with_stream(effective, |stream| stream.replied_by);
                let is_known = path == DETAILS && replied.flatten().is_some();
                match is_known {
                    true => Ok(b"meshward_".to_vec()),
                    false => Err(status),
                }
            }),
            _ => self.board.attribute(self.host, path),
        }
    }

    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), Status> {
        let effective = self.board.effective.get();
        match path {
            [name]
                if name.starts_with(FAMILY)
                    && self.board.with_stream(effective, |_| ()).is_some() =>
            {
                self.keep_property(name, Some(value.to_vec()));
                if self.board.shared.published.contains(name) {
                    // Where the host keeps none, the parts have it all the same.
                    let _ = self.host.set_property(path, value);
                }
                Ok(())
            }
            _ => {
                let direction = BODY_SWITCHES
                    .iter()
                    .position(|switch| path == [*switch].as_slice());
                if let Some(direction) = direction {
                    let wants = !value.is_empty() && value != b"0";
                    self.board.with_stream(effective, |stream| {
                        let parts = stream.wants_body.get_mut(direction);
                        if let Some(part) = parts.and_then(|parts| parts.get_mut(self.place)) {
                            *part = wants;
                        }
                    });
                }
                self.board.forget_attributes();
                self.host.set_property(path, value)
            }
        }
    }

    fn shared_data(&self, key: &str) -> Result<SharedValue, Status> {
        self.host.shared_data(key)
    }

    fn set_shared_data(&self, key: &str, value: &[u8], cas: Option<u32>) -> Result<(), Status> {
        self.host.set_shared_data(key, value, cas)
    }

    fn can_call(&self) -> bool {
        self.host.can_call()
    }

    fn http_call(&self, call: &HttpCall<'_>) -> Result<CallToken, Status> {
        let token = self.host.http_call(call)?;
        Ok(self.own_call(CallId::Http(token), token))
    }

    fn grpc_call(&self, call: &GrpcCall<'_>) -> Result<CallToken, Status> {
        let token = self.host.grpc_call(call)?;
        Ok(self.own_call(CallId::Grpc(token), token))
    }

    fn cancel_grpc_call(&self, token: CallToken) -> Result<(), Status> {
        let call = CallId::Grpc(token);
        let owner = self.board.calls.borrow().get(call).map(|call| call.place);
        if owner != Some(self.place) {
            return Err(Status::NotFound);
        }
        self.board.calls.borrow_mut().remove(call);
        self.host.cancel_grpc_call(token)
    }

    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, Status> {
        // One of them chooses the route anew.
        self.board.forget_attributes();
        self.host.foreign_function(name, argument)
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, Status> {
        self.host.define_metric(kind, name)
    }

    fn increment_metric(&self, metric: MetricId, offset: i64) -> Result<(), Status> {
        self.host.increment_metric(metric, offset)
    }

    fn record_metric(&self, metric: MetricId, value: u64) -> Result<(), Status> {
        self.host.record_metric(metric, value)
    }

    fn set_tick_period(&self, period: Duration) -> Result<(), Status> {
        self.tick_every(period)
    }

    fn done(&self) -> Result<(), Status> {
        let mut unfinished = self.board.unfinished.borrow_mut();
        let known = unfinished.iter().position(|place| *place == self.place);
        unfinished.swap_remove(known.ok_or(Status::NotFound)?);
        let is_last = unfinished.is_empty();
        drop(unfinished);
        if is_last {
            return self.host.done();
        }
        Ok(())
    }
}

impl Link<'_> {
    /// Whether the host's list of headers changes exactly as the part has said.
    fn keeps_as_given(&self, name: &str, value: &[u8]) -> bool {
        let plain = |byte: &u8| matches!(byte, 0x20..=0x7e) || *byte >= 0x80;
        let trimmed = value.trim_ascii().len() == value.len();
        self.board.capabilities.changes_context()
            && !name.starts_with(':')
            && name != "host"
            && is_lower_case(name)
            && trimmed
            && value.iter().all(plain)
    }
}

fn is_lower_case(name: &str) -> bool {
    !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

const fn direction_of(kind: Buffer) -> Option<Direction> {
    match kind {
        Buffer::RequestBody => Some(Direction::Request),
        Buffer::ResponseBody => Some(Direction::Response),
        _ => None,
    }
}

fn nanoseconds(period: Duration) -> u64 {
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}

/// What the properties of the family begin with.
const FAMILY: &str = "meshward.";
/// The variables by which a plugin asks APISIX for bodies, in the order of the directions.
const BODY_SWITCHES: [&str; 2] = ["wasm_process_req_body", "wasm_process_resp_body"];
/// Of a host that takes one period for good, all parts must make do with multiples.
const ONLY_TICK_PERIOD: Duration = Duration::from_millis(100);
