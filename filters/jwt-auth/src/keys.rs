//! Fetching the keys of a provider: before they are needed, once for everybody who waits, and again
//! when a token names a key that nobody knows.
//!
//! This is the state machine alone; [`crate::filter`] makes the calls. Whatever goes wrong, keys
//! that were fetched serve until they are too old, and the next try waits longer than the last.

use policy::json::Json;

use crate::config::RemoteKeys;
use crate::jwks::{KeySet, SkippedKey};

/// The keys of a remote provider and the state of fetching them.
#[derive(Debug)]
pub struct RemoteKeySet {
    settings: RemoteKeys,
    keys: Option<Fetched>,
    /// When the next fetch is due.
    due_ns: u64,
    /// When the fetch under way was started.
    in_flight_since_ns: Option<u64>,
    failures: u32,
    last_fetch_ns: Option<u64>,
}

#[derive(Debug)]
struct Fetched {
    set: KeySet,
    at_ns: u64,
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

impl RemoteKeySet {
    /// Nothing fetched; the first fetch is due at once.
    #[must_use]
    pub const fn new(settings: RemoteKeys) -> Self {
        Self {
            settings,
            keys: None,
            due_ns: 0,
            in_flight_since_ns: None,
            failures: 0,
            last_fetch_ns: None,
        }
    }

    /// Where the keys come from.
    #[must_use]
    pub const fn settings(&self) -> &RemoteKeys {
        &self.settings
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
            _ if self.in_flight_since_ns.is_some() || self.due_ns <= now_ns => Availability::Soon,
            _ => {
                let wait_ns = self.due_ns.saturating_sub(now_ns);
                let seconds = wait_ns.div_ceil(NS_PER_S).max(1);
                Availability::Unavailable {
                    retry_after_s: seconds,
                }
            }
        }
    }

    /// Whether a fetch should start now; the caller starts it and says so.
    #[must_use]
    pub fn is_due(&self, now_ns: u64) -> bool {
        // A host that never answers must not end all fetching.
        let patience_ns = nanoseconds(self.settings.timeout).saturating_add(NS_PER_S);
        let under_way = self
            .in_flight_since_ns
            .is_some_and(|since_ns| now_ns.saturating_sub(since_ns) < patience_ns);
        !under_way && self.due_ns <= now_ns
    }

    /// A fetch has started.
    pub const fn started(&mut self, now_ns: u64) {
        self.in_flight_since_ns = Some(now_ns);
        self.last_fetch_ns = Some(now_ns);
    }

    /// A token names a key that is not in the set: the provider may have rotated. Makes a fetch
    /// due, at most once in a while, since clients can make up names. Whether it is worth waiting.
    pub fn wants_unknown_key(&mut self, now_ns: u64) -> bool {
        if self.in_flight_since_ns.is_some() {
            return true;
        }
        let rested = self
            .last_fetch_ns
            .is_none_or(|last_ns| now_ns.saturating_sub(last_ns) >= MIN_REFETCH_NS);
        if rested {
            self.due_ns = now_ns;
        }
        rested
    }

    /// The answer to a fetch.
    ///
    /// # Errors
    /// Why it brought no keys; the old ones go on serving.
    pub fn answered(
        &mut self,
        status: Option<&[u8]>,
        body: Result<&[u8], FetchError>,
        now_ns: u64,
        jitter: u32,
    ) -> Result<Vec<SkippedKey>, FetchError> {
        self.in_flight_since_ns = None;
        match imported(status, body) {
            Ok((set, skipped)) => {
                self.keys = Some(Fetched { set, at_ns: now_ns });
                self.failures = 0;
                self.due_ns = now_ns.saturating_add(nanoseconds(self.settings.cache_duration));
                Ok(skipped)
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.due_ns = now_ns.saturating_add(backoff_ns(self.failures, jitter));
                Err(error)
            }
        }
    }

    /// The fetch could not even start.
    pub fn failed_to_start(&mut self, now_ns: u64, jitter: u32) {
        let _ = self.answered(None, Err(FetchError("not_started")), now_ns, jitter);
    }

    /// Number of keys at hand.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.as_ref().map_or(0, |fetched| fetched.set.len())
    }
}

fn imported(
    status: Option<&[u8]>,
    body: Result<&[u8], FetchError>,
) -> Result<(KeySet, Vec<SkippedKey>), FetchError> {
    match status {
        // Redirects are not followed: they would lead to a host that nobody configured.
        Some(b"200") => {}
        Some([b'5', ..]) => return Err(FetchError("status_5xx")),
        Some([b'4', ..]) => return Err(FetchError("status_4xx")),
        Some(_) => return Err(FetchError("status_other")),
        None => return Err(FetchError("no_answer")),
    }
    let set = Json::parse(body?).map_err(|_| FetchError("not_json"))?;
    let (keys, skipped) = KeySet::import(&set).map_err(|_| FetchError("not_a_jwk_set"))?;
    if keys.is_empty() {
        return Err(FetchError("no_usable_key"));
    }
    Ok((keys, skipped))
}

/// Half a second, doubled with every failure up to half a minute, of which at least half.
fn backoff_ns(failures: u32, jitter: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(6);
    let full_ns = (NS_PER_S / 2)
        .checked_shl(doublings)
        .unwrap_or(u64::MAX)
        .min(30 * NS_PER_S);
    let half_ns = full_ns / 2;
    let share = u64::from(jitter % 1000)
        .saturating_mul(half_ns)
        .checked_div(1000)
        .unwrap_or(0);
    half_ns.saturating_add(share)
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The largest key set that is read.
pub const MAX_JWKS_BYTES: usize = 512 * 1024;
const NS_PER_S: u64 = 1_000_000_000;
/// Between fetches for the sake of unknown keys.
const MIN_REFETCH_NS: u64 = 30 * NS_PER_S;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::vectors::KNOWN_ANSWERS;

    fn remote() -> RemoteKeySet {
        RemoteKeySet::new(RemoteKeys {
            upstream: "idp".to_owned(),
            authority: "idp".to_owned(),
            path: "/".to_owned(),
            timeout: Duration::from_secs(5),
            cache_duration: Duration::from_secs(600),
            max_stale: Duration::from_secs(3600),
        })
    }

    const S: u64 = NS_PER_S;

    fn good(keys: &mut RemoteKeySet, now_ns: u64) {
        keys.started(now_ns);
        let body = KNOWN_ANSWERS[0].jwks.as_bytes();
        assert_eq!(keys.answered(Some(b"200"), Ok(body), now_ns, 0), Ok(vec![]));
    }

    #[test]
    fn one_fetch_at_a_time_and_again_before_it_is_too_late() {
        let mut keys = remote();
        assert!(keys.is_due(S));
        assert!(matches!(keys.availability(S), Availability::Soon));
        keys.started(S);
        assert!(!keys.is_due(2 * S));
        assert!(keys.is_due(10 * S), "a host that never answers");
        good(&mut keys, 2 * S);
        assert!(!keys.is_due(600 * S));
        assert!(keys.is_due(602 * S));
        assert!(
            matches!(keys.availability(4200 * S), Availability::Keys(_)),
            "stale keys serve"
        );
        assert!(
            !matches!(keys.availability(4203 * S), Availability::Keys(_)),
            "but not for ever"
        );
    }

    #[test]
    fn failures_keep_the_old_keys_and_back_off() {
        let mut keys = remote();
        let body = KNOWN_ANSWERS[0].jwks.as_bytes();
        for (status, body, error) in [
            (None, Ok(body), "no_answer"),
            (Some(&b"503"[..]), Ok(body), "status_5xx"),
            (Some(b"404"), Ok(body), "status_4xx"),
            (Some(b"302"), Ok(body), "status_other"),
            (Some(b"200"), Ok(&b"<html>"[..]), "not_json"),
            (Some(b"200"), Ok(b"[]"), "not_a_jwk_set"),
            (Some(b"200"), Ok(br#"{"keys":[]}"#), "no_usable_key"),
            (Some(b"200"), Err(FetchError("too_large")), "too_large"),
        ] {
            assert_eq!(keys.answered(status, body, S, 0), Err(FetchError(error)));
        }
        let Availability::Unavailable { retry_after_s } = keys.availability(S) else {
            panic!()
        };
        assert_eq!(retry_after_s, 15, "half of 30 seconds at least");
        good(&mut keys, 20 * S);
        assert_eq!(
            keys.answered(None, Ok(b""), 700 * S, 0),
            Err(FetchError("no_answer"))
        );
        assert_eq!(keys.key_count(), 1);
    }

    #[test]
    fn unknown_keys_refetch_but_seldom() {
        let mut keys = remote();
        good(&mut keys, S);
        assert!(!keys.wants_unknown_key(2 * S));
        assert!(!keys.is_due(2 * S));
        assert!(keys.wants_unknown_key(31 * S));
        assert!(keys.is_due(31 * S));
        keys.started(31 * S);
        assert!(
            keys.wants_unknown_key(31 * S),
            "wait with those who wait already"
        );
    }
}
