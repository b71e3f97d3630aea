//! The generic cell rate algorithm: a token bucket in one number.
//!
//! The state of a bucket is its *theoretical arrival time* (TAT): the time at which it is full
//! again. A request of cost `c` at `now` moves it to `max(TAT, now) + c * interval` and passes if
//! that is not more than `burst * interval` ahead of `now`. Admissions over any time `t` are at
//! most `burst + t / interval`, and a clock that stands still or steps back admits nothing.
//!
//! Times are nanoseconds of a monotonic clock. The interval between two units is rounded up to a
//! whole nanosecond, so that rounding can only admit less, by at most one part in a thousand.

use std::time::Duration;

use policy::units::Rate;

/// A rate and a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    interval_ns: u64,
    burst: u64,
}

/// What became of a request, and the state of its bucket after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes; the bucket is at `tat_ns` from now on.
    Admit {
        /// The new state.
        tat_ns: u64,
    },
    /// It does not pass; nothing changes.
    Refuse {
        /// How long until it would pass; `None` if it never will, because it costs more than the
        /// burst.
        wait: Option<Duration>,
    },
}

impl Gcra {
    /// A bucket that holds `burst` units and gets `rate.count` in every `rate.period`.
    ///
    /// `None` for what cannot be counted: more than a million units a second, no burst, or a burst
    /// that takes longer than a century to fill.
    #[must_use]
    pub fn new(rate: Rate, burst: u64) -> Option<Self> {
        let period_ns = u64::try_from(rate.period.as_nanos()).ok()?;
        let interval_ns = period_ns
            .checked_add(rate.count.checked_sub(1)?)?
            .checked_div(rate.count)?;
        let fill_ns = interval_ns.checked_mul(burst)?;
        let slow_enough = rate.count.checked_mul(MIN_INTERVAL_NS)? <= period_ns;
        let sensible = slow_enough && burst > 0 && fill_ns <= MAX_FILL_NS;
        sensible.then_some(Self { interval_ns, burst })
    }

    /// Decides about a request of `cost` units on a bucket at `tat_ns`.
    #[must_use]
    pub fn decide(&self, tat_ns: u64, now_ns: u64, cost: u64) -> Verdict {
        if cost > self.burst {
            return Verdict::Refuse { wait: None };
        }
        let full_ns = self.burst.saturating_mul(self.interval_ns);
        let increment_ns = cost.saturating_mul(self.interval_ns);
        let new_tat_ns = tat_ns.max(now_ns).saturating_add(increment_ns);
        let latest_ns = now_ns.saturating_add(full_ns);
        match new_tat_ns.checked_sub(latest_ns) {
            None | Some(0) => Verdict::Admit { tat_ns: new_tat_ns },
            Some(excess_ns) => Verdict::Refuse {
                wait: Some(Duration::from_nanos(excess_ns)),
            },
        }
    }

    /// Whole units left in a bucket at `tat_ns`.
    #[must_use]
    pub fn remaining(&self, tat_ns: u64, now_ns: u64) -> u64 {
        let used_ns = tat_ns.saturating_sub(now_ns);
        let full_ns = self.burst.saturating_mul(self.interval_ns);
        full_ns
            .saturating_sub(used_ns)
            .checked_div(self.interval_ns)
            .unwrap_or(0)
    }

    /// How long until a bucket at `tat_ns` is full.
    #[must_use]
    pub const fn until_full(tat_ns: u64, now_ns: u64) -> Duration {
        Duration::from_nanos(tat_ns.saturating_sub(now_ns))
    }

    /// The most units that one moment can take.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// The time in which an empty bucket fills.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_nanos(self.burst.saturating_mul(self.interval_ns))
    }
}

const MIN_INTERVAL_NS: u64 = 1_000;
/// A century.
const MAX_FILL_NS: u64 = 100 * 366 * 86_400 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gcra(rate: &str, burst: u64) -> Gcra {
        Gcra::new(Rate::parse(rate).unwrap(), burst).unwrap()
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limit = gcra("3/s", 5);
        let mut tat = 0;
        let mut admitted = |now, cost| match limit.decide(tat, now, cost) {
            Verdict::Admit { tat_ns } => {
                tat = tat_ns;
                true
            }
            Verdict::Refuse { .. } => false,
        };
        assert_eq!((0..20).filter(|_| admitted(10 * SECOND, 1)).count(), 5);
        assert!(!admitted(10 * SECOND + 333_333_333, 1));
        assert!(admitted(10 * SECOND + 333_333_334, 1));
        assert!(!admitted(10 * SECOND + 333_333_334, 1));
        assert_eq!((0..20).filter(|_| admitted(100 * SECOND, 2)).count(), 2);
    }

    #[test]
    fn says_how_long_to_wait_and_what_is_left() {
        let limit = gcra("1/s", 2);
        let full = SECOND * 7;
        assert_eq!(limit.remaining(0, full), 2);
        let Verdict::Admit { tat_ns } = limit.decide(0, full, 2) else {
            panic!()
        };
        assert_eq!(limit.remaining(tat_ns, full), 0);
        assert_eq!(
            limit.decide(tat_ns, full, 1),
            Verdict::Refuse {
                wait: Some(Duration::from_secs(1))
            }
        );
        assert_eq!(
            limit.decide(tat_ns, full, 3),
            Verdict::Refuse { wait: None }
        );
        assert_eq!(Gcra::until_full(tat_ns, full), Duration::from_secs(2));
    }

    #[test]
    fn refuses_what_cannot_be_counted() {
        let rate = |text| Rate::parse(text).unwrap();
        assert_eq!(Gcra::new(rate("1000001/s"), 1), None);
        assert_eq!(Gcra::new(rate("1/day"), 1_000_000), None);
        assert_eq!(Gcra::new(rate("1/s"), 0), None);
        assert_eq!(Gcra::new(rate("1/s"), u64::MAX), None);
        assert!(Gcra::new(rate("1000000/s"), 1).is_some());
    }

    proptest! {
        /// Over every stretch of any history, no more than burst + rate * time.
        #[test]
        fn never_admits_more_than_the_bound(
            count in 1_u64..1000,
            burst in 1_u64..50,
            steps in proptest::collection::vec((0_u64..500_000_000, 1_u64..4), 1..200),
        ) {
            let limit = Gcra::new(Rate { count, period: Duration::from_secs(1) }, burst).unwrap();
            let (mut now, mut tat) = (SECOND, 0);
            let mut history = Vec::new();
            for (step, cost) in steps {
                now += step;
                if let Verdict::Admit { tat_ns } = limit.decide(tat, now, cost) {
                    tat = tat_ns;
                    history.push((now, cost));
                }
            }
            for (first, (start, _)) in history.iter().enumerate() {
                let mut units = 0_u128;
                for (time, cost) in &history[first..] {
                    units += u128::from(*cost);
                    let earned = u128::from(time - start) * u128::from(count);
                    prop_assert!((units - u128::from(burst).min(units)) * u128::from(SECOND) <= earned);
                }
            }
        }

        #[test]
        fn never_overflows(tat in any::<u64>(), now in any::<u64>(), cost in any::<u64>()) {
            let limit = gcra("7/min", 20);
            let _ = (limit.decide(tat, now, cost), limit.remaining(tat, now));
        }
    }
}
