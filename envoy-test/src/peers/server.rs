//! An HTTP server that can be stopped and started again on its port.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::Result;
use crate::error::Context;
use crate::frames::{self, Body};
use crate::runtime::{block_on, spawn};

/// A request that was read to its end.
pub(super) struct Exchange {
    pub(super) head: hyper::http::request::Parts,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

pub(super) type ResponseFuture = Pin<Box<dyn Future<Output = hyper::Response<Body>> + Send>>;

/// What a server does with a request.
pub(super) type Handler = Arc<dyn Fn(Exchange) -> ResponseFuture + Send + Sync>;

/// A server of HTTP/1.1 and HTTP/2 without TLS.
pub(super) struct Server {
    address: SocketAddr,
    handler: Handler,
    running: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts serving at `listen`; port 0 takes a free one.
    pub(super) fn start(listen: SocketAddr, handler: Handler) -> Result<Self> {
        let mut server = Self {
            address: listen,
            handler,
            running: None,
        };
        server.resume()?;
        Ok(server)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves again at the same address after [`Server::stop`].
    pub(super) fn resume(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let action = format!("listening on {}", self.address);
        let listener = block_on(TcpListener::bind(self.address)).context(&action)?;
        self.address = listener.local_addr().context(action)?;
        self.running = Some(spawn(accept(listener, Arc::clone(&self.handler))));
        Ok(())
    }

    /// Closes the port and every connection, at once. Returns when that is done.
    pub(super) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = block_on(running);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(listener: TcpListener, handler: Handler) {
    // The connections end with this set when the server is stopped.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&handler)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, handler: Handler) {
    // Chunks are to leave as they are written.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(request, Arc::clone(&handler)));
    let server = auto::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(
    request: hyper::Request<Incoming>,
    handler: Handler,
) -> io::Result<hyper::Response<Body>> {
    let (head, body) = request.into_parts();
    let collected = body.collect().await.map_err(io::Error::other)?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let body = collected.to_bytes();
    let response = handler(Exchange {
        head,
        body,
        trailers,
    })
    .await;
    match response.extensions().get::<NoResponse>() {
        Some(NoResponse) => Err(io::Error::other("closed without a response on purpose")),
        None => Ok(response),
    }
}

/// Marks the result of [`closed_without_response`].
#[derive(Clone, Copy)]
struct NoResponse;

/// In place of a response: the connection is closed (HTTP/2: the stream is reset).
pub(super) fn closed_without_response() -> hyper::Response<Body> {
    let mut nothing = hyper::Response::new(frames::whole(""));
    nothing.extensions_mut().insert(NoResponse);
    nothing
}

/// A response with a status, headers and a body.
pub(super) fn response(status: u16, headers: HeaderMap, body: Body) -> hyper::Response<Body> {
    let mut response = hyper::Response::new(body);
    let status = hyper::StatusCode::from_u16(status);
    *response.status_mut() = status.unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
