//! What the parts of a chain have in common.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use policy::ordered_map::OrderedMap;

use super::flow::Flow;
use crate::per_direction::PerDirection;
use crate::waiting::CallMap;
use crate::{Capabilities, ContextId, Direction, HeaderMap, Headers, Host, Status};

/// The streams, the calls and the ticks of a chain, and what its parts have read of the host during
/// the callback at hand.
pub(super) struct Board {
    pub(super) capabilities: Capabilities,
    /// The name of the chain, which the host takes for that of each part.
    pub(super) name: &'static str,
    pub(super) shared: SharedProperties,
    pub(super) root: Cell<Option<ContextId>>,
    /// The target of host calls; `None` while nobody has named one.
    pub(super) effective: Cell<Option<ContextId>>,
    /// The message whose callback the host waits for: it goes on by what that returns.
    pub(super) at_hand: Cell<Option<(ContextId, Direction)>>,
    pub(super) streams: RefCell<OrderedMap<ContextId, StreamBoard>>,
    pub(super) calls: RefCell<CallMap<Caller>>,
    /// Messages that parts want to go on, in the order in which they said so.
    pub(super) resumed: RefCell<VecDeque<Resumed>>,
    pub(super) ticks: RefCell<Ticks>,
    /// The parts that have not finished yet when the plugin is to go.
    pub(super) unfinished: RefCell<Vec<usize>>,
    seen: Seen,
}

/// Which properties of the family leave the chain, and which may come from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedProperties {
    /// Written to the host too, for filters outside the chain and for access logs.
    pub published: Vec<&'static str>,
    /// Read from the host when no part has written them: a filter outside the chain may have.
    pub adopted: Vec<&'static str>,
}

/// One stream, as far as all parts have to do with it.
#[derive(Debug)]
pub(super) struct StreamBoard {
    pub(super) flows: PerDirection<Flow>,
    /// The parts that have seen the request: a local response passes these only.
    pub(super) has_seen_request: Vec<bool>,
    /// The parts that have asked for the bodies, on a host where that must be asked.
    pub(super) wants_body: [Vec<bool>; 2],
    /// How often a part has put an end to the message at hand.
    pub(super) stops: u32,
    /// The part that has responded in place of the upstream.
    pub(super) replied_by: Option<usize>,
    /// The request goes no further.
    pub(super) request_is_over: bool,
    /// No further callback about the response will come.
    pub(super) response_is_over: bool,
    pub(super) properties: Vec<(String, Option<Vec<u8>>)>,
    /// What stays the same for the whole stream: who it comes from.
    pub(super) connection: Vec<Attribute>,
}

pub(super) type Attribute = (String, Result<Vec<u8>, Status>);

impl StreamBoard {
    pub(super) fn new(parts: usize) -> Self {
        Self {
            flows: PerDirection {
                request: Flow::new(parts),
                response: Flow::new(parts),
            },
            has_seen_request: vec![false; parts],
            wants_body: [vec![false; parts], vec![false; parts]],
            stops: 0,
            replied_by: None,
            request_is_over: false,
            response_is_over: false,
            properties: Vec::new(),
            connection: Vec::new(),
        }
    }

    pub(super) const fn flow(&self, direction: Direction) -> &Flow {
        self.flows.get(direction)
    }

    pub(super) const fn flow_mut(&mut self, direction: Direction) -> &mut Flow {
        self.flows.get_mut(direction)
    }

    pub(super) const fn is_over(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.request_is_over,
            Direction::Response => self.response_is_over,
        }
    }
}

/// Who has started a call, and in which context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) place: usize,
    pub(super) context: Option<ContextId>,
}

/// A message that a part wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resumed {
    pub(super) context: ContextId,
    pub(super) direction: Direction,
    pub(super) place: usize,
}

/// How often the host ticks, and when each part is due.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    /// The period that the host was asked for.
    pub(super) period: Option<Duration>,
    /// The tick of each part, by its place.
    pub(super) parts: Vec<Option<PartTick>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PartTick {
    pub(super) period: Duration,
    /// When the part ticks next, in monotonic time.
    pub(super) due_ns: u64,
}

/// What was read during the callback at hand.
#[derive(Default)]
struct Seen {
    wall_ns: Cell<Option<u64>>,
    monotonic_ns: Cell<Option<u64>>,
    headers: RefCell<Vec<(Option<ContextId>, HeaderMap, Headers)>>,
    attributes: RefCell<Vec<(Option<ContextId>, Attribute)>>,
}

impl Board {
    pub(super) fn new(name: &'static str, capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            name,
            shared: SharedProperties::default(),
            root: Cell::new(None),
            effective: Cell::new(None),
            at_hand: Cell::new(None),
            streams: RefCell::default(),
            calls: RefCell::new(CallMap::new()),
            resumed: RefCell::default(),
            ticks: RefCell::default(),
            unfinished: RefCell::default(),
            seen: Seen::default(),
        }
    }

    /// A callback of the host begins: nothing that was read before is certain any more.
    pub(super) fn enter(&self, context: Option<ContextId>) {
        self.effective.set(context);
        self.at_hand.set(None);
        self.seen.wall_ns.set(None);
        self.seen.monotonic_ns.set(None);
        self.seen.headers.borrow_mut().clear();
        self.forget_attributes();
    }

    /// Makes a context the target of host calls. `false` when it is gone.
    pub(super) fn focus(&self, host: &dyn Host, context: ContextId) -> bool {
        if self.effective.get() == Some(context) {
            return true;
        }
        let focused = host.set_effective_context(context).is_ok();
        if focused {
            self.effective.set(Some(context));
        }
        focused
    }

    pub(super) fn with_stream<T>(
        &self,
        context: Option<ContextId>,
        look: impl FnOnce(&mut StreamBoard) -> T,
    ) -> Option<T> {
        self.streams.borrow_mut().get_mut(&context?).map(look)
    }

    pub(super) fn wall_clock_ns(&self, host: &dyn Host) -> u64 {
        remembered(&self.seen.wall_ns, || host.wall_clock_ns())
    }

    pub(super) fn monotonic_ns(&self, host: &dyn Host) -> u64 {
        remembered(&self.seen.monotonic_ns, || host.monotonic_ns())
    }

    /// The headers of a message as they are now.
    pub(super) fn headers(&self, host: &dyn Host, map: HeaderMap) -> Result<Headers, Status> {
        if let Some(known) = self.known_headers(map, Headers::clone) {
            return Ok(known);
        }
        let headers = host.headers(map)?;
        if matches!(map, HeaderMap::RequestHeaders | HeaderMap::ResponseHeaders) {
            let known = (self.effective.get(), map, headers.clone());
            self.seen.headers.borrow_mut().push(known);
        }
        Ok(headers)
    }

    /// Looks at headers that a part has read during this callback.
    pub(super) fn known_headers<T>(
        &self,
        map: HeaderMap,
        look: impl FnOnce(&Headers) -> T,
    ) -> Option<T> {
        let at_hand = self.effective.get();
        let seen = self.seen.headers.borrow();
        let mut known = seen.iter();
        let (_, _, headers) = known.find(|(context, m, _)| (*context, *m) == (at_hand, map))?;
        Some(look(headers))
    }

    /// A part has changed headers: those that are known change in the same way, or are read again.
    pub(super) fn change_headers(
        &self,
        map: HeaderMap,
        change: impl FnOnce(&Headers) -> Option<Headers>,
    ) {
        let at_hand = self.effective.get();
        let mut seen = self.seen.headers.borrow_mut();
        let place = seen
            .iter()
            .position(|(context, m, _)| (*context, *m) == (at_hand, map));
        let Some(place) = place else { return };
        let changed = seen.get(place).and_then(|(_, _, headers)| change(headers));
        match (changed, seen.get_mut(place)) {
            (Some(changed), Some((_, _, headers))) => *headers = changed,
            _ => drop(seen.swap_remove(place)),
        }
    }

    /// An attribute that does not change while a callback runs.
    pub(super) fn attribute(&self, host: &dyn Host, path: &[&str]) -> Result<Vec<u8>, Status> {
        let at_hand = self.effective.get();
        let name = path.join("\0");
        let found = |list: &[Attribute]| {
            let mut known = list.iter();
            known
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.clone())
        };
        let of_connection = matches!(path, ["source", ..])
            || matches!(path, ["connection", name, ..] if *name != "termination_details");
        if of_connection
            && let Some(Some(value)) = self.with_stream(at_hand, |stream| found(&stream.connection))
        {
            return value;
        }
        let known = self
            .seen
            .attributes
            .borrow()
            .iter()
            .find_map(|(context, attribute)| {
                (*context == at_hand).then(|| found(std::slice::from_ref(attribute)))?
            });
        if let Some(value) = known {
            return value;
        }
        let value = host.property(path);
        let attribute = (name, value.clone());
        if of_connection && self.streams.borrow().contains_key(&at_hand.unwrap_or(0)) {
            self.with_stream(at_hand, |stream| stream.connection.push(attribute));
        } else {
            self.seen.attributes.borrow_mut().push((at_hand, attribute));
        }
        value
    }

    pub(super) fn forget_attributes(&self) {
        self.seen.attributes.borrow_mut().clear();
    }
}

fn remembered(cell: &Cell<Option<u64>>, read: impl FnOnce() -> u64) -> u64 {
    let value = cell.get().unwrap_or_else(read);
    cell.set(Some(value));
    value
}
