//! The generic cell rate algorithm: a token bucket in one number.
//!
//! The state of a bucket is its *theoretical arrival time* (TAT): the time at which it is full
//! again. A request of cost `c` at `now` moves it to `max(TAT, now) + c * interval` and passes if
//! that is not more than `burst * interval` ahead of `now`. Admissions over any time `t` are at
//! most `burst + t / interval`, and a clock that stands still or steps back admits nothing.
//!
//! Nothing is rounded. The interval between two units is a fraction of nanoseconds, 1/3 s for
//! `3/s`, so a limit counts time in *ticks*: a nanosecond has as many of them as make the interval
//! a whole number of ticks. For nearly every rate that people write this is one.

use std::time::Duration;

use crate::units::Rate;

/// A rate and a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gcra {
    /// The emission interval: ticks between two units.
    interval: u128,
    /// How many ticks a nanosecond has.
    ticks_per_ns: u64,
    burst: u64,
    /// Ticks in which an empty bucket fills.
    capacity: u128,
}

/// The state of a bucket: the time at which it is full, in ticks of its limit.
pub type Tat = u128;

/// The decision about a request, and the state of its bucket after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It passes; this is the state of the bucket from now on.
    Admit {
        /// The state to store: the theoretical arrival time of the next unit.
        tat: Tat,
    },
    /// It does not pass; nothing changes.
    Refuse {
        /// How long until it would pass, rounded up to a nanosecond; `None` if it never will,
        /// because it costs more than the burst.
        wait: Option<Duration>,
    },
}

impl Gcra {
    /// A bucket that holds `burst` units and gets `rate.count` in every `rate.period`.
    ///
    /// `None` for what cannot be counted: a rate of nothing, no burst, more than a unit in a
    /// nanosecond, or a burst that takes longer than a century to fill.
    #[must_use]
    pub fn new(rate: Rate, burst: u64) -> Option<Self> {
        let period_ns = u64::try_from(rate.period.as_nanos()).ok()?;
        let shared = greatest_common_divisor(period_ns, rate.count);
        let interval = period_ns.checked_div(shared)?;
        let ticks_per_ns = rate.count.checked_div(shared)?;
        let capacity = u128::from(interval).checked_mul(u128::from(burst))?;
        let longest = u128::from(MAX_FILL_NS).checked_mul(u128::from(ticks_per_ns))?;
        let sensible = burst > 0
            && interval >= ticks_per_ns
            && ticks_per_ns <= MAX_TICKS_PER_NS
            && capacity <= longest;
        sensible.then_some(Self {
            interval: interval.into(),
            ticks_per_ns,
            burst,
            capacity,
        })
    }

    /// As [`Gcra::new`], with an interval of whole nanoseconds, rounded up: a little slower than the
    /// rate, never faster, so that the state of a bucket fits 64 bits.
    #[must_use]
    pub fn in_nanoseconds(rate: Rate, burst: u64) -> Option<Self> {
        let period_ns = u64::try_from(rate.period.as_nanos()).ok()?;
        let count = std::num::NonZeroU64::new(rate.count)?;
        let one = Rate {
            count: 1,
            period: Duration::from_nanos(period_ns.div_ceil(count.get())),
        };
        Self::new(one, burst)
    }

    /// A monotonic time in ticks. A clock beyond 146 years is stopped there, so that no sum
    /// overflows.
    #[inline]
    #[must_use]
    pub fn ticks(&self, now_ns: u64) -> Tat {
        times(now_ns.min(MAX_NOW_NS), self.ticks_per_ns.into())
    }

    /// Decides about a request of `cost` units on a bucket at `tat`.
    #[inline]
    #[must_use]
    pub fn decide(&self, tat: Tat, now_ns: u64, cost: u64) -> Decision {
        if cost > self.burst {
            return Decision::Refuse { wait: None };
        }
        let now = self.ticks(now_ns);
        let increment = times(cost, self.interval);
        let new_tat = tat.max(now).saturating_add(increment);
        let latest = now.saturating_add(self.capacity);
        match new_tat.checked_sub(latest) {
            None | Some(0) => Decision::Admit { tat: new_tat },
            Some(excess) => Decision::Refuse {
                wait: Some(self.duration_up(excess)),
            },
        }
    }

    /// The state of a bucket after `cost` units that have been used already, whether they were there
    /// or not: what is beyond the burst is owed, and nothing passes until it has been refilled.
    #[must_use]
    pub fn owe(&self, tat: Tat, now_ns: u64, cost: u64) -> Tat {
        let increment = u128::from(cost).saturating_mul(self.interval);
        let longest = u128::from(MAX_FILL_NS).saturating_mul(self.ticks_per_ns.into());
        let now = self.ticks(now_ns);
        let owed = tat.max(now).saturating_add(increment);
        owed.min(now.saturating_add(longest)).max(tat)
    }

    /// The state of a bucket after a request of `cost` units, charged at `charged_ns`, turns out not
    /// to pass for another reason.
    ///
    /// What is given back is the cost less the time since, for in that time the bucket may have
    /// refilled what the request had taken: had the request never been, the bucket might have been
    /// full and the refill lost. A bucket is never fuller than one that saw only the requests that
    /// passed. Let `D` be how far it is behind such an ideal bucket, in time. A charge adds its cost
    /// to `D`, and `D` shrinks only while the ideal bucket is full, by the time that passes. So `D` is
    /// at least the sum of what could be given back for all charges that are still undecided, each
    /// of which shrinks by the time that passes as well.
    #[must_use]
    pub fn give_back(&self, tat: Tat, charged_ns: u64, now_ns: u64, cost: u64) -> Tat {
        let elapsed = self.ticks(now_ns).saturating_sub(self.ticks(charged_ns));
        let increment = u128::from(cost).saturating_mul(self.interval);
        tat.saturating_sub(increment.saturating_sub(elapsed))
    }

    /// Whole units left in a bucket at `tat`.
    #[inline]
    #[must_use]
    pub fn remaining(&self, tat: Tat, now_ns: u64) -> u64 {
        let used = tat.saturating_sub(self.ticks(now_ns));
        if used == 0 {
            return self.burst;
        }
        divide(self.capacity.saturating_sub(used), self.interval)
    }

    /// How long until a bucket at `tat` is full.
    #[must_use]
    pub fn until_full(&self, tat: Tat, now_ns: u64) -> Duration {
        self.duration_up(tat.saturating_sub(self.ticks(now_ns)))
    }

    /// How long until a bucket at `tat` has one whole unit more; nothing when it is full.
    #[must_use]
    pub fn until_next(&self, tat: Tat, now_ns: u64) -> Duration {
        let used = tat.saturating_sub(self.ticks(now_ns));
        let over = used.saturating_sub(self.capacity);
        let into = used
            .saturating_sub(over)
            .checked_sub(1)
            .and_then(|used| used.checked_rem(self.interval))
            .map_or(0, |rest| rest.saturating_add(1));
        self.duration_up(into.saturating_add(over))
    }

    /// The state of a bucket that is empty at `now_ns`.
    #[must_use]
    pub fn empty(&self, now_ns: u64) -> Tat {
        self.ticks(now_ns).saturating_add(self.capacity)
    }

    /// The most units that one moment can take.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// The time in which an empty bucket fills, rounded up to a nanosecond.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.duration_up(self.capacity)
    }

    /// Everything that the numbers of a bucket depend on: limits that differ in it cannot share
    /// buckets.
    #[must_use]
    pub fn parameters(&self) -> String {
        format!("{}/{}/{}", self.interval, self.ticks_per_ns, self.burst)
    }

    /// Whether a nanosecond is one tick.
    #[must_use]
    pub const fn counts_nanoseconds(&self) -> bool {
        self.ticks_per_ns == 1
    }

    /// A time in nanoseconds, rounded down: to compare buckets of different limits.
    #[must_use]
    pub fn nanoseconds(&self, tat: Tat) -> u64 {
        divide(tat, self.ticks_per_ns.into())
    }

    fn duration_up(&self, ticks: u128) -> Duration {
        let per_ns = u128::from(self.ticks_per_ns);
        let up = ticks.saturating_add(per_ns.saturating_sub(1));
        Duration::from_nanos(divide(up, per_ns))
    }
}

/// A product. Nearly always one of the two is 1, which costs no multiplication of 128 bits.
#[inline]
fn times(number: u64, by: u128) -> u128 {
    match (number, by) {
        (_, 1) => number.into(),
        (1, _) => by,
        _ => u128::from(number).saturating_mul(by),
    }
}

/// Division by something that is not zero. Most numbers fit 64 bits, where it is many times faster.
fn divide(dividend: u128, divisor: u128) -> u64 {
    let short = u64::try_from(dividend)
        .ok()
        .zip(u64::try_from(divisor).ok());
    if let Some((dividend, divisor)) = short {
        return dividend.checked_div(divisor).unwrap_or(0);
    }
    let quotient = dividend.checked_div(divisor).unwrap_or(0);
    u64::try_from(quotient).unwrap_or(u64::MAX)
}

const fn greatest_common_divisor(mut left: u64, mut right: u64) -> u64 {
    while let Some(rest) = left.checked_rem(right) {
        (left, right) = (right, rest);
    }
    left
}

/// The longest time that a bucket may take to fill: a century.
const MAX_FILL_NS: u64 = 100 * 366 * 86_400 * 1_000_000_000;
const MAX_NOW_NS: u64 = 1 << 62;
/// What a rate can count; with it a time fits into 96 bits.
const MAX_TICKS_PER_NS: u64 = 1 << 30;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
