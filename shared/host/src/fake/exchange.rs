//! What goes into a fake proxy and what comes out of it.

use std::collections::BTreeMap;

use policy::decision::Decision;
use policy::filters::{DECISIONS_PROPERTY, IDENTITY_PROPERTY};
use policy::identity::Identity;

use super::HeaderPairs;
use super::stream::{Sent, pairs};
use super::{Hold, LocalReply, LogLine, StreamProperties};
use crate::exchange;

/// A request of a client.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) message: Outgoing,
    pub(super) attributes: BTreeMap<String, Vec<u8>>,
    pub(super) properties: Option<StreamProperties>,
}

impl Request {
    /// A request without a body, with the headers that a proxy always has.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        let request = Self {
            message: Outgoing::default(),
            attributes: BTreeMap::new(),
            properties: None,
        };
        request
            .header(":method", method)
            .header(":scheme", "http")
            .header(":authority", "gateway.example")
            .header(":path", path)
            .header("x-request-id", "5f0c7a3d-9b1e-4c2f-8a6d-0e9b7c5a3f11")
    }

    /// A `GET` request for `path`, without a body.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// `POST` with a body in one piece.
    #[must_use]
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path).body(body)
    }

    /// Takes a header away, also one that `new` has set.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        pairs::remove(&mut self.message.headers, name.as_bytes());
        self
    }

    /// Ends the request with trailers. It comes over HTTP/2 then: Envoy drops the trailers of
    /// HTTP/1.1 unless it is told otherwise.
    #[must_use]
    pub fn trailers(mut self, trailers: &[(&str, &str)]) -> Self {
        self.message.trailers = Some(super::state::text_pairs(trailers));
        self.attributes
            .entry("request\0protocol".to_owned())
            .or_insert_with(|| b"HTTP/2".to_vec());
        self
    }

    /// Sets an attribute of this request, such as `["source", "address"]`.
    #[must_use]
    pub fn attribute(mut self, path: &[&str], value: impl Into<Vec<u8>>) -> Self {
        self.attributes.insert(path.join("\0"), value.into());
        self
    }

    /// The verified caller, as jwt-auth publishes it.
    #[must_use]
    pub fn identity(mut self, identity: &Identity) -> Self {
        let properties = self.properties.get_or_insert_default();
        properties.set(IDENTITY_PROPERTY, identity.to_json());
        self
    }

    /// What the filters before this one have decided, as they publish it.
    #[must_use]
    pub fn decisions(mut self, decisions: &[Decision]) -> Self {
        let properties = self.properties.get_or_insert_default();
        properties.set(DECISIONS_PROPERTY, Decision::list_to_json(decisions));
        self
    }

    /// Shares the properties of the stream with other filters of the chain.
    #[must_use]
    pub fn properties(mut self, properties: &StreamProperties) -> Self {
        self.properties = Some(properties.clone());
        self
    }
}

/// A response of the upstream.
#[derive(Clone, Debug)]
pub struct Response {
    pub(super) message: Outgoing,
}

impl Response {
    /// A response without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        let mut message = Outgoing::default();
        let status = status.to_string();
        pairs::add(&mut message.headers, b":status", status.as_bytes());
        Self { message }
    }

    /// A response with a JSON body in one piece.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200)
            .header("content-type", "application/json")
            .body(body)
    }

    /// Ends the response with trailers.
    #[must_use]
    pub fn trailers(mut self, trailers: &[(&str, &str)]) -> Self {
        self.message.trailers = Some(super::state::text_pairs(trailers));
        self
    }
}

/// What requests and responses have in common: headers and a body.
macro_rules! message_parts {
    ($message:ident) => {
        impl $message {
            /// Adds a header behind those that are there.
            #[must_use]
            pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
                pairs::add(&mut self.message.headers, name.as_bytes(), value.as_ref());
                self
            }

            /// The body in one piece.
            #[must_use]
            pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
                self.chunks([body.into()])
            }

            /// Sets the body, which arrives in these pieces.
            #[must_use]
            pub fn chunks(mut self, chunks: impl IntoIterator<Item = Vec<u8>>) -> Self {
                self.message.chunks = chunks.into_iter().collect();
                self
            }

            /// Ends the body by an empty piece of its own, as HTTP/1.1 does in Envoy.
            #[must_use]
            pub const fn end_apart(mut self) -> Self {
                self.message.end_apart = true;
                self
            }
        }
    };
}

message_parts!(Request);
message_parts!(Response);

#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    pub(super) headers: HeaderPairs,
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) end_apart: bool,
    pub(super) trailers: Option<HeaderPairs>,
}

impl Outgoing {
    pub(super) fn has_body(&self) -> bool {
        self.chunks.iter().any(|chunk| !chunk.is_empty()) || self.trailers.is_some()
    }
}

/// A message as the other side got it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The headers; `None` if none arrived.
    pub headers: Option<HeaderPairs>,
    /// The body, with its pieces joined.
    pub body: Vec<u8>,
    /// The body in the pieces in which it arrived.
    pub chunks: Vec<Vec<u8>>,
    /// Trailers, if there were any.
    pub trailers: Option<HeaderPairs>,
    /// It arrived to its end.
    pub complete: bool,
}

impl Message {
    pub(super) fn new(sent: &Sent) -> Self {
        Self {
            headers: sent.headers.clone(),
            body: sent.chunks.concat(),
            chunks: sent.chunks.clone(),
            trailers: sent.trailers.clone(),
            complete: sent.ended,
        }
    }

    /// The status of a response, from `:status`.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.header(":status")?.parse().ok()
    }

    /// The first value of a header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.header_values(name).into_iter().next()
    }

    /// All values of a header as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<String> {
        let headers = self.headers.iter().flatten();
        headers
            .filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The outcome of one exchange.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(super) upstream: Message,
    pub(super) client: Message,
    /// The local response as the filter sent it.
    pub local_reply: Option<LocalReply>,
    /// The stream was reset: the client sees a broken connection.
    pub reset: bool,
    /// Where the request is held; it never went on from there.
    pub request_held: Hold,
    /// Where the response is held.
    pub response_held: Hold,
    /// What the filter wrote to the log meanwhile.
    pub logs: Vec<LogLine>,
    /// Why the plugin trapped, if it did, now or earlier.
    pub trap: Option<String>,
    /// The properties that filters set on the stream.
    pub properties: StreamProperties,
}

impl Outcome {
    /// The request as the upstream, or the next filter, got it.
    #[must_use]
    pub const fn upstream(&self) -> &Message {
        &self.upstream
    }

    /// The response as the client got it.
    #[must_use]
    pub const fn client(&self) -> &Message {
        &self.client
    }

    /// What the filters have decided.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        let read = |name: &str| self.properties.value(name);
        let identity = read("meshward.identity").and_then(|text| Identity::parse(&text).ok());
        exchange::decisions_of(identity.as_ref(), read)
    }

    /// Whether a log line holds `text`.
    #[must_use]
    pub fn logged(&self, text: &str) -> bool {
        self.logs.iter().any(|line| line.text.contains(text))
    }
}
