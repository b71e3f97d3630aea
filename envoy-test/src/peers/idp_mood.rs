//! The ways in which an identity provider can let its callers down.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use hyper::header::{HeaderMap, HeaderValue};

use super::server::{self, response};
use crate::frames::{self, Body};

/// How an identity provider treats who asks it for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdpMood {
    /// The provider responds as it should.
    #[default]
    Working,
    /// The provider responds with this status.
    Failing(u16),
    /// Answers with status 200 and a page to sign in, as a captive portal does.
    Garbage,
    /// Answers with status 200 and the start of what it should be.
    Truncated,
    /// Answers with what is asked for, and ten million bytes of padding in it.
    Huge,
    /// Answers with an object that has nothing in it: no keys, no metadata.
    Empty,
    /// Names another issuer than its own in its metadata.
    WrongIssuer,
    /// Sends the caller elsewhere (302), where the response would be.
    Redirecting,
    /// The provider responds after this time.
    Slow(Duration),
    /// Answers byte by byte, so far apart.
    Dripping(Duration),
    /// Closes the connection instead of answering.
    Resetting,
    /// Closes the connection in the middle of its response.
    BreakingOff,
    /// Takes the request and never answers.
    Silent,
}

impl IdpMood {
    /// How the provider responds in this mood.
    pub(super) async fn respond(self, content: Content) -> hyper::Response<Body> {
        let half = content.body.len() / 2;
        match self {
            Self::Working | Self::Empty | Self::WrongIssuer => content.response(),
            Self::Failing(status) => Content::text(status, "not now\n").response(),
            Self::Garbage => Content::new(200, "text/html", "<html>sign in</html>").response(),
            Self::Truncated => content.cut(half).response(),
            Self::Huge => content.padded(10_000_000).response(),
            Self::Redirecting => {
                let mut moved = Content::text(302, "elsewhere\n").response();
                let location = HeaderValue::from_static("/elsewhere");
                moved.headers_mut().insert("location", location);
                moved
            }
            Self::Slow(delay) => {
                tokio::time::sleep(delay).await;
                content.response()
            }
            Self::Dripping(gap) => content.dripping(gap),
            Self::Resetting => server::closed_without_response(),
            Self::BreakingOff => content.cut(half).broken_off(),
            Self::Silent => std::future::pending().await,
        }
    }
}

/// A response before its sender's mood is known.
pub(super) struct Content {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Content {
    fn new(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
        }
    }

    pub(super) fn json(body: &str) -> Self {
        Self::new(200, "application/json", body)
    }

    pub(super) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, "text/plain", body)
    }

    pub(super) fn response(self) -> hyper::Response<Body> {
        self.with_body(frames::whole(self.body.clone()))
    }

    fn cut(mut self, length: usize) -> Self {
        self.body.truncate(length);
        self
    }

    /// Stays the JSON object that it is, with one more member.
    fn padded(mut self, bytes: usize) -> Self {
        let padding = "x".repeat(bytes);
        self.body = self
            .body
            .replacen('{', &format!("{{\"padding\":\"{padding}\","), 1);
        self
    }

    fn dripping(self, gap: Duration) -> hyper::Response<Body> {
        let bytes = self.body.as_bytes().chunks(1);
        let frames = bytes
            .map(|byte| Ok(Frame::data(Bytes::copy_from_slice(byte))))
            .collect();
        self.with_body(frames::paced(frames, gap))
    }

    fn broken_off(self) -> hyper::Response<Body> {
        let start = Bytes::copy_from_slice(self.body.as_bytes());
        let end = io::Error::other("broken off on purpose");
        let frames = vec![Ok(Frame::data(start)), Err(end)];
        self.with_body(frames::paced(frames, Duration::ZERO))
    }

    fn with_body(&self, body: Body) -> hyper::Response<Body> {
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::from_static(self.content_type);
        headers.insert("content-type", content_type);
        response(self.status, headers, body)
    }
}
