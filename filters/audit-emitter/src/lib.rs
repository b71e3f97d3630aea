//! An audit trail for proxy-wasm hosts, in which loss is prevented or evident.
//!
//! [`record`] says what is written about a request and [`chains`] ties records together, which
//! `recorder` does for one instance; [`queue`], [`delivery`] and [`sink`] bring them to a collector,
//! which `outbox` does, and `sender` makes the calls. `trail` gives each record its place in a chain
//! and one of these ways, or [`host_log`]; `succession` takes over what other instances leave by
//! [`handover`]. `observe` reads requests, `holding` keeps those that wait for their record,
//! `telemetry` is metrics and log; [`filter`] puts them together. The format is the crate `audit`,
//! and the README describes the configuration.

#![cfg_attr(
    test,
    allow(clippy::restriction, reason = "an overflow in a test is a failed test")
)]

pub mod chains;
pub mod config;
pub mod delivery;
mod destination;
pub mod filter;
pub mod handover;
mod holding;
pub mod host_log;
mod observe;
mod outbox;
pub mod pseudonym;
pub mod queue;
mod random;
pub mod record;
mod recorder;
mod secrets;
mod sender;
pub mod sink;
mod succession;
mod telemetry;
mod trail;
mod witness;

pub use filter::AuditEmitter;

#[cfg(feature = "module")]
host::filter!(AuditEmitter);
