//! Exact, shared, bounded rate limiting for proxy-wasm hosts.
//!
//! [`gcra`] is the algorithm, [`table`] keeps a fixed number of buckets in [`storage`] that all
//! workers share, [`key`] says whose bucket a request counts in, and [`filter`] puts them together.
//! The README describes the configuration.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "an overflow in a test is a failed test"
    )
)]

pub mod config;
pub mod filter;
pub mod gcra;
pub mod headers;
pub mod key;
pub mod set;
pub mod storage;
pub mod table;

pub use filter::TokenBucket;

host::filter!(TokenBucket: request_headers, response_headers);
