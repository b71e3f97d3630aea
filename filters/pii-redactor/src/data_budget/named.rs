//! The people whom a message names, as budgets count them.

use host::shared_cells::keyed_hash;

use super::Ration;

/// Hashes of the people whom a message names, in the order in which it does.
#[derive(Debug)]
pub(crate) struct Named {
    key: [u8; 16],
    /// All but those who have been taken.
    hashes: Vec<u64>,
    /// How many have been taken before them.
    taken: usize,
    /// How many are in what leaves for certain, those who have been taken among them.
    settled: usize,
}

impl Named {
    pub(crate) const fn new(key: [u8; 16]) -> Self {
        Self {
            key,
            hashes: Vec::new(),
            taken: 0,
            settled: 0,
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.taken.saturating_add(self.hashes.len())
    }

    /// Somebody, each time that he is named. A name that is too long to be kept is one of its own.
    pub(crate) fn add(&mut self, value: &str, is_too_long: bool) {
        let number = self.count().to_le_bytes();
        let parts = match (is_too_long, value) {
            (true, _) => [b"too long", &number[..]],
            (false, "") => return,
            (false, value) => [b"person", value.as_bytes()],
        };
        let hash = keyed_hash(self.key, parts.into_iter());
        let Some(hash) = hash.first_chunk::<8>().copied().map(u64::from_le_bytes) else {
            return;
        };
        if self.hashes.last() != Some(&hash) {
            self.hashes.push(hash);
        }
    }

    /// The first of them, so many, are in what leaves for certain.
    pub(crate) fn settle(&mut self, count: usize, ration: Option<&Ration>) {
        let from = self.settled.saturating_sub(self.taken);
        let to = count.saturating_sub(self.taken);
        self.settled = self.settled.max(count);
        if let Some(ration) = ration {
            for hash in self.hashes.get(from..to).unwrap_or_default() {
                ration.name(*hash);
            }
        }
    }

    /// What names all but the first, so many, does not leave.
    pub(crate) fn forget(&mut self, count: usize) {
        let kept = count.max(self.settled).saturating_sub(self.taken);
        self.hashes.truncate(kept);
    }

    /// Those who are in what leaves for certain, and have not been taken before.
    pub(crate) fn take(&mut self) -> Vec<u64> {
        let count = self.settled.saturating_sub(self.taken);
        let later = self.hashes.split_off(count.min(self.hashes.len()));
        self.taken = self.settled;
        std::mem::replace(&mut self.hashes, later)
    }
}
