//! The time of a callback.

use std::cell::OnceCell;

use crate::Host;

/// The time of a callback: each clock is read when somebody wants to know, and once.
pub struct Moment<'h> {
    host: &'h dyn Host,
    monotonic_ns: OnceCell<u64>,
    wall_ns: OnceCell<u64>,
}

impl<'h> Moment<'h> {
    /// Of the callback that is running. No clock is read yet.
    #[must_use]
    pub const fn of(host: &'h dyn Host) -> Self {
        Self {
            host,
            monotonic_ns: OnceCell::new(),
            wall_ns: OnceCell::new(),
        }
    }

    /// On the monotonic clock, nanoseconds.
    #[must_use]
    pub fn monotonic_ns(&self) -> u64 {
        *self.monotonic_ns.get_or_init(|| self.host.monotonic_ns())
    }

    /// On the wall clock, nanoseconds since 1970.
    #[must_use]
    pub fn wall_ns(&self) -> u64 {
        *self.wall_ns.get_or_init(|| self.host.wall_clock_ns())
    }

    /// On the wall clock, milliseconds since 1970.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.wall_ns() / 1_000_000
    }

    /// On the wall clock, seconds since 1970, to a fraction of a microsecond.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds, to a fraction of a microsecond"
    )]
    pub fn wall_s(&self) -> f64 {
        self.wall_ns() as f64 / 1e9
    }
}
