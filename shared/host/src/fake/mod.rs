//! A host in memory, for tests: what Envoy, APISIX and Kong do, and a proxy to drive a plugin.
//!
//! [`FakeHost`] serves host calls from state that the test sets and reads; it expects nothing. A
//! [`Profile`] says which host it stands for, down to calls that are missing, header maps that
//! are gone and status numbers. [`Proxy`] plays the rest of the proxy around a
//! [`crate::Plugin`]: it creates contexts, hands over messages in chunks, holds what the plugin
//! pauses, resumes, responds to calls and ticks.
//!
//! ```
//! use host::fake::{Profile, Proxy, Request, Response};
//! # use host::{Filter, Startup, Stream};
//! # struct Pass;
//! # struct PassStream;
//! # impl Filter for Pass {
//! #     const NAME: &'static str = "pass";
//! #     type Stream = PassStream;
//! #     fn configure(_: &Startup<'_>) -> Result<Self, policy::config::Problems> {
//! #         Ok(Self)
//! #     }
//! #     fn stream(&mut self, _: u32) -> PassStream { PassStream }
//! # }
//! # impl Stream<Pass> for PassStream {}
//! let mut proxy = Proxy::native::<Pass>(Profile::Envoy);
//! proxy.configure("{}").expect("accepted");
//! let outcome = proxy.run(&Request::get("/orders"), &Response::new(200).body("hello"));
//! assert_eq!(outcome.client().status(), Some(200));
//! assert_eq!(outcome.upstream().body, b"hello"[..0]);
//! ```
//!
//! What it does not model: timing, flow control and buffer limits, HTTP/2 peculiarities, TCP
//! streams, queues, gRPC streams. Where the real hosts disagree with this model, the real hosts
//! are right and the model is to be corrected.

mod attributes;
mod callouts;
mod calls;
mod exchange;
mod faults;
mod host;
mod messages;
mod nginx;
mod process;
mod profile;
mod proxy;
mod reply;
mod route_metadata;
mod state;
mod steps;
mod stream;
#[cfg(test)]
mod tests;

pub use callouts::{AnyCall, PendingCall};
pub use calls::Failure;
pub use exchange::{Message, Outcome, Request, Response};
pub use faults::HOST_CALLS;
pub use process::{Metric, Process};
pub use profile::Profile;
pub use proxy::{CallResponse, Proxy, Refused};
pub use route_metadata::{name_spaces, route_metadata};
pub use state::{FakeHost, LogLine};
pub use stream::{Hold, LocalReply, StreamProperties};

/// Names and values of a header map, in order.
pub type HeaderPairs = Vec<(Vec<u8>, Vec<u8>)>;
