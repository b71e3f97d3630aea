//! Counts the steps of a search, so that tests can hold every input to a bound without a clock.
//!
//! A step is a look at one byte, or work that takes about as long. The functions of [`crate::bytes`]
//! count by themselves, so a new detector is counted without a line of its own; loops that do not use
//! them say what they cost. In a proxy nothing is counted: the feature `steps` is for tests, fuzzing
//! and benchmarks.

#[cfg(any(test, feature = "steps"))]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts steps, for the tests of costs.
#[inline(always)]
pub(crate) fn step(count: usize) {
    #[cfg(any(test, feature = "steps"))]
    STEPS.with(|steps| {
        steps.set(
            steps
                .get()
                .saturating_add(u64::try_from(count).unwrap_or(u64::MAX)),
        );
    });
    #[cfg(not(any(test, feature = "steps")))]
    let _ = count;
}

/// The steps of this thread since the last call.
#[cfg(any(test, feature = "steps"))]
pub fn take() -> u64 {
    STEPS.with(|steps| steps.replace(0))
}

/// A SHA-256 or Keccak of a few dozen bytes takes about as long as so many steps.
pub(crate) const HASH: usize = 256;
