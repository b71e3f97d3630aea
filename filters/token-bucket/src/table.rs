//! The buckets of one limit: a fixed number of sets in storage that workers share.
//!
//! A client's key is hashed with a secret seed; one half of the hash picks the set, the other
//! names the bucket in it. Nothing that a client sends becomes a storage key, and the number of
//! storage keys never passes the number of sets.

use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;
use std::time::Duration;

use crate::set::{Layout, Set, WAYS};
use crate::set_name::{SetNames, unlike};
use crate::storage::{Storage, StorageError};
use crate::windows::{Decision, MAX_WINDOWS, Tats, Windows};

/// The table of one limit.
#[derive(Debug)]
pub struct Table {
    names: SetNames,
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

/// What a table says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it passes.
    pub admitted: bool,
    /// The state of the bucket: after the request when it passes, else as it was.
    pub tats: Tats,
    /// When refused: how long until it would pass; `None` if it never will.
    pub wait: Option<Duration>,
    /// A live bucket of somebody else was evicted.
    pub overflow: bool,
    /// Times that another worker was faster.
    pub retries: u32,
    /// The stored set could not be trusted and was replaced by one that gives nothing away.
    pub corrupt: bool,
    /// What is needed to give the request back.
    pub receipt: Option<Receipt>,
}

/// What is needed to give a request back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    key: HashedKey,
    before: Tats,
    after: Tats,
}

/// A key, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedKey {
    set: u32,
    fingerprint: u64,
}

/// A set as it was read, to decide on and to write back.
#[derive(Debug)]
pub struct Loaded {
    set: Set,
    cas: u32,
    corrupt: bool,
}

impl Table {
    /// A table with room for so many buckets. It gets names for its sets that no host confuses with
    /// those of `others`.
    #[must_use]
    pub fn new(settings: TableSettings<'_>, others: &[(SetNames, u32)]) -> Self {
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
        let parameters = format!("{}|{key}|{sets}", windows.parameters());
        let mut hasher = SipHasher13::new();
        hasher.write(parameters.as_bytes());
        let hash = hasher.finish128().h1;
        let name = |salt: u64| {
            let tag = hash.wrapping_add(salt);
            SetNames::new(&format!("{zone}meshward/token-bucket/{limit}/{tag:016x}/"))
        };
        let distinct = |names: &SetNames| {
            let unlike =
                |(other, other_sets): &(SetNames, u32)| unlike((names, sets), (other, *other_sets));
            others.iter().all(unlike)
        };
        let names = (0..MAX_SALT)
            .map(name)
            .find(distinct)
            .unwrap_or_else(|| name(0));
        let [low, high, ..] = names.checksum().to_le_bytes();
        let layout = Layout::new(&windows, u16::from_le_bytes([low, high]));
        let initial = Set::new(&layout, &[0; MAX_WINDOWS]).bytes().to_vec();
        Self {
            names,
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
        self.initial = Set::new(&self.layout, &floor).bytes().to_vec();
    }

    /// The names of its sets, and how many there are.
    #[must_use]
    pub fn names(&self) -> (SetNames, u32) {
        (self.names.clone(), self.sets)
    }

    /// A storage key of this table that is not one of its sets.
    #[must_use]
    pub fn side_key(&self, name: &str) -> String {
        format!("{}{name}", self.names.prefix())
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

    /// Reads the set of a key. A set that cannot be trusted is replaced at once by one that admits
    /// nobody before a whole window has passed, since nobody can tell what was admitted already.
    ///
    /// # Errors
    /// The storage does not answer.
    pub fn load(
        &self,
        storage: &dyn Storage,
        key: HashedKey,
        now_ns: u64,
    ) -> Result<Loaded, StorageError> {
        let mut corrupt = false;
        for _ in 0..MAX_REPAIRS {
            let (bytes, cas) = storage.load(&self.names.of(key.set), &self.initial)?;
            if let Ok(set) = Set::parse(bytes, &self.layout) {
                return Ok(Loaded { set, cas, corrupt });
            }
            corrupt = true;
            let distrusted = Set::new(&self.layout, &self.windows.empty(now_ns));
            storage.replace(&self.names.of(key.set), distrusted.bytes(), cas)?;
        }
        Err(StorageError)
    }

    /// What a loaded set says about a request, taking nothing.
    #[must_use]
    pub fn decide(&self, loaded: &Loaded, key: HashedKey, now_ns: u64, cost: u64) -> Answer {
        let before = loaded.set.state(&self.layout, key.fingerprint);
        let (admitted, after, wait) = match self.windows.decide(&before, now_ns, cost) {
            Decision::Admit(after) => (true, after, None),
            Decision::Refuse { wait } => (false, before, wait),
        };
        let receipt = Receipt { key, before, after };
        Answer {
            admitted,
            tats: after,
            wait,
            overflow: false,
            retries: 0,
            corrupt: loaded.corrupt,
            receipt: admitted.then_some(receipt),
        }
    }

    /// Decides about a request and takes its cost, in one atomic step among all workers. `loaded`
    /// is where to begin. A refusal writes nothing: a flood costs reads only.
    ///
    /// # Errors
    /// The storage does not answer, or other workers were faster every time.
    pub fn take(
        &self,
        storage: &dyn Storage,
        mut loaded: Loaded,
        key: HashedKey,
        now_ns: u64,
        cost: u64,
    ) -> Result<Answer, StorageError> {
        for retries in 0..MAX_RETRIES {
            let mut answer = self.decide(&loaded, key, now_ns, cost);
            answer.retries = retries;
            if !answer.admitted {
                return Ok(answer);
            }
            let (layout, print) = (&self.layout, key.fingerprint);
            let set = &mut loaded.set;
            answer.overflow = set.put(layout, &self.windows, print, &answer.tats, now_ns);
            if storage.replace(&self.names.of(key.set), set.bytes(), loaded.cas)? {
                return Ok(answer);
            }
            let corrupt = loaded.corrupt;
            loaded = self.load(storage, key, now_ns)?;
            loaded.corrupt |= corrupt;
        }
        Err(StorageError)
    }

    /// Gives back what was taken, because another limit refused the request. If somebody has used
    /// the bucket since, it stays taken: that admits less, never more.
    pub fn give_back(&self, storage: &dyn Storage, receipt: &Receipt) {
        let Receipt { key, before, after } = receipt;
        let name = self.names.of(key.set);
        for _ in 0..MAX_UNDO_RETRIES {
            let Ok((bytes, cas)) = storage.load(&name, &self.initial) else {
                return;
            };
            let Ok(mut set) = Set::parse(bytes, &self.layout) else {
                return;
            };
            if !set.give_back(&self.layout, key.fingerprint, after, before) {
                return;
            }
            // Another bucket of the set may have been written meanwhile: then once more.
            if storage.replace(&name, set.bytes(), cas) != Ok(false) {
                return;
            }
        }
    }
}

/// 115 tries in a row were seen for one hot key with two workers.
pub const MAX_RETRIES: u32 = 1_000;
const MAX_UNDO_RETRIES: u32 = 16;
/// A value that is damaged again and again is written by somebody else.
const MAX_REPAIRS: u32 = 8;
const MAX_SETS: u32 = 1 << 20;
const MAX_SALT: u64 = 1_000;

#[cfg(test)]
mod tests;
