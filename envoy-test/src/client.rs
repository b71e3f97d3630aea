//! An HTTP client for tests: it sends exactly what it is told, over a connection of its own.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::error::{Context, spelled_out};
use crate::runtime::{block_on, spawn};
use crate::{Error, Result, frames};

/// How long an exchange may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(20);

/// The protocol that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    Http1,
    /// HTTP/2, without TLS by prior knowledge.
    Http2,
}

impl Protocol {
    /// Both, for tests that must hold over either.
    pub const BOTH: [Self; 2] = [Self::Http1, Self::Http2];
}

/// A request that the client sends.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    chunks: Vec<Vec<u8>>,
    trailers: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            host: "gateway.test".to_owned(),
            headers: Vec::new(),
            chunks: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// A GET request for `path`.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// Names the host that the request is for.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Adds a header, whose value may be any bytes that HTTP can carry.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds the header `Authorization: Bearer <token>`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds a piece of the body, sent as a chunk of its own.
    #[must_use]
    pub fn chunk(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.chunks.push(bytes.as_ref().to_vec());
        self
    }

    /// Adds a trailer; the body is then sent without a length.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }
}

/// The response that the client received.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, without the status.
    pub headers: HeaderMap,
    /// The body as far as it came.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: HeaderMap,
    /// Why the body ended before its end, if it did.
    pub broken: Option<String>,
}

impl Response {
    /// A header, or `""` when it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// The body as text, with anything that is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, or `null` when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {:?} {:?}", self.status, self.headers, self.text())?;
        if !self.trailers.is_empty() {
            write!(out, " trailers {:?}", self.trailers)?;
        }
        match &self.broken {
            Some(reason) => write!(out, " (broken: {reason})"),
            None => Ok(()),
        }
    }
}

/// A client of one server.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    server: SocketAddr,
    protocol: Protocol,
}

impl Client {
    /// A client that speaks `protocol` to `server`.
    #[must_use]
    pub fn new(server: SocketAddr, protocol: Protocol) -> Self {
        Self { server, protocol }
    }

    /// Sends one request over a new connection and reads all of the response.
    ///
    /// # Errors
    /// [`Error::Http`] if there was no response at all; a response that broke off is one.
    pub fn send(&self, request: &Request) -> Result<Response> {
        self.connect()?.send(request)
    }

    /// A connection that carries one request after the other.
    ///
    /// # Errors
    /// When the server does not take the connection.
    pub fn connect(&self) -> Result<Connection> {
        block_on(Connection::open(*self))
    }
}

impl Client {
    /// Sends many requests at once: each list over a connection of its own, one request after the
    /// other. Where [`Client::send`] waits for its response on a thread, this keeps the server busy.
    ///
    /// # Errors
    /// When one is not 200.
    pub fn send_all(&self, lists: Vec<Vec<Request>>) -> Result<()> {
        let client = *self;
        block_on(async {
            let mut connections = JoinSet::new();
            for list in lists {
                connections
                    .spawn(async move { Connection::open(client).await?.send_list(&list).await });
            }
            while let Some(ended) = connections.join_next().await {
                ended.map_err(|error| Error::Http {
                    action: format!("sending many requests to {}", client.server),
                    reason: error.to_string(),
                })??;
            }
            Ok(())
        })
    }
}

impl Client {
    /// Sends the same request so many times at once over HTTP/2, a hundred over each connection: their statuses, and 0
    /// where there was no response.
    ///
    /// # Errors
    /// When the server does not take a connection.
    pub fn statuses_at_once(&self, request: &Request, count: usize) -> Result<Vec<u16>> {
        let client = Self {
            protocol: Protocol::Http2,
            ..*self
        };
        block_on(async {
            let mut streams = JoinSet::new();
            while streams.len() < count {
                let Connection { server, sender } = Connection::open(client).await?;
                let Sender::Http2(sender) = sender else {
                    continue;
                };
                for _ in 0..STREAMS_PER_CONNECTION.min(count.saturating_sub(streams.len())) {
                    let sender = Sender::Http2(sender.clone());
                    let (mut stream, request) = (Connection { server, sender }, request.clone());
                    streams.spawn(async move { stream.exchange_in_time(&request).await });
                }
            }
            let responses = streams.join_all().await;
            Ok(responses
                .iter()
                .map(|response| response.as_ref().map_or(0, |response| response.status))
                .collect())
        })
    }
}

const STREAMS_PER_CONNECTION: usize = 100;

/// A connection of a [`Client`].
pub struct Connection {
    server: SocketAddr,
    sender: Sender,
}

enum Sender {
    Http1(http1::SendRequest<frames::Body>),
    Http2(http2::SendRequest<frames::Body>),
}

impl Connection {
    async fn open(client: Client) -> Result<Self> {
        let action = format!("connecting to {}", client.server);
        let stream = TcpStream::connect(client.server).await.context(&action)?;
        stream.set_nodelay(true).context(&action)?;
        Self::over(stream, client.server, client.protocol).await
    }

    /// Speaks HTTP over a connection that is open already.
    pub(crate) async fn over<S>(stream: S, server: SocketAddr, protocol: Protocol) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let action = format!("connecting to {server}");
        let io = TokioIo::new(stream);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await.context(&action)?;
                spawn(connection);
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let executor = TokioExecutor::new();
                let (sender, connection) = http2::handshake(executor, io).await.context(&action)?;
                spawn(connection);
                Sender::Http2(sender)
            }
        };
        Ok(Self { server, sender })
    }

    /// Sends a request and reads all of its response.
    ///
    /// # Errors
    /// [`Error::Http`] if there was no response at all.
    pub fn send(&mut self, request: &Request) -> Result<Response> {
        block_on(self.exchange_in_time(request))
    }

    async fn send_list(&mut self, requests: &[Request]) -> Result<()> {
        for request in requests {
            let response = self.exchange_in_time(request).await?;
            if response.status != 200 {
                return Err(Error::Http {
                    action: format!("{} {}", request.method, request.path),
                    reason: format!("expected 200, got {response:?}"),
                });
            }
        }
        Ok(())
    }

    async fn exchange_in_time(&mut self, request: &Request) -> Result<Response> {
        let what = format!("{} {} to {}", request.method, request.path, self.server);
        let exchange = self.exchange(request, &what);
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| Error::TimedOut {
                what: format!("the response to {what}"),
                seconds: PATIENCE.as_secs(),
            })?
    }

    async fn exchange(&mut self, request: &Request, what: &str) -> Result<Response> {
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await.context(what)?;
                sender
                    .send_request(request.to_hyper(Protocol::Http1)?)
                    .await
            }
            Sender::Http2(sender) => {
                sender.ready().await.context(what)?;
                sender
                    .send_request(request.to_hyper(Protocol::Http2)?)
                    .await
            }
        };
        let (head, body) = response.context(what)?.into_parts();
        let mut response = Response {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Vec::new(),
            trailers: HeaderMap::new(),
            broken: None,
        };
        response.read(body).await;
        Ok(response)
    }
}

impl Response {
    async fn read(&mut self, mut body: Incoming) {
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => self.body.extend_from_slice(&data),
                Ok(Err(rest)) => {
                    if let Ok(trailers) = rest.into_trailers() {
                        self.trailers = trailers;
                    }
                }
                Err(error) => {
                    self.broken = Some(spelled_out(&error));
                    return;
                }
            }
        }
    }
}

impl Request {
    fn to_hyper(&self, protocol: Protocol) -> Result<hyper::Request<frames::Body>> {
        let refused = |reason: String| Error::Http {
            action: format!("writing {} {}", self.method, self.path),
            reason,
        };
        let mut builder = hyper::Request::builder().method(self.method.as_str());
        builder = match protocol {
            Protocol::Http1 => builder.uri(&self.path).header("host", &self.host),
            Protocol::Http2 => builder.uri(format!("http://{}{}", self.host, self.path)),
        };
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value).map_err(|e| refused(e.to_string()))?;
            builder = builder.header(name, value);
        }
        builder
            .body(self.to_body()?)
            .map_err(|e| refused(e.to_string()))
    }

    fn to_body(&self) -> Result<frames::Body> {
        if self.trailers.is_empty() && self.chunks.len() < 2 {
            return Ok(frames::whole(
                self.chunks.first().cloned().unwrap_or_default(),
            ));
        }
        let chunks = self.chunks.iter().cloned();
        let mut all: Vec<_> = chunks
            .map(|chunk| Ok(Frame::data(Bytes::from(chunk))))
            .collect();
        if !self.trailers.is_empty() {
            all.push(Ok(Frame::trailers(header_map(&self.trailers)?)));
        }
        Ok(frames::paced(all, Duration::ZERO))
    }
}

/// Headers as the HTTP library wants them.
pub(crate) fn header_map(headers: &[(String, Vec<u8>)]) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let refused = |reason: String| Error::Http {
            action: format!("writing the header {name}"),
            reason,
        };
        let name = HeaderName::try_from(name).map_err(|e| refused(e.to_string()))?;
        let value = HeaderValue::from_bytes(value).map_err(|e| refused(e.to_string()))?;
        map.append(name, value);
    }
    Ok(map)
}
