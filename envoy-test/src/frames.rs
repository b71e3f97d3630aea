//! Bodies as sequences of frames.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::runtime::spawn;

/// The body of a request or response that the test bed sends.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// A body that is sent at once, with its length.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

/// Frames that are sent one by one, each only after the one before it was taken and `gap` has
/// passed, so that they reach the other side as separate reads. An error breaks the body off.
pub(crate) fn paced(frames: Vec<io::Result<Frame<Bytes>>>, gap: Duration) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    spawn(async move {
        for frame in frames {
            if sender.send(frame).await.is_err() {
                return;
            }
            if !gap.is_zero() {
                tokio::time::sleep(gap).await;
            }
        }
    });
    Frames(receiver).boxed()
}

/// Frames as they come out of a channel.
struct Frames(mpsc::Receiver<io::Result<Frame<Bytes>>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context)
    }
}
