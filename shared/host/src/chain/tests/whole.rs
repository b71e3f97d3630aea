//! The chain as one plugin.

use super::scripted::ScriptedChain;
use crate::chain::Chain;
use crate::fake::{CallResponse, HeaderPairs, Hold, Message, Profile, Proxy, Request, Response};
use crate::{ContextId, Direction};

/// What the driver of a test can do with a chain, whatever plays it.
pub(super) trait Bed {
    fn start(&mut self, request: &Request);
    fn send_chunk(&mut self, chunk: &[u8], end: bool);
    fn send_trailers(&mut self, trailers: HeaderPairs);
    /// The upstream has the request, and nobody has answered it.
    fn arrived(&self) -> bool;
    fn respond_headers(&mut self, response: &Response);
    fn respond_chunk(&mut self, chunk: &[u8], end: bool);
    fn respond_trailers(&mut self, trailers: HeaderPairs);
    /// Returns the oldest call of a part; `false` if there is none.
    fn respond(&mut self, place: usize) -> bool;
    fn tick(&mut self);
    fn holds_headers(&self, direction: Direction) -> bool;
    /// Upstream, client, whether the stream was reset, and what the filters have told each other.
    fn finish(&mut self) -> (Message, Message, bool, Option<Vec<u8>>);
}

pub(super) struct Whole {
    proxy: Proxy,
    stream: ContextId,
}

impl Whole {
    pub(super) fn new(count: usize) -> Self {
        let mut proxy = Proxy::native::<Chain<ScriptedChain>>(Profile::Envoy);
        proxy.configure(count.to_string()).unwrap();
        Self { proxy, stream: 0 }
    }
}

impl Bed for Whole {
    fn start(&mut self, request: &Request) {
        self.stream = self.proxy.start(request);
    }

    fn send_chunk(&mut self, chunk: &[u8], end: bool) {
        self.proxy.send_chunk(self.stream, chunk, end);
    }

    fn send_trailers(&mut self, trailers: HeaderPairs) {
        self.proxy.send_trailers(self.stream, trailers);
    }

    fn arrived(&self) -> bool {
        self.proxy.request_arrived(self.stream)
    }

    fn respond_headers(&mut self, response: &Response) {
        self.proxy.respond_headers(self.stream, response);
    }

    fn respond_chunk(&mut self, chunk: &[u8], end: bool) {
        self.proxy.respond_chunk(self.stream, chunk, end);
    }

    fn respond_trailers(&mut self, trailers: HeaderPairs) {
        self.proxy.respond_trailers(self.stream, trailers);
    }

    fn respond(&mut self, place: usize) -> bool {
        let upstream = format!("part-{place}");
        let calls = self.proxy.host().pending_calls();
        let call = calls
            .iter()
            .find(|call| call.upstream == upstream.as_bytes());
        call.is_some_and(|call| {
            self.proxy
                .respond_to_call(call.token, CallResponse::http(200, "ok"))
        })
    }

    fn tick(&mut self) {
        self.proxy.advance(std::time::Duration::from_secs(1));
    }

    fn holds_headers(&self, direction: Direction) -> bool {
        self.proxy.held(self.stream, direction) == Hold::Headers
    }

    fn finish(&mut self) -> (Message, Message, bool, Option<Vec<u8>>) {
        let outcome = self.proxy.finish(self.stream);
        assert_eq!(outcome.trap, None);
        (
            outcome.upstream().clone(),
            outcome.client().clone(),
            outcome.reset,
            outcome.properties.value("meshward.told"),
        )
    }
}
