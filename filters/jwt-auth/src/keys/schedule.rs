//! When a key set is fetched: the state machine alone, shared by all VMs of a proxy.
//!
//! There is no way to start a fetch beside it. A fetch is due when the keys grow old, after a
//! back-off when the last one failed, or for the sake of a key that nobody knows, for which there
//! is a small bucket. Whoever fetches holds a lease, which is short and renewed while the fetch
//! goes on, so that a VM that goes away holds up nobody.

use std::time::Duration;

use super::{NS_PER_S, nanoseconds};

/// What all VMs know of the fetches of one key set. Times are of the monotonic clock, which the
/// VMs of a process share; 0 is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Counts the fetches that brought a key set.
    pub generation: u64,
    /// When the last one of them ended.
    pub fetched_ns: u64,
    /// When the last one of them began: what it did not bring was not published then.
    pub fetched_began_ns: u64,
    /// When the next fetch is due.
    pub due_ns: u64,
    /// When the last fetch began.
    pub began_ns: u64,
    /// Until when the one under way counts as under way, if its VM does not say more.
    pub lease_ns: u64,
    /// The VM that holds the lease: a random number.
    pub holder: u64,
    /// When the last fetch that failed ended.
    pub failed_ns: u64,
    /// The bucket of fetches for unknown keys: when it is full again.
    pub bucket_full_ns: u64,
    /// Fetches that have failed since the last one that succeeded.
    pub failures: u32,
    /// Fetches that have brought a key set that no provider could use, since the last one that
    /// brought a better one.
    pub useless: u32,
}

/// How a key set is fetched: of several providers with one address, what is right for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long to wait for a response.
    pub timeout: Duration,
    /// How long fetched keys count as fresh.
    pub cache_duration: Duration,
    /// After [`UNKNOWN_KEY_BURST`] fetches for unknown keys, the time to the next one.
    pub min_refresh: Duration,
}

/// Why a fetch may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The regular fetch is due.
    Scheduled,
    /// For an unknown key; it takes from the bucket.
    UnknownKey,
}

/// What somebody in this VM would like to have fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// A request is at hand that cannot be decided without a fetch.
    pub demanded: bool,
    /// A token names a key that nobody knows.
    pub unknown_key: bool,
}

impl Schedule {
    /// Whether somebody fetches at this moment.
    #[must_use]
    pub const fn is_under_way(&self, now_ns: u64) -> bool {
        self.lease_ns > now_ns
    }

    /// Whether a fetch may start now, and why.
    #[must_use]
    pub fn due(&self, pace: &Pace, wishes: Wishes, now_ns: u64) -> Option<Due> {
        if self.is_under_way(now_ns) {
            return None;
        }
        if self.due_at(pace) <= now_ns
            || (wishes.demanded && self.failures > 0 && self.demand_due_ns() <= now_ns)
        {
            return Some(Due::Scheduled);
        }
        let wants_key = wishes.unknown_key && self.failures == 0;
        (wants_key && self.bucket_wait_ns(pace, now_ns) == 0).then_some(Due::UnknownKey)
    }

    /// How long until a request may have a fetch started that it cannot be decided without.
    #[must_use]
    pub fn demand_wait_ns(&self, pace: &Pace, now_ns: u64) -> u64 {
        let due_ns = self.due_at(pace);
        let due_ns = match self.failures {
            0 => due_ns,
            _ => due_ns.min(self.demand_due_ns()),
        };
        due_ns.saturating_sub(now_ns)
    }

    /// How long until the bucket has a fetch for an unknown key.
    #[must_use]
    pub fn bucket_wait_ns(&self, pace: &Pace, now_ns: u64) -> u64 {
        let interval_ns = nanoseconds(pace.min_refresh);
        let tolerated_ns = interval_ns.saturating_mul(UNKNOWN_KEY_BURST.saturating_sub(1));
        self.bucket_full_ns
            .saturating_sub(now_ns)
            .saturating_sub(tolerated_ns)
    }

    /// A fetch begins: the schedule that says so, which holds once it is the shared one.
    #[must_use]
    pub fn beginning(&self, pace: &Pace, due: Due, holder: u64, now_ns: u64) -> Self {
        let bucket_full_ns = match due {
            Due::Scheduled => self.bucket_full_ns,
            Due::UnknownKey => self
                .bucket_full_ns
                .max(now_ns)
                .saturating_add(nanoseconds(pace.min_refresh)),
        };
        Self {
            began_ns: now_ns,
            lease_ns: now_ns.saturating_add(LEASE_NS),
            holder,
            bucket_full_ns,
            ..*self
        }
    }

    /// The fetch goes on. `None` while that need not be said, and when another VM has taken over.
    #[must_use]
    pub fn renewed(&self, holder: u64, now_ns: u64) -> Option<Self> {
        let runs_out = self.lease_ns.saturating_sub(now_ns) < LEASE_NS / 2;
        (self.holder == holder && self.lease_ns > 0 && runs_out).then(|| Self {
            lease_ns: now_ns.saturating_add(LEASE_NS),
            ..*self
        })
    }

    /// The VM with the lease goes: another one may begin at once. `None` if it has no lease.
    #[must_use]
    pub fn freed(&self, holder: u64) -> Option<Self> {
        (self.holder == holder && self.lease_ns > 0).then_some(Self {
            lease_ns: 0,
            ..*self
        })
    }

    /// The fetch has brought a key set; `useful` says whether some provider could use it. If none
    /// could, the next one follows as after a failure.
    #[must_use]
    pub fn succeeded(
        &self,
        pace: &Pace,
        began_ns: u64,
        useful: bool,
        now_ns: u64,
        jitter: u32,
    ) -> Self {
        let useless = match useful {
            true => 0,
            false => self.useless.saturating_add(1),
        };
        let wait_ns = match useful {
            true => refresh_ns(pace.cache_duration, jitter),
            false => backoff_ns(useless, jitter),
        };
        Self {
            generation: self.generation.saturating_add(1),
            fetched_ns: now_ns,
            fetched_began_ns: began_ns,
            due_ns: now_ns.saturating_add(wait_ns),
            lease_ns: 0,
            failed_ns: if useful { self.failed_ns } else { now_ns },
            failures: 0,
            useless,
            ..*self
        }
    }

    /// The schedule after a fetch that failed.
    #[must_use]
    pub fn failed(&self, now_ns: u64, jitter: u32) -> Self {
        let failures = self.failures.saturating_add(1);
        Self {
            due_ns: now_ns.saturating_add(backoff_ns(failures, jitter)),
            lease_ns: 0,
            failed_ns: now_ns,
            failures,
            ..*self
        }
    }

    /// What was fetched is not where it was shared. It is fetched again, but not at once and less
    /// often each time.
    #[must_use]
    pub fn lost(&self, losses: u32, jitter: u32) -> Self {
        let again_ns = self.began_ns.saturating_add(backoff_ns(losses, jitter));
        Self {
            due_ns: self.due_ns.min(again_ns),
            ..*self
        }
    }

    /// When the next fetch is due, also where the one who wrote it had another `cache_duration`.
    fn due_at(&self, pace: &Pace) -> u64 {
        if self.failures > 0 || self.useless > 0 || self.generation == 0 {
            return self.due_ns;
        }
        let fresh_ns = nanoseconds(pace.cache_duration);
        let latest_ns = fresh_ns.saturating_sub(fresh_ns / 10);
        self.due_ns.min(self.fetched_ns.saturating_add(latest_ns))
    }

    /// When a request may have another try started after a failure: soon, so that requests notice
    /// within two seconds that a provider is back, however long the back-off has grown.
    fn demand_due_ns(&self) -> u64 {
        let doublings = self.failures.saturating_sub(1).min(2);
        let wait_ns = (NS_PER_S / 2).checked_shl(doublings).unwrap_or(NS_PER_S);
        self.failed_ns.saturating_add(wait_ns)
    }

    /// Bytes of the written form.
    pub const BYTES: usize = 1 + 9 * 8 + 2 * 4;

    /// As it is shared: a version, then the numbers, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for number in [
            self.generation,
            self.fetched_ns,
            self.fetched_began_ns,
            self.due_ns,
            self.began_ns,
            self.lease_ns,
            self.holder,
            self.failed_ns,
            self.bucket_full_ns,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.failures.to_le_bytes());
        bytes.extend(self.useless.to_le_bytes());
        bytes
    }

    /// Reads the shared form; `None` for one of another version, or of another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION || bytes.len() != Self::BYTES {
            return None;
        }
        let (rest, useless) = rest.split_last_chunk::<4>()?;
        let (numbers, failures) = rest.split_last_chunk::<4>()?;
        let mut numbers = numbers.as_chunks::<8>().0.iter();
        let mut next = || numbers.next().map(|number| u64::from_le_bytes(*number));
        Some(Self {
            generation: next()?,
            fetched_ns: next()?,
            fetched_began_ns: next()?,
            due_ns: next()?,
            began_ns: next()?,
            lease_ns: next()?,
            holder: next()?,
            failed_ns: next()?,
            bucket_full_ns: next()?,
            failures: u32::from_le_bytes(*failures),
            useless: u32::from_le_bytes(*useless),
        })
    }
}

/// A little before the keys grow stale: a tenth to a sixth earlier, at random, so that proxies
/// that were started together do not fetch together.
fn refresh_ns(cache_duration: Duration, jitter: u32) -> u64 {
    let full_ns = nanoseconds(cache_duration);
    let twentieth_ns = full_ns / 20;
    let early_ns = scaled(twentieth_ns, jitter).saturating_add(full_ns / 10);
    full_ns.saturating_sub(early_ns)
}

/// Half a second, doubled with every failure up to half a minute, of which at least half.
fn backoff_ns(failures: u32, jitter: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(6);
    let full_ns = (NS_PER_S / 2)
        .checked_shl(doublings)
        .unwrap_or(u64::MAX)
        .min(30 * NS_PER_S);
    let half_ns = full_ns / 2;
    half_ns.saturating_add(scaled(half_ns, jitter))
}

/// A share of the span, by a random number.
fn scaled(span_ns: u64, jitter: u32) -> u64 {
    span_ns
        .checked_div(1000)
        .unwrap_or(0)
        .saturating_mul(u64::from(jitter % 1000))
}

/// Fetches for unknown keys that may follow each other at once.
pub const UNKNOWN_KEY_BURST: u64 = 3;
/// A VM whose tick comes every tenth of a second renews it in time.
const LEASE_NS: u64 = 2 * NS_PER_S;
const VERSION: u8 = 2;

#[cfg(test)]
mod tests;
