//! Streaming, byte-preserving redaction of personal data for proxy-wasm hosts.
//!
//! [`detect`] knows what personal data looks like, [`scan`] looks for it in text as it streams by,
//! [`json`] rewrites JSON bodies with it, [`fields`] selects members, [`action`] says what takes
//! their place, and [`filter`] puts them together. The README describes the configuration.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "an overflow in a test is a failed test"
    )
)]

pub mod action;
pub mod config;
pub mod detect;
pub mod fields;
pub mod filter;
pub mod json;
pub mod scan;
pub mod string;

pub use filter::PiiRedactor;

host::filter!(PiiRedactor: request_headers, response_headers, response_body, response_trailers, log, done);
