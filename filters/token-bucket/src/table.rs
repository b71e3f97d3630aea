//! The buckets of one limit: a fixed number of sets in storage that workers share.
//!
//! A client's key is hashed with a secret seed; one half of the hash picks the set, the other
//! names the bucket in it. Nothing that a client sends becomes a storage key, and the number of
//! storage keys never passes the number of sets.

use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;
use std::time::Duration;

use crate::gcra::{Gcra, Verdict};
use crate::set::{Set, WAYS};

/// Where sets are kept: shared data of the host, or the memory of one worker.
pub trait Storage {
    /// The value of a key, created empty if it is absent, and the number to replace it with.
    ///
    /// # Errors
    /// The storage cannot be read.
    fn load(&self, key: &str) -> Result<(Vec<u8>, u32), StorageError>;

    /// Replaces a value if nobody else has since it was read; whether it did.
    ///
    /// # Errors
    /// The storage cannot be written.
    fn replace(&self, key: &str, value: &[u8], cas: u32) -> Result<bool, StorageError>;
}

/// The storage does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageError;

/// The table of one limit.
#[derive(Debug)]
pub struct Table {
    prefix: String,
    sets: u64,
    seed: [u8; 16],
    gcra: Gcra,
}

/// What a table says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it passes.
    pub admitted: bool,
    /// Units left in the bucket.
    pub remaining: u64,
    /// How long until the bucket is full.
    pub until_full: Duration,
    /// When refused: how long until it would pass; `None` if it never will.
    pub wait: Option<Duration>,
    /// A live bucket of somebody else was evicted.
    pub overflow: bool,
    /// Times that another worker was faster.
    pub retries: u32,
    /// The stored set could not be trusted and was replaced by one that gives nothing away.
    pub corrupt: bool,
    taken: Option<Receipt>,
}

/// What is needed to give a request back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Receipt {
    before_tat_ns: u64,
    after_tat_ns: u64,
}

/// A key, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedKey {
    set: u64,
    fingerprint: u64,
}

impl Table {
    /// A table for the limit `name` with room for `slots` buckets.
    #[must_use]
    pub fn new(name: &str, slots: u64, seed: [u8; 16], gcra: Gcra) -> Self {
        let ways = u64::try_from(WAYS).unwrap_or(1);
        let sets = slots.checked_div(ways).unwrap_or(1).max(1);
        // The parameters are part of the name: a limit that changes starts anew, one that does not
        // keeps its counts over a reload.
        let window_ns = gcra.window().as_nanos();
        let prefix = format!(
            "meshward/token-bucket/{name}/{}/{window_ns}/{sets}",
            gcra.burst()
        );
        Self {
            prefix,
            sets,
            seed,
            gcra,
        }
    }

    /// The limit that the table counts for.
    #[must_use]
    pub const fn gcra(&self) -> &Gcra {
        &self.gcra
    }

    /// Hashes the key of a client.
    #[must_use]
    pub fn hash(&self, key: &[u8]) -> HashedKey {
        let mut hasher = SipHasher13::new_with_key(&self.seed);
        hasher.write(key);
        let hash = hasher.finish128();
        HashedKey {
            set: hash.h1.checked_rem(self.sets).unwrap_or(0),
            fingerprint: hash.h2,
        }
    }

    /// Whether a request would pass, taking nothing.
    ///
    /// # Errors
    /// The storage does not answer.
    pub fn peek(
        &self,
        storage: &dyn Storage,
        key: HashedKey,
        now_ns: u64,
        cost: u64,
    ) -> Result<Answer, StorageError> {
        let (bytes, _) = storage.load(&self.storage_key(key))?;
        let tat_ns = match Set::parse(&bytes) {
            Ok(set) => set.tat_ns(key.fingerprint),
            Err(_) => Set::distrusted(&self.gcra, now_ns).tat_ns(key.fingerprint),
        };
        let verdict = self.gcra.decide(tat_ns, now_ns, cost);
        Ok(self.answer(verdict, tat_ns, now_ns))
    }

    /// Decides about a request, in one atomic step among all workers.
    ///
    /// # Errors
    /// The storage does not answer, or other workers were faster every time.
    pub fn take(
        &self,
        storage: &dyn Storage,
        key: HashedKey,
        now_ns: u64,
        cost: u64,
    ) -> Result<Answer, StorageError> {
        let storage_key = self.storage_key(key);
        for retries in 0..MAX_RETRIES {
            let (bytes, cas) = storage.load(&storage_key)?;
            let (mut set, corrupt) = match Set::parse(&bytes) {
                Ok(set) => (set, false),
                Err(_) => (Set::distrusted(&self.gcra, now_ns), true),
            };
            let before_tat_ns = set.tat_ns(key.fingerprint);
            let taken = set.take(key.fingerprint, &self.gcra, now_ns, cost);
            let admitted = matches!(taken.verdict, Verdict::Admit { .. });
            // A refusal writes nothing: a flood costs reads only.
            if (admitted || corrupt) && !storage.replace(&storage_key, &set.to_bytes(), cas)? {
                continue;
            }
            let receipt = Receipt {
                before_tat_ns,
                after_tat_ns: taken.tat_ns,
            };
            return Ok(Answer {
                overflow: taken.overflow,
                retries,
                corrupt,
                taken: admitted.then_some(receipt),
                ..self.answer(taken.verdict, taken.tat_ns, now_ns)
            });
        }
        Err(StorageError)
    }

    /// Gives back what `answer` took, because another limit refused the request. If somebody has
    /// used the bucket since, it stays taken: that admits less, never more.
    pub fn give_back(&self, storage: &dyn Storage, key: HashedKey, answer: &Answer) {
        let Some(receipt) = answer.taken else { return };
        let storage_key = self.storage_key(key);
        let Ok((bytes, cas)) = storage.load(&storage_key) else {
            return;
        };
        let Ok(mut set) = Set::parse(&bytes) else {
            return;
        };
        if set.give_back(key.fingerprint, receipt.after_tat_ns, receipt.before_tat_ns) {
            let _ = storage.replace(&storage_key, &set.to_bytes(), cas);
        }
    }

    fn answer(&self, verdict: Verdict, tat_ns: u64, now_ns: u64) -> Answer {
        let (admitted, wait) = match verdict {
            Verdict::Admit { .. } => (true, None),
            Verdict::Refuse { wait } => (false, wait),
        };
        Answer {
            admitted,
            remaining: self.gcra.remaining(tat_ns, now_ns),
            until_full: Gcra::until_full(tat_ns, now_ns),
            wait,
            overflow: false,
            retries: 0,
            corrupt: false,
            taken: None,
        }
    }

    fn storage_key(&self, key: HashedKey) -> String {
        format!("{}/{}", self.prefix, key.set)
    }
}

/// 115 tries in a row were seen for one hot key with two workers.
const MAX_RETRIES: u32 = 1_000;

#[cfg(test)]
mod tests;
