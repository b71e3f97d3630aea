//! One stream as its proxy holds it: two messages on their way, and what is known about them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::HeaderPairs;
use super::nginx::Unwritten;
use crate::per_direction::PerDirection;
use crate::{ContextId, Direction, Status};

/// The properties that the filters of one stream set. Several proxies may hold the same ones: then
/// their filters are of one chain.
#[derive(Clone, Debug, Default)]
pub struct StreamProperties {
    values: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
}

impl StreamProperties {
    /// A property as its filter has set it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        self.values.borrow().get(name).cloned()
    }

    /// Sets one as another filter of the chain would.
    pub fn set(&self, name: &str, value: impl Into<Vec<u8>>) {
        self.values
            .borrow_mut()
            .insert(name.to_owned(), value.into());
    }
}

/// A response that a filter sent in place of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The HTTP status of the local response.
    pub status: u32,
    /// The headers that the filter added.
    pub headers: HeaderPairs,
    /// The body of the local response.
    pub body: Vec<u8>,
    /// grpc-status; negative when the filter left it open.
    pub grpc_status: i32,
    /// The code for the access log.
    pub details: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) root: ContextId,
    pub(super) flows: PerDirection<Flow>,
    pub(super) properties: StreamProperties,
    /// Attributes by path, its segments separated by zero bytes.
    pub(super) attributes: BTreeMap<String, Vec<u8>>,
    pub(super) local_reply: Option<LocalReply>,
    /// The local reply has been turned into a response.
    pub(super) replied: bool,
    pub(super) reset: bool,
    /// The proxy has given up on it because the plugin trapped.
    pub(super) failed: bool,
    /// `on_log` is running: all headers can be read once more.
    pub(super) logging: bool,
}

impl Stream {
    pub(super) fn new(
        root: ContextId,
        properties: StreamProperties,
        attributes: BTreeMap<String, Vec<u8>>,
    ) -> Self {
        Self {
            root,
            flows: PerDirection::default(),
            properties,
            attributes,
            local_reply: None,
            replied: false,
            reset: false,
            failed: false,
            logging: false,
        }
    }

    pub(super) const fn flow(&self, direction: Direction) -> &Flow {
        self.flows.get(direction)
    }

    pub(super) const fn flow_mut(&mut self, direction: Direction) -> &mut Flow {
        self.flows.get_mut(direction)
    }
}

/// One message on its way through the filter.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) headers: Option<HeaderPairs>,
    /// Envoy lets go of the headers when they go on.
    pub(super) headers_open: bool,
    /// What the body buffer shows: the chunk at hand, or all that the host holds.
    pub(super) body: Vec<u8>,
    pub(super) body_open: bool,
    pub(super) trailers: Option<HeaderPairs>,
    pub(super) trailers_open: bool,
    /// The message has ended on the side it comes from.
    pub(super) received_end: bool,
    pub(super) hold: Hold,
    /// What has arrived while the headers were held, and has not been shown yet.
    pub(super) backlog: Vec<u8>,
    pub(super) backlog_has_body: bool,
    pub(super) backlog_trailers: Option<HeaderPairs>,
    pub(super) resume: bool,
    /// So many bytes of the body have come.
    pub(super) received_bytes: usize,
    /// What goes on whatever the plugin has written, on Kong.
    pub(super) unwritten: Option<Unwritten>,
    pub(super) sent: Sent,
}

/// Where a message is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// The direction is not held.
    #[default]
    No,
    /// Its headers, and everything after them.
    Headers,
    /// The body is held.
    Body,
    /// Its trailers, with what is held of the body.
    Trailers,
}

/// What has gone on to the other side, in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) headers: Option<HeaderPairs>,
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) trailers: Option<HeaderPairs>,
    pub(super) ended: bool,
}

/// The edits of a header map. Names compare without case.
pub(super) mod pairs {
    use super::{HeaderPairs, Status};

    pub(in crate::fake) fn value(pairs: &HeaderPairs, name: &[u8]) -> Result<Vec<u8>, Status> {
        let found = pairs
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.clone())
            .ok_or(Status::NotFound)
    }

    pub(in crate::fake) fn add(pairs: &mut HeaderPairs, name: &[u8], value: &[u8]) {
        pairs.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    pub(in crate::fake) fn remove(pairs: &mut HeaderPairs, name: &[u8]) {
        pairs.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    pub(in crate::fake) fn replace(pairs: &mut HeaderPairs, name: &[u8], value: &[u8]) {
        let place = pairs
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(name));
        remove(pairs, name);
        let place = place.unwrap_or(pairs.len()).min(pairs.len());
        pairs.insert(place, (name.to_ascii_lowercase(), value.to_vec()));
    }
}
