//! The buckets of one limit: a fixed number of sets in storage that workers share.
//!
//! A client's key is hashed with a secret seed; one half of the hash picks the set, the other
//! names the bucket in it. Nothing that a client sends becomes a storage key, and the number of
//! storage keys never passes the number of sets.

use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;
use std::time::Duration;

use host::SharedValue;

use crate::bucket_set::{BucketSet, Corrupt, Layout, VERSION, WAYS};
use crate::storage::{Storage, StorageError};
use crate::storage_key::{StorageKeys, cannot_collide};
use crate::windows::{MAX_WINDOWS, Tats, Windows, WindowsDecision};

/// The table of one limit.
#[derive(Debug)]
pub struct Table {
    storage_keys: StorageKeys,
    sets: u32,
    seed: [u8; 16],
    windows: Windows,
    layout: Layout,
    /// What is stored where nothing is.
    initial: Vec<u8>,
}

/// What a table is made of.
#[derive(Clone, Debug)]
pub struct TableSettings<'s> {
    /// What storage keys begin with, such as a zone of shared memory; may be empty.
    pub zone: &'s str,
    /// The name of the limit.
    pub limit: &'s str,
    /// What the key of the limit is made of, as text: buckets of other keys are other buckets.
    pub key: &'s str,
    /// Room for so many buckets.
    pub slots: u64,
    /// Hashes the keys of clients.
    pub seed: [u8; 16],
    /// The windows of the limit.
    pub windows: Windows,
}

/// What a bucket says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketDecision {
    /// Whether the request passes this bucket.
    pub admitted: bool,
    /// The state of the bucket before the request.
    pub before: Tats,
    /// Its state when the request passes and is charged.
    pub after: Tats,
    /// When refused: how long until it would pass; `None` if it never will.
    pub wait: Option<Duration>,
    /// A live bucket of somebody else was evicted.
    pub overflow: bool,
    /// Times that another worker was faster.
    pub retries: u32,
    /// The stored set could not be trusted and was replaced by one that gives nothing away.
    pub corrupt: bool,
    /// What is needed to give the charge back.
    pub receipt: Option<Receipt>,
}

/// What is needed to give a charge back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    key: HashedKey,
    charged_ns: u64,
    cost: u64,
}

/// The hash of a key, which stands for it in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedKey {
    set: u32,
    fingerprint: u64,
}

/// A set as it was read, to decide on and to write back.
#[derive(Debug)]
pub struct Loaded {
    set: BucketSet,
    cas: u32,
    corrupt: bool,
}

impl Table {
    /// A table with room for so many buckets. It gets names for its sets that no host confuses with
    /// those of `others`.
    #[must_use]
    pub fn new(settings: TableSettings<'_>, others: &[(StorageKeys, u32)]) -> Self {
        let TableSettings {
            zone,
            limit,
            key,
            slots,
            seed,
            windows,
        } = settings;
        let ways = u64::try_from(WAYS).unwrap_or(1);
        let sets = slots.checked_div(ways).unwrap_or(1).max(1);
        let sets = u32::try_from(sets).unwrap_or(u32::MAX).min(MAX_SETS);
        // The parameters are part of the name: a limit that changes starts anew, one that does not
        // keeps its counts over a reload.
        let parameters = format!("{VERSION}|{}|{key}|{sets}", windows.parameters());
        let mut hasher = SipHasher13::new();
        hasher.write(parameters.as_bytes());
        let hash = hasher.finish128().h1;
        let name = |salt: u64| {
            let tag = hash.wrapping_add(salt);
            StorageKeys::new(&format!("{zone}meshward/token-bucket/{limit}/{tag:016x}/"))
        };
        let distinct = |keys: &StorageKeys| {
            others
                .iter()
                .all(|(other, other_sets)| cannot_collide((keys, sets), (other, *other_sets)))
        };
        let storage_keys = (0..MAX_SALT)
            .map(name)
            .find(distinct)
            .unwrap_or_else(|| name(0));
        let [low, high, ..] = storage_keys.checksum().to_le_bytes();
        let layout = Layout::new(&windows, u16::from_le_bytes([low, high]));
        let initial = BucketSet::new(&layout, &[0; MAX_WINDOWS]).bytes().to_vec();
        Self {
            storage_keys,
            sets,
            seed,
            windows,
            layout,
            initial,
        }
    }

    /// Makes buckets that nobody has used empty at `start_ns`, not full.
    pub fn start_empty(&mut self, start_ns: u64) {
        let floor = self.windows.empty(start_ns);
        self.initial = BucketSet::new(&self.layout, &floor).bytes().to_vec();
    }

    /// The storage keys of its sets, and how many there are.
    #[must_use]
    pub fn storage_keys(&self) -> (StorageKeys, u32) {
        (self.storage_keys.clone(), self.sets)
    }

    /// A storage key of this table that is not one of its sets.
    #[must_use]
    pub fn side_key(&self, name: &str) -> String {
        format!("{}{name}", self.storage_keys.prefix())
    }

    /// The limit that the table counts for.
    #[must_use]
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Hashes the key of a client.
    #[must_use]
    pub fn hash(&self, key: &[u8]) -> HashedKey {
        let mut hasher = SipHasher13::new_with_key(&self.seed);
        hasher.write(key);
        let hash = hasher.finish128();
        let set = hash.h1.checked_rem(self.sets.into()).unwrap_or(0);
        HashedKey {
            set: u32::try_from(set).unwrap_or(0),
            fingerprint: hash.h2,
        }
    }

    /// Reads the set of a key. One that cannot be trusted is replaced at once: the request may come
    /// to nothing else.
    ///
    /// # Errors
    /// The storage does not respond.
    pub fn load(
        &self,
        storage: &dyn Storage,
        key: HashedKey,
        now_ns: u64,
    ) -> Result<Loaded, StorageError> {
        let storage_key = self.storage_keys.of(key.set);
        let (bytes, cas) = storage.load(&storage_key, &self.initial)?;
        let (set, corrupt) = self.parse(bytes, now_ns);
        if corrupt {
            storage.replace(&storage_key, set.bytes(), cas)?;
        }
        Ok(Loaded { set, cas, corrupt })
    }

    /// A set as it is stored. One that cannot be trusted becomes one that admits nobody before a
    /// whole window has passed, since nobody can tell what was admitted already.
    fn parse(&self, bytes: Vec<u8>, now_ns: u64) -> (BucketSet, bool) {
        match BucketSet::parse(bytes, &self.layout) {
            Ok(set) => (set, false),
            Err(Corrupt) => (
                BucketSet::new(&self.layout, &self.windows.empty(now_ns)),
                true,
            ),
        }
    }

    /// What a loaded set says about a request, taking nothing.
    #[must_use]
    pub fn decide(
        &self,
        loaded: &Loaded,
        key: HashedKey,
        now_ns: u64,
        cost: u64,
    ) -> BucketDecision {
        self.decide_on(&loaded.set, loaded.corrupt, key, now_ns, cost)
    }

    fn decide_on(
        &self,
        set: &BucketSet,
        corrupt: bool,
        key: HashedKey,
        now_ns: u64,
        cost: u64,
    ) -> BucketDecision {
        let before = set.state(&self.layout, key.fingerprint);
        let (admitted, after, wait) = match self.windows.decide(&before, now_ns, cost) {
            WindowsDecision::Admit(after) => (true, after, None),
            WindowsDecision::Refuse { wait } => (false, before, wait),
        };
        let receipt = Receipt {
            key,
            charged_ns: now_ns,
            cost,
        };
        BucketDecision {
            admitted,
            before,
            after,
            wait,
            overflow: false,
            retries: 0,
            corrupt,
            receipt: admitted.then_some(receipt),
        }
    }

    /// Decides about a request and takes its cost, in one atomic step among all workers. `loaded`
    /// is where to begin, if the set was read before. A refusal writes nothing: a flood costs reads
    /// only. A set that cannot be trusted is replaced.
    ///
    /// # Errors
    /// The storage does not respond, or other workers were faster every time.
    pub fn take(
        &self,
        storage: &dyn Storage,
        loaded: Option<Loaded>,
        key: HashedKey,
        now_ns: u64,
        cost: u64,
    ) -> Result<BucketDecision, StorageError> {
        let mut was_corrupt = loaded.as_ref().is_some_and(|loaded| loaded.corrupt);
        let known = loaded
            .filter(|loaded| !loaded.corrupt)
            .map(|loaded| SharedValue {
                bytes: loaded.set.into_bytes(),
                cas: loaded.cas,
            });
        let mut decided = None;
        let mut change = |bytes| {
            let (mut set, corrupt) = self.parse(bytes, now_ns);
            was_corrupt |= corrupt;
            let mut decision = self.decide_on(&set, was_corrupt, key, now_ns, cost);
            if decision.admitted {
                let (layout, print) = (&self.layout, key.fingerprint);
                decision.overflow = set.put(layout, &self.windows, print, &decision.after, now_ns);
            }
            let writes = decision.admitted || corrupt;
            decided = Some(decision);
            writes.then(|| set.into_bytes())
        };
        let storage_key = self.storage_keys.of(key.set);
        let retries = storage.update(&storage_key, &self.initial, known, &mut change)?;
        let decision = decided.ok_or(StorageError)?;
        Ok(BucketDecision {
            retries,
            ..decision
        })
    }

    /// Gives back what a request was charged that does not pass for another reason, see
    /// [`policy::gcra::Gcra::give_back`]. The state of its bucket after that; `None` if it could not be
    /// given back, which admits less, never more.
    ///
    /// The clock is read after the bucket: no charge in it may be later than what counts as now.
    pub fn give_back(
        &self,
        storage: &dyn Storage,
        receipt: &Receipt,
        clock_ns: &dyn Fn() -> u64,
    ) -> Option<Tats> {
        let Receipt {
            key,
            charged_ns,
            cost,
        } = *receipt;
        let mut given_back = None;
        let mut change = |bytes| {
            given_back = None;
            let mut set = BucketSet::parse(bytes, &self.layout).ok()?;
            let charge = (charged_ns, cost);
            let (layout, print) = (&self.layout, key.fingerprint);
            given_back = set.give_back(layout, &self.windows, print, charge, clock_ns());
            given_back.map(|_| set.into_bytes())
        };
        let storage_key = self.storage_keys.of(key.set);
        let updated = storage.update(&storage_key, &self.initial, None, &mut change);
        updated.ok().and(given_back)
    }
}

const MAX_SETS: u32 = 1 << 20;
const MAX_SALT: u64 = 1_000;

#[cfg(test)]
mod tests;
