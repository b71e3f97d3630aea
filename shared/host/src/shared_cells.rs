//! A bounded table of numbers, shared among workers.

use std::cell::RefCell;
use std::collections::HashMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{Host, SharedValue, Status, shared_data};

/// A table of sets, each some bytes, by hash; their number is fixed.
pub struct SharedSets {
    prefix: String,
    sets: u64,
    /// Where the host shares nothing, each worker has sets of its own.
    own: Option<RefCell<HashMap<u64, Vec<u8>>>>,
}

/// A table of numbers by hash, with a fixed number of cells. Where a new number finds no room, the
/// smallest of its set goes: of times, the one that lies longest ago.
///
/// The number under zero is as good as none. What is stored under the keys of this table and is none
/// of its sets counts as an empty one.
pub struct SharedCells(SharedSets);

/// What tells a cell from others: a keyed hash, so that nobody can choose who shares a set.
pub type CellHash = [u8; 16];

/// What a set becomes, of its bytes and of what tells a hash from others in it; `None` leaves it.
pub type SetChange<'c> = &'c mut dyn FnMut(&[u8], u64) -> Option<Vec<u8>>;

/// The outcome of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// A number of somebody else had to go.
    pub evicted: bool,
}

impl SharedSets {
    /// A table of so many sets. `prefix` tells its keys from all others in shared data.
    #[must_use]
    pub fn new(prefix: impl Into<String>, sets: u64, shares_data: bool) -> Self {
        Self {
            prefix: prefix.into(),
            sets: sets.max(1),
            own: (!shares_data).then(RefCell::default),
        }
    }

    /// The set that a hash belongs to, and what tells the hash from others in it.
    ///
    /// # Errors
    /// The host does not tell.
    pub fn get(&self, host: &dyn Host, hash: CellHash) -> Result<(Vec<u8>, u64), Status> {
        let (set, print) = self.place(hash);
        let bytes = match &self.own {
            Some(own) => own.borrow().get(&set).cloned().unwrap_or_default(),
            None => match host.shared_data(&self.key(set)) {
                Err(Status::NotFound) => Vec::new(),
                found => found?.bytes,
            },
        };
        Ok((bytes, print))
    }

    /// Replaces a set by what `change` makes of it, in one atomic step among all workers.
    ///
    /// # Errors
    /// The host does not store it.
    pub fn update(
        &self,
        host: &dyn Host,
        hash: CellHash,
        change: SetChange<'_>,
    ) -> Result<(), Status> {
        let (set, print) = self.place(hash);
        match &self.own {
            Some(own) => {
                let mut own = own.borrow_mut();
                let bytes = own.get(&set).cloned().unwrap_or_default();
                if let Some(changed) = change(&bytes, print) {
                    own.insert(set, changed);
                }
            }
            None => {
                let key = self.key(set);
                let known: Option<SharedValue> = None;
                shared_data::update(host, &key, &[], known, &mut |bytes| change(&bytes, print))?;
            }
        }
        Ok(())
    }

    fn place(&self, hash: CellHash) -> (u64, u64) {
        let (set, print) = hash.split_at(8);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        (
            number(set).checked_rem(self.sets).unwrap_or(0),
            number(print),
        )
    }

    fn key(&self, set: u64) -> String {
        format!("{}/{set}", self.prefix)
    }
}

impl SharedCells {
    /// A table of at least so many cells. `prefix` tells its keys from all others in shared data.
    #[must_use]
    pub fn new(prefix: impl Into<String>, cells: u64, shares_data: bool) -> Self {
        let sets = cells.div_ceil(CELLS_OF_SET);
        Self(SharedSets::new(prefix, sets, shares_data))
    }

    /// The number in a cell.
    ///
    /// # Errors
    /// The host does not tell.
    pub fn get(&self, host: &dyn Host, hash: CellHash) -> Result<Option<u64>, Status> {
        let (bytes, print) = self.0.get(host, hash)?;
        Ok(number(&bytes, print))
    }

    /// Replaces the number in a cell by what `change` makes of it, in one atomic step among all
    /// workers; `None` leaves it.
    ///
    /// # Errors
    /// The host does not store it.
    pub fn update(
        &self,
        host: &dyn Host,
        hash: CellHash,
        change: &mut dyn FnMut(Option<u64>) -> Option<u64>,
    ) -> Result<Changed, Status> {
        let mut evicted = false;
        self.0.update(host, hash, &mut |bytes, print| {
            let new = change(number(bytes, print))?;
            let (changed, has_evicted) = with_number(bytes, print, new);
            evicted = has_evicted;
            Some(changed)
        })?;
        Ok(Changed { evicted })
    }
}

/// The keyed hash of some texts, each with its length before it.
#[must_use]
pub fn keyed_hash<'p>(seed: [u8; 16], parts: impl Iterator<Item = &'p [u8]>) -> CellHash {
    let mut block = [0; 64];
    if let Some(start) = block.first_chunk_mut::<16>() {
        *start = seed;
    }
    let mut keyed = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        keyed.update(&length.to_le_bytes());
        keyed.update(part);
    }
    let digest: [u8; 32] = keyed.finalize().into_bytes().into();
    let mut hash = [0; 16];
    if let Some(first) = digest.first_chunk::<16>() {
        hash = *first;
    }
    hash
}

fn cells(bytes: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    // A host that is caught in the middle of a write may show a part: half a cell is none.
    let (cells, _) = bytes.as_chunks::<16>();
    cells.iter().map(|cell| {
        let both = u128::from_le_bytes(*cell);
        let low = u64::try_from(both & u128::from(u64::MAX)).unwrap_or(0);
        let high = u64::try_from(both >> 64).unwrap_or(0);
        (low, high)
    })
}

fn number(bytes: &[u8], print: u64) -> Option<u64> {
    let mut found = cells(bytes).filter(|(known, _)| *known == print);
    found.next().map(|(_, number)| number)
}

/// The set with a number in one cell, and whether another one had to go.
fn with_number(bytes: &[u8], print: u64, number: u64) -> (Vec<u8>, bool) {
    let mut list: Vec<(u64, u64)> = cells(bytes).filter(|(known, _)| *known != print).collect();
    let most = usize::try_from(CELLS_OF_SET).unwrap_or(16);
    let is_full = list.len() >= most;
    if is_full
        && let Some(smallest) = list.iter().map(|(_, number)| *number).min()
        && let Some(place) = list.iter().position(|(_, number)| *number == smallest)
    {
        list.swap_remove(place);
    }
    list.push((print, number));
    let mut changed = Vec::with_capacity(list.len().saturating_mul(16));
    for (print, number) in list {
        changed.extend(print.to_le_bytes());
        changed.extend(number.to_le_bytes());
    }
    (changed, is_full)
}

const CELLS_OF_SET: u64 = 16;

#[cfg(all(test, feature = "fake", not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::fake::{FakeHost, Profile};

    #[test]
    fn numbers_are_found_again_and_the_smallest_goes() {
        for shares in [true, false] {
            let host = FakeHost::new(Profile::Envoy);
            let table = SharedCells::new("test", 1, shares);
            let hash = |print: u8| [print; 16];
            let set = |print: u8, number: u64| {
                let changed = table.update(&host, hash(print), &mut |_| Some(number));
                changed.unwrap().evicted
            };
            for print in 1..=16 {
                assert!(!set(print, u64::from(print) + 100));
            }
            assert_eq!(table.get(&host, hash(3)), Ok(Some(103)));
            assert!(!set(1, 500), "its own cell");
            assert!(set(17, 600), "there are sixteen");
            assert_eq!(table.get(&host, hash(2)), Ok(None), "the smallest");
            assert_eq!(table.get(&host, hash(1)), Ok(Some(500)));
            let left = table.update(&host, hash(1), &mut |known| {
                assert_eq!(known, Some(500));
                None
            });
            assert_eq!(left, Ok(Changed { evicted: false }));
        }
    }

    #[test]
    fn what_is_no_set_is_an_empty_one() {
        for bytes in [&[][..], &[1, 2, 3], &[7; 15]] {
            assert_eq!(number(bytes, 1), None);
            let (changed, evicted) = with_number(bytes, 1, 2);
            assert_eq!((number(&changed, 1), evicted), (Some(2), false));
        }
    }
}
