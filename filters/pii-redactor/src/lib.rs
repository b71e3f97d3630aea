//! Streaming, byte-preserving redaction of personal data for proxy-wasm hosts.
//!
//! A body goes through a [`pipeline`]: it is decoded ([`inflate`]), taken apart ([`json`], [`sse`],
//! [`pairs`], [`multipart`], [`text`]) and searched ([`detect`]), piece by piece, and leaves with what
//! the [`plan`] says in the place of what was found. [`config`] reads the configuration, and
//! [`filter`] ties all that to a proxy. The README describes the configuration.

#![allow(
    clippy::manual_is_multiple_of,
    reason = "check digits read as their standards write them"
)]
#![cfg_attr(
    test,
    allow(clippy::restriction, reason = "an overflow in a test is a failed test")
)]

pub mod action;
mod allowed_hosts;
mod budget;
mod bytes;
mod charset;
pub mod config;
pub mod csv;
pub mod custom;
pub mod data_budget;
pub mod detect;
pub mod entity;
pub mod filter;
#[cfg(test)]
mod fixtures;
#[cfg(not(target_os = "wasi"))]
pub mod fuzzing;
pub mod generalize;
pub mod headers;
pub mod inflate;
pub mod json;
pub mod lexicon;
pub mod limits;
mod lines;
pub mod malformed;
mod markup;
pub mod media;
mod member_rules;
pub mod multipart;
mod names;
mod naming;
mod nested;
pub mod pairs;
pub use policy::json_path as paths;
pub mod pipeline;
mod placeholder;
pub mod plan;
pub mod pseudonym;
mod quoting;
mod redaction;
mod rewriter;
mod role;
mod scan;
mod segments;
mod spelled;
pub mod sse;
pub mod steps;
mod swar;
pub mod tally;
pub mod text;
mod trigger;
mod value;
#[cfg(not(target_os = "wasi"))]
pub mod worst_cases;

pub use filter::PiiRedactor;

#[cfg(feature = "module")]
host::filter!(PiiRedactor: request_trailers, response_trailers);
