//! The keys of a provider that are fetched: when, and for how long they serve.
//!
//! They are fetched before they are needed, once for everybody who waits, and again when a token
//! names a key that nobody knows. This is the state machine alone; [`crate::fetch`] makes the calls
//! and shares the outcome among the workers. Whatever goes wrong, keys that were fetched serve
//! until they are too old, and the next try waits longer than the last.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use policy::json::Json;

use crate::config::FetchSettings;
use crate::jose::{KeyRules, KeySet, SkippedKey};

/// The keys of a provider and when they are to be fetched.
#[derive(Debug)]
pub struct RemoteKeys {
    settings: FetchSettings,
    rules: KeyRules,
    keys: Option<Fetched>,
    schedule: Schedule,
    /// Since when a fetch is wanted for the sake of an unknown key.
    wanted_ns: Option<u64>,
    unknown: UnknownKeys,
}

#[derive(Debug)]
struct Fetched {
    set: KeySet,
    at_ns: u64,
    generation: u64,
}

/// What all workers of a proxy know of the fetches of one provider. Times are of the monotonic
/// clock; 0 is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Counts the successful fetches.
    pub generation: u64,
    /// When the last one succeeded.
    pub fetched_ns: u64,
    /// When the next one is due.
    pub due_ns: u64,
    /// When the last one began.
    pub began_ns: u64,
    /// Until when the one under way may take.
    pub lease_ns: u64,
    /// Fetches that have failed since the last one that succeeded.
    pub failures: u32,
}

/// What is known about the keys at this moment.
#[derive(Debug)]
pub enum Availability<'k> {
    /// These serve.
    Keys(&'k KeySet),
    /// None yet, but a fetch is under way or due at once.
    Soon,
    /// None, and the last try failed: so long until the next one.
    Unavailable {
        /// Whole seconds, at least 1.
        retry_after_s: u64,
    },
}

/// Why an answer brought no keys; the code is the metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchError(pub &'static str);

impl RemoteKeys {
    /// Nothing fetched; the first fetch is due at once.
    #[must_use]
    pub fn new(settings: FetchSettings, rules: KeyRules) -> Self {
        Self {
            settings,
            rules,
            keys: None,
            schedule: Schedule::default(),
            wanted_ns: None,
            unknown: UnknownKeys::default(),
        }
    }

    /// The keys, or when to hope for them.
    #[must_use]
    pub fn availability(&self, now_ns: u64) -> Availability<'_> {
        let most_ns = nanoseconds(self.settings.cache_duration)
            .saturating_add(nanoseconds(self.settings.max_stale));
        match &self.keys {
            Some(fetched) if now_ns.saturating_sub(fetched.at_ns) <= most_ns => {
                Availability::Keys(&fetched.set)
            }
            _ if self.is_under_way(now_ns) || self.schedule.due_ns <= now_ns => Availability::Soon,
            _ => {
                let wait_ns = self.schedule.due_ns.saturating_sub(now_ns);
                Availability::Unavailable {
                    retry_after_s: wait_ns.div_ceil(NS_PER_S).max(1),
                }
            }
        }
    }

    /// Whether a fetch should start now, by whichever worker is first.
    #[must_use]
    pub fn is_due(&self, now_ns: u64) -> bool {
        !self.is_under_way(now_ns) && (self.wanted_ns.is_some() || self.schedule.due_ns <= now_ns)
    }

    /// What all workers know, as far as this one knows.
    #[must_use]
    pub const fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// Takes over what another worker has written.
    pub fn adopt(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        if self
            .wanted_ns
            .is_some_and(|wanted_ns| wanted_ns <= schedule.began_ns)
        {
            self.wanted_ns = None;
        }
    }

    /// Whether another worker has fetched newer keys than these.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.schedule.generation > self.generation()
    }

    /// Takes over the keys that another worker has fetched.
    ///
    /// # Errors
    /// They are no key set.
    pub fn adopt_keys(&mut self, body: &[u8]) -> Result<(), FetchError> {
        let (set, _) = imported(body, &self.rules)?;
        self.replace_keys(set, self.schedule.fetched_ns, self.schedule.generation);
        Ok(())
    }

    /// A fetch begins: the schedule that says so, which holds once all workers know it.
    #[must_use]
    pub fn beginning(&self, now_ns: u64) -> Schedule {
        // A host that never answers must not end all fetching.
        let patience_ns = nanoseconds(self.settings.timeout)
            .saturating_mul(2)
            .saturating_add(NS_PER_S);
        Schedule {
            began_ns: now_ns,
            lease_ns: now_ns.saturating_add(patience_ns),
            ..self.schedule
        }
    }

    /// The answer to a fetch. Afterwards the schedule has the next one.
    ///
    /// # Errors
    /// Why it brought no keys; the old ones go on serving.
    pub fn answered(
        &mut self,
        body: Result<&[u8], FetchError>,
        now_ns: u64,
        jitter: u32,
    ) -> Result<Vec<SkippedKey>, FetchError> {
        self.wanted_ns = None;
        self.schedule.lease_ns = 0;
        let imported = body.and_then(|body| imported(body, &self.rules));
        match imported {
            Ok((set, skipped)) => {
                self.schedule.generation = self.schedule.generation.saturating_add(1);
                self.schedule.fetched_ns = now_ns;
                self.schedule.failures = 0;
                self.schedule.due_ns =
                    now_ns.saturating_add(refresh_ns(self.settings.cache_duration, jitter));
                self.replace_keys(set, now_ns, self.schedule.generation);
                Ok(skipped)
            }
            Err(error) => {
                self.schedule.failures = self.schedule.failures.saturating_add(1);
                self.schedule.due_ns =
                    now_ns.saturating_add(backoff_ns(self.schedule.failures, jitter));
                self.unknown.forget();
                Err(error)
            }
        }
    }

    /// A token names a key that is not in the set: the provider may have rotated. Wants a fetch, at
    /// most once in a while, since clients can make up names. Whether it is worth waiting.
    pub fn wants_unknown_key(&mut self, key_id: &str, now_ns: u64) -> bool {
        if self.unknown.contains(key_id, now_ns) {
            return false;
        }
        if self.is_under_way(now_ns) || self.wanted_ns.is_some() {
            return true;
        }
        let began_ns = self.schedule.began_ns;
        let rested_ns = nanoseconds(self.settings.min_refresh);
        let rested = began_ns == 0 || now_ns.saturating_sub(began_ns) >= rested_ns;
        if rested {
            self.wanted_ns = Some(now_ns);
            // If the fetch does not bring it, it is unknown for a while: the same name does not
            // make the next fetch too.
            let until_ns = now_ns.saturating_add(rested_ns.saturating_mul(2));
            self.unknown.remember(key_id, until_ns);
        }
        rested
    }

    /// Wants a fetch although none is due: what another worker has left cannot be read.
    pub const fn want_fetch(&mut self, now_ns: u64) {
        self.wanted_ns = Some(now_ns);
    }

    /// Number of keys at hand.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.as_ref().map_or(0, |fetched| fetched.set.len())
    }

    /// How long ago the keys were fetched.
    #[must_use]
    pub fn age(&self, now_ns: u64) -> Option<Duration> {
        let fetched = self.keys.as_ref()?;
        Some(Duration::from_nanos(now_ns.saturating_sub(fetched.at_ns)))
    }

    fn is_under_way(&self, now_ns: u64) -> bool {
        self.schedule.lease_ns > now_ns
    }

    fn generation(&self) -> u64 {
        self.keys.as_ref().map_or(0, |fetched| fetched.generation)
    }

    fn replace_keys(&mut self, set: KeySet, at_ns: u64, generation: u64) {
        let set = match &self.keys {
            Some(old) => set.succeeding(&old.set),
            None => set,
        };
        self.keys = Some(Fetched {
            set,
            at_ns,
            generation,
        });
    }
}

impl Schedule {
    /// Bytes of the written form.
    pub const BYTES: usize = 45;

    /// As it is shared: a version, then the numbers, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for number in [
            self.generation,
            self.fetched_ns,
            self.due_ns,
            self.began_ns,
            self.lease_ns,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.failures.to_le_bytes());
        bytes
    }

    /// Reads the shared form; `None` for one of another version, or of another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION || bytes.len() != Self::BYTES {
            return None;
        }
        let (numbers, failures) = rest.split_at_checked(40)?;
        let mut numbers = numbers
            .chunks_exact(8)
            .map(|number| Some(u64::from_le_bytes(number.try_into().ok()?)));
        let mut next = || numbers.next().flatten();
        Some(Self {
            generation: next()?,
            fetched_ns: next()?,
            due_ns: next()?,
            began_ns: next()?,
            lease_ns: next()?,
            failures: u32::from_le_bytes(failures.try_into().ok()?),
        })
    }
}

/// Names of keys that a fetch did not bring: a few of them, for a while.
#[derive(Debug, Default)]
struct UnknownKeys {
    /// Hashes, so that what a client makes up is not kept.
    hashes: VecDeque<(u64, u64)>,
    hasher: RandomState,
}

impl UnknownKeys {
    fn contains(&self, key_id: &str, now_ns: u64) -> bool {
        let hash = self.hasher.hash_one(key_id);
        self.hashes
            .iter()
            .any(|(known, until_ns)| *known == hash && now_ns < *until_ns)
    }

    fn remember(&mut self, key_id: &str, until_ns: u64) {
        if self.hashes.len() >= MAX_UNKNOWN {
            self.hashes.pop_front();
        }
        self.hashes
            .push_back((self.hasher.hash_one(key_id), until_ns));
    }

    fn forget(&mut self) {
        self.hashes.clear();
    }
}

fn imported(body: &[u8], rules: &KeyRules) -> Result<(KeySet, Vec<SkippedKey>), FetchError> {
    let set = Json::parse(body).map_err(|_| FetchError("not_json"))?;
    let (keys, skipped) = KeySet::import(&set, rules).map_err(|_| FetchError("not_a_jwk_set"))?;
    if keys.is_empty() {
        return Err(FetchError("no_usable_key"));
    }
    Ok((keys, skipped))
}

/// A tenth before the keys grow stale, and up to another twentieth earlier.
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

/// A duration as the clocks count.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The largest answer that is read.
pub const MAX_JWKS_BYTES: usize = 512 * 1024;
pub(crate) const NS_PER_S: u64 = 1_000_000_000;
const MAX_UNKNOWN: usize = 64;
const VERSION: u8 = 1;

#[cfg(test)]
mod tests;
