//! An audit trail for proxy-wasm hosts, in which loss is prevented or evident.
//!
//! [`record`] says what is written about a request, [`chains`] ties records together, [`queue`],
//! [`delivery`] and [`sink`] bring them to a collector, [`handover`] to the instance that comes
//! after this one, and [`host_log`] to the proxy's log; [`filter`] puts them together. The format is
//! the crate `audit`, and the README describes the configuration.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "an overflow in a test is a failed test"
    )
)]

pub mod chains;
pub mod config;
pub mod delivery;
pub mod filter;
pub mod handover;
pub mod host_log;
mod observe;
pub mod pseudonym;
pub mod queue;
mod random;
pub mod record;
pub mod sink;
mod witness;

pub use filter::AuditEmitter;

host::filter!(AuditEmitter);
