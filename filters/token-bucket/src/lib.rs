//! Exact, shared, bounded rate limiting for proxy-wasm hosts.
//!
//! [`policy::gcra`] is the algorithm and [`windows`] several of it on one key. [`table`] keeps a fixed
//! number of buckets, in [sets](bucket_set) of sixteen, in a [`storage`] that all workers share, and
//! [`group`] charges several limits or none. [`host::key`] tells clients apart. For
//! limits of a whole fleet [`rls::client`] asks a rate limit service. [`filter`]
//! puts them together; the README describes the configuration.

#![cfg_attr(
    test,
    allow(clippy::restriction, reason = "an overflow in a test is a failed test")
)]

pub mod bucket_set;
pub mod bypass;
pub mod config;
pub mod counters;
pub mod filter;
pub mod group;
mod host_limits;
pub mod ratelimit_headers;
pub mod refusals;
pub mod rls;
pub mod storage;
pub mod storage_key;
pub mod table;
pub mod windows;

pub use filter::TokenBucket;

#[cfg(feature = "module")]
host::filter!(TokenBucket: request_trailers);
