//! The test bed of Meshward: what the filters are tried in, and with whom.
//!
//! - [`envoy`] starts a real Envoy from the configuration that users read.
//! - [`peers`] are the servers around it: an upstream, an identity provider, a collector.
//! - [`vm`] runs the built modules in an in-process host, [`cases`] the case files of the filters.
//! - [`client`] sends requests and reads responses without smoothing anything over,
//!   [`tls_client`] does so over TLS with [`certificates`] made for the test.
//!
//! The test bed runs natively, in real time and against real sockets. It is no part of what is
//! shipped.

#![allow(clippy::disallowed_methods, reason = "the test bed lives in real time")]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "an overflow in a test bed is a failed test, not a lost proxy"
)]

#[cfg(feature = "bed")]
pub mod cases;
#[cfg(feature = "bed")]
pub mod certificates;
pub mod client;
pub mod envoy;
mod error;
mod frames;
pub mod paths;
pub mod peers;
pub mod readme;
mod runtime;
#[cfg(feature = "bed")]
pub mod tls_client;
#[cfg(feature = "bed")]
pub mod trail;
#[cfg(feature = "bed")]
pub mod vm;

pub use error::{Error, Result};
pub use paths::{BUNDLE, ENVOY_VERSION, ENVOY_VERSIONS, FILTERS};
pub use runtime::{output_of, poll, wait_for_interrupt};
