//! The reference: each filter a plugin of its own, one proxy behind the other, as Envoy has them.
//!
//! Every proxy of [`crate::fake`] plays one filter of the chain by the rules that are checked
//! against real Envoys; here is only what Envoy does between filters: a message that leaves one
//! comes to the next, and a local response to a request begins at the end of the chain and passes
//! those that have seen the request.

use super::scripted::Scripted;
use super::whole::Bed;
use crate::fake::{
    CallResponse, HeaderPairs, Hold, Message, Process, Profile, Proxy, Request, Response,
    StreamProperties,
};
use crate::{ContextId, Direction};

pub(super) struct Separate {
    proxies: Vec<Proxy>,
    streams: Vec<ContextId>,
    /// The filters that have seen the request.
    seen: usize,
    /// So much of what each has let go has been handed to its neighbour.
    handed: [Vec<Handed>; 2],
    properties: StreamProperties,
    request: Request,
    response_has_begun: bool,
    /// The response that a filter has put in place of one that had come.
    direct: Option<Message>,
    is_reset: bool,
    /// A local response has overtaken the request.
    is_replied: bool,
    /// What the upstream has got when the request came to its end that way.
    upstream: Option<Message>,
}

#[derive(Clone, Default)]
struct Handed {
    headers: bool,
    chunks: usize,
    end: bool,
}

impl Separate {
    pub(super) fn new(count: usize) -> Self {
        let process = Process::new(Profile::Envoy);
        let proxies = (0..count).map(|place| {
            let mut proxy = Proxy::native_worker::<Scripted>(&process);
            proxy.configure(place.to_string()).unwrap();
            proxy.leave_replies();
            proxy
        });
        Self {
            proxies: proxies.collect(),
            streams: Vec::new(),
            seen: 0,
            handed: [
                vec![Handed::default(); count],
                vec![Handed::default(); count],
            ],
            properties: StreamProperties::default(),
            request: Request::get("/"),
            response_has_begun: false,
            direct: None,
            is_reset: false,
            is_replied: false,
            upstream: None,
        }
    }

    fn upstream(&self) -> Message {
        let last = self.proxies.len() - 1;
        self.proxies[last].sent(self.streams[last], Direction::Request)
    }

    fn is_over(&self) -> bool {
        self.is_reset || self.direct.is_some()
    }

    /// Moves everything as far as it goes.
    fn pump(&mut self) {
        loop {
            self.is_reset |= (0..self.proxies.len())
                .any(|place| self.proxies[place].is_reset(self.streams[place]));
            if self.is_over() {
                return;
            }
            if !(self.take_replies()
                || self.hand_on(Direction::Request)
                || self.hand_on(Direction::Response))
            {
                return;
            }
        }
    }

    fn take_replies(&mut self) -> bool {
        for place in 0..self.proxies.len() {
            let Some((headers, body)) = self.proxies[place].take_reply(self.streams[place]) else {
                continue;
            };
            let upstream = self.upstream();
            self.upstream.get_or_insert(upstream);
            if self.response_has_begun {
                let client = self.proxies[0].sent(self.streams[0], Direction::Response);
                // The second response of a plugin would be ignored; the chain ends the stream.
                if client.headers.is_some() || self.is_replied {
                    self.is_reset = true;
                } else {
                    self.direct = Some(Message {
                        headers: Some(headers),
                        chunks: vec![body.clone()],
                        body,
                        trailers: None,
                        complete: true,
                    });
                }
                return true;
            }
            self.is_replied = true;
            self.response_has_begun = true;
            let last = self.seen - 1;
            self.respond_at(last, &headers, body.is_empty());
            while self.hand_on(Direction::Response) {}
            if !body.is_empty() {
                let stream = self.streams[last];
                self.proxies[last].respond_chunk(stream, &body, true);
            }
            return true;
        }
        false
    }

    fn respond_at(&mut self, place: usize, headers: &HeaderPairs, end: bool) {
        let mut response = Response::new(200);
        let status = headers.iter().find(|(name, _)| name == b":status");
        if let Some((_, status)) = status {
            response = Response::new(String::from_utf8_lossy(status).parse().unwrap());
        }
        for (name, value) in headers.iter().filter(|(name, _)| name != b":status") {
            response = response.header(&String::from_utf8_lossy(name), value);
        }
        if end {
            self.proxies[place].respond(self.streams[place], &response);
        } else {
            self.proxies[place].respond_headers(self.streams[place], &response);
        }
    }

    /// Hands one thing that a filter has let go to the next one. `true` if there was any.
    fn hand_on(&mut self, direction: Direction) -> bool {
        let count = self.proxies.len();
        // What goes on comes to its end before what follows it.
        for step in 0..count {
            let place = match direction {
                Direction::Request => count - 1 - step,
                Direction::Response => step,
            };
            let next = match direction {
                Direction::Request if self.is_replied => continue,
                Direction::Request if place + 1 < count => place + 1,
                Direction::Response if place > 0 => place - 1,
                _ => continue,
            };
            let sent = self.proxies[place].sent(self.streams[place], direction);
            let handed = self.handed[direction as usize][place].clone();
            let ends_apart = sent.trailers.is_some();
            let mut new = handed.clone();
            let stream = self.streams[next];
            if !handed.headers {
                let Some(headers) = &sent.headers else {
                    continue;
                };
                new.headers = true;
                let end = sent.complete && sent.chunks.is_empty() && !ends_apart;
                new.end = end;
                self.handed[direction as usize][place] = new;
                match direction {
                    Direction::Request => self.start_at(next, headers, end),
                    Direction::Response => self.respond_at(next, headers, end),
                }
                return true;
            }
            if let Some(chunk) = sent.chunks.get(handed.chunks) {
                new.chunks += 1;
                let last = sent.complete && new.chunks == sent.chunks.len() && !ends_apart;
                new.end = last;
                self.handed[direction as usize][place] = new;
                self.chunk(direction, next, stream, chunk, last);
                return true;
            }
            if sent.complete && !handed.end {
                new.end = true;
                self.handed[direction as usize][place] = new;
                match sent.trailers {
                    Some(trailers) if direction == Direction::Request => {
                        self.proxies[next].send_trailers(stream, trailers);
                    }
                    Some(trailers) => self.proxies[next].respond_trailers(stream, trailers),
                    None => self.chunk(direction, next, stream, b"", true),
                }
                return true;
            }
        }
        false
    }

    fn chunk(
        &mut self,
        direction: Direction,
        place: usize,
        stream: ContextId,
        chunk: &[u8],
        end: bool,
    ) {
        match direction {
            Direction::Request => self.proxies[place].send_chunk(stream, chunk, end),
            Direction::Response => self.proxies[place].respond_chunk(stream, chunk, end),
        }
    }

    fn start_at(&mut self, place: usize, headers: &HeaderPairs, end: bool) {
        let mut request = Request::get("/");
        for (name, _) in headers {
            request = request.without(&String::from_utf8_lossy(name));
        }
        for (name, value) in headers {
            request = request.header(&String::from_utf8_lossy(name), value);
        }
        if !end {
            request = request.body("more");
        }
        self.seen = place + 1;
        self.proxies[place].send_headers(self.streams[place], &request);
    }
}

impl Bed for Separate {
    fn start(&mut self, request: &Request) {
        self.request = request.clone().properties(&self.properties);
        for proxy in &mut self.proxies {
            self.streams.push(proxy.open(&self.request));
        }
        self.seen = 1;
        let (request, stream) = (self.request.clone(), self.streams[0]);
        self.proxies[0].send_headers(stream, &request);
        self.pump();
    }

    fn send_chunk(&mut self, chunk: &[u8], end: bool) {
        if self.is_over() || self.is_replied {
            return;
        }
        self.proxies[0].send_chunk(self.streams[0], chunk, end);
        self.pump();
    }

    fn send_trailers(&mut self, trailers: HeaderPairs) {
        if self.is_over() || self.is_replied {
            return;
        }
        self.proxies[0].send_trailers(self.streams[0], trailers);
        self.pump();
    }

    fn arrived(&self) -> bool {
        let last = self.proxies.len() - 1;
        self.proxies[last]
            .sent(self.streams[last], Direction::Request)
            .complete
            && !self.is_over()
            && !self.response_has_begun
    }

    fn respond_headers(&mut self, response: &Response) {
        let last = self.proxies.len() - 1;
        self.response_has_begun = true;
        self.proxies[last].respond_headers(self.streams[last], response);
        self.pump();
    }

    fn respond_chunk(&mut self, chunk: &[u8], end: bool) {
        if self.is_over() {
            return;
        }
        let last = self.proxies.len() - 1;
        self.proxies[last].respond_chunk(self.streams[last], chunk, end);
        self.pump();
    }

    fn respond_trailers(&mut self, trailers: HeaderPairs) {
        if self.is_over() {
            return;
        }
        let last = self.proxies.len() - 1;
        self.proxies[last].respond_trailers(self.streams[last], trailers);
        self.pump();
    }

    fn respond(&mut self, place: usize) -> bool {
        let proxy = &mut self.proxies[place];
        let Some(call) = proxy.host().pending_calls().into_iter().next() else {
            return false;
        };
        proxy.respond_to_call(call.token, CallResponse::http(200, "ok"));
        if !self.is_over() {
            self.pump();
        }
        true
    }

    fn tick(&mut self) {
        for place in 0..self.proxies.len() {
            self.proxies[place].tick();
            self.pump();
        }
    }

    fn holds_headers(&self, direction: Direction) -> bool {
        if self.is_over() || self.is_replied && direction == Direction::Request {
            return false;
        }
        let mut all = self.proxies.iter().zip(&self.streams);
        all.any(|(proxy, stream)| proxy.held(*stream, direction) == Hold::Headers)
    }

    fn finish(&mut self) -> (Message, Message, bool, Option<Vec<u8>>) {
        let upstream = self.upstream.take().unwrap_or_else(|| self.upstream());
        let client = self.proxies[0].sent(self.streams[0], Direction::Response);
        let client = self.direct.take().unwrap_or(client);
        for (proxy, stream) in self.proxies.iter_mut().zip(&self.streams) {
            drop(proxy.finish(*stream));
        }
        let told = self.properties.value("meshward.told");
        (upstream, client, self.is_reset, told)
    }
}
