//! The service behind the proxy.
//!
//! Some paths always answer the same, for the demonstration and for trying things by hand; a test
//! sets the response of any other path, down to where the body is cut into chunks.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Frame;
use hyper::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::server::{Exchange, Handler, Server, response};
use crate::Result;
use crate::client::header_map;
use crate::frames::{self, Body};

/// The body of `/patients/7`. Spacing, number spelling and escapes are odd on purpose: a filter
/// that changes anything but the personal data shows.
pub const PATIENT: &str = include_str!("patient.json");

/// A response in the making.
#[derive(Clone, Debug)]
pub struct UpstreamResponse {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    cuts: Vec<usize>,
    trailers: Vec<(String, Vec<u8>)>,
    delay: Duration,
    gap: Duration,
    streamed: bool,
    broken_off: bool,
}

impl UpstreamResponse {
    /// A response with a body of some type.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::untyped(status, body).header("content-type", content_type)
    }

    /// A response with a body and no header beside its length.
    #[must_use]
    pub fn untyped(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            cuts: Vec::new(),
            trailers: Vec::new(),
            delay: Duration::ZERO,
            gap: Duration::ZERO,
            streamed: false,
            broken_off: false,
        }
    }

    /// A 200 response with a JSON body.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "application/json", body)
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sends the body without a length, in pieces that end at these offsets, `gap` apart.
    #[must_use]
    pub fn cut_at(mut self, offsets: &[usize], gap: Duration) -> Self {
        self.cuts = offsets.to_vec();
        self.gap = gap;
        self.streamed = true;
        self
    }

    /// Adds a trailer, and announces it; the body is then sent without a length.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self = self.header("trailer", name);
        self.trailers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self.streamed = true;
        self
    }

    /// Compresses the body and says so.
    ///
    /// # Errors
    /// When the compressor fails.
    pub fn gzip(mut self) -> io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.body)?;
        self.body = encoder.finish()?;
        Ok(self.header("content-encoding", "gzip"))
    }

    /// Delays the response.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Closes the connection where the body should have ended.
    #[must_use]
    pub fn broken_off(mut self) -> Self {
        self.broken_off = true;
        self.streamed = true;
        self
    }

    fn into_http(self) -> hyper::Response<Body> {
        let headers = header_map(&self.headers);
        let trailers = header_map(&self.trailers);
        let (Ok(headers), Ok(trailers)) = (headers, trailers) else {
            return response(500, HeaderMap::new(), frames::whole("not a valid header"));
        };
        let body = if self.streamed {
            frames::paced(self.frames(trailers), self.gap)
        } else {
            frames::whole(self.body)
        };
        response(self.status, headers, body)
    }

    fn frames(&self, trailers: HeaderMap) -> Vec<io::Result<Frame<Bytes>>> {
        let mut frames = Vec::new();
        let mut rest = self.body.as_slice();
        let mut sent = 0;
        for cut in &self.cuts {
            let length = cut.saturating_sub(sent).min(rest.len());
            let (piece, later) = rest.split_at(length);
            rest = later;
            sent += length;
            if !piece.is_empty() {
                frames.push(Ok(Frame::data(Bytes::copy_from_slice(piece))));
            }
        }
        if !rest.is_empty() {
            frames.push(Ok(Frame::data(Bytes::copy_from_slice(rest))));
        }
        if !trailers.is_empty() {
            frames.push(Ok(Frame::trailers(trailers)));
        }
        if self.broken_off {
            frames.push(Err(io::Error::other("broken off on purpose")));
        }
        frames
    }
}

/// A request as it reached the upstream.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: HeaderMap,
}

/// The service behind the proxy.
pub struct Upstream {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    responses: HashMap<String, UpstreamResponse>,
    received: Vec<Received>,
}

impl Upstream {
    /// Starts it; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(listen: SocketAddr) -> Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let handler: Handler = Arc::new(move |exchange| {
            let response = receive(&mut lock(&shared), exchange);
            Box::pin(async move {
                tokio::time::sleep(response.delay).await;
                response.into_http()
            })
        });
        Ok(Self {
            server: Server::start(listen, handler)?,
            state,
        })
    }

    /// The address that the upstream listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sets the response of a path, without its query, from now on.
    pub fn respond_with(&self, path: &str, response: UpstreamResponse) {
        lock(&self.state)
            .responses
            .insert(path.to_owned(), response);
    }

    /// The requests that have reached it, oldest first; they are forgotten with this.
    #[must_use]
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut lock(&self.state).received)
    }
}

/// As many requests are kept for [`Upstream::take_received`]; a benchmark sends more.
const MAX_RECEIVED: usize = 10_000;

fn receive(state: &mut State, exchange: Exchange) -> UpstreamResponse {
    let path = exchange.head.uri.path().to_owned();
    let received = Received {
        method: exchange.head.method.to_string(),
        path: exchange
            .head
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers: exchange.head.headers,
        body: exchange.body.to_vec(),
        trailers: exchange.trailers,
    };
    let response = match state.responses.get(&path) {
        Some(response) => response.clone(),
        None => usual_response(&path, &received),
    };
    if state.received.len() < MAX_RECEIVED {
        state.received.push(received);
    }
    response
}

fn usual_response(path: &str, received: &Received) -> UpstreamResponse {
    match path {
        "/healthz" => UpstreamResponse::new(200, "text/plain", "ok\n"),
        "/patients/7" => UpstreamResponse::json(PATIENT),
        "/echo" => UpstreamResponse::json(echo(received).to_string()),
        _ if path.starts_with("/orders") || path.starts_with("/search") => {
            UpstreamResponse::json(r#"{"orders":[{"id":17,"total":"12.50"}]}"#)
        }
        _ => UpstreamResponse::json(r#"{"error":"there is nothing here"}"#).with_status(404),
    }
}

impl UpstreamResponse {
    fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// The request as JSON; a header that came more than once has all its values.
fn echo(received: &Received) -> Value {
    let mut headers = Map::new();
    for name in received.headers.keys() {
        let values = received.headers.get_all(name).iter();
        let texts: Vec<_> = values
            .map(|v| String::from_utf8_lossy(v.as_bytes()))
            .collect();
        headers.insert(name.to_string(), json!(texts.join(", ")));
    }
    json!({
        "method": received.method,
        "path": received.path,
        "headers": headers,
        "body": String::from_utf8_lossy(&received.body),
    })
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
