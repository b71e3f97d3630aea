//! An audit trail for proxy-wasm hosts, in which loss is prevented or evident.
//!
//! [`record`] says what is written about a request, [`canonical`] how, [`queue`] and [`delivery`]
//! bring it to a collector as [`otlp`] and [`host_log`] to the proxy's log, and [`filter`] puts them
//! together. The README describes the configuration.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "an overflow in a test is a failed test"
    )
)]

pub mod canonical;
pub mod config;
pub mod delivery;
pub mod filter;
pub mod host_log;
mod observe;
pub mod otlp;
pub mod pseudonym;
pub mod queue;
pub mod record;

pub use filter::AuditEmitter;

host::filter!(AuditEmitter: request_headers, response_headers, log, done);
