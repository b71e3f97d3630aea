//! Exact, shared, bounded rate limiting for proxy-wasm hosts.
//!
//! [`gcra`] is the algorithm and [`windows`] several of it on one key. [`table`] keeps a fixed
//! number of buckets, in [`set`]s of sixteen, in a [`storage`] that all workers share, and
//! [`group`] charges several limits or none. [`key`] says whose bucket a request counts in. For
//! limits of a whole fleet [`fleet`] asks a rate limit service in the words of [`rls`]. [`filter`]
//! puts them together; the README describes the configuration.

#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "an overflow in a test is a failed test"
    )
)]

pub mod bypass;
pub mod config;
pub mod counters;
pub mod filter;
pub mod fleet;
pub mod gcra;
pub mod group;
pub mod key;
pub mod lazy;
pub mod refusals;
pub mod rls;
pub mod rls_json;
pub mod set;
pub mod set_name;
pub mod standing;
pub mod storage;
pub mod table;
pub mod windows;

pub use filter::TokenBucket;

host::filter!(TokenBucket: request_headers, response_headers, done);
