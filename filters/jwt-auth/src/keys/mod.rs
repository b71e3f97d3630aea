//! The keys of the providers that publish them, and lists that others keep: when they are fetched, and what
//! becomes of them.
//!
//! A [`document`] is a key set or a list as bytes, by its address: fetched once for everybody, whichever
//! provider, worker or VM wants it first, when the shared [`schedule`] allows it. Each provider
//! imports keys from it by its own rules ([`provider_keys`]), so that what one provider cannot use
//! is of no consequence to the next.

pub mod discovery;
pub(crate) mod document;
pub(crate) mod fetched_list;
pub mod provider_keys;
pub mod schedule;
mod shared;
mod unknown_keys;

use std::time::Duration;

/// Why a fetch or an import brought nothing; the code is the metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchError(pub &'static str);

/// A duration as the clocks count.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole seconds that a client is told to wait, at least 1.
pub(crate) fn retry_after_s(wait_ns: u64) -> u64 {
    wait_ns.div_ceil(NS_PER_S).max(1)
}

/// The largest response that is read.
pub const MAX_JWKS_BYTES: usize = 512 * 1024;
/// The largest list that is read.
pub(crate) const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;
pub(crate) const NS_PER_S: u64 = 1_000_000_000;
