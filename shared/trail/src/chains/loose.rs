//! Records from logs that nobody vouches for yet.
//!
//! A client can write into the log of a proxy: it sends a user agent that looks like a line of
//! audit-emitter. So a record from a log counts when a signed record proves it: signed records do so
//! by themselves, and each proves the record before it, whose fingerprint it holds. What is not proved
//! so is told apart at the end, and changes nothing.

use std::collections::{BTreeMap, HashMap};

use audit::Hash;

use crate::item::{ChainUid, Item};
use crate::scan::Fields;

/// A record for which nobody vouches yet.
#[derive(Debug)]
pub(crate) struct Loose {
    pub(crate) item: Item,
    /// Its text, for who looks at it when it is proved.
    pub(crate) text: Option<(Box<str>, Option<Box<Fields>>)>,
    /// The file and line where the record was found.
    pub(crate) place: String,
}

/// What adding a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    New,
    /// The same record was there before.
    Again,
    NoRoom,
}

/// All of them, in bounded memory.
#[derive(Debug, Default)]
pub(crate) struct LooseRecords {
    chains: HashMap<ChainUid, BTreeMap<u64, Vec<Loose>>>,
    bytes: usize,
}

impl LooseRecords {
    /// Adds a record that fits no segment yet.
    pub(crate) fn add(
        &mut self,
        loose: Loose,
        max_bytes: usize,
        is_known: impl Fn(&ChainUid) -> bool,
    ) -> Added {
        if self.bytes > max_bytes {
            // Those whose chain nobody has heard of go first: a client does not know the ids.
            let mut freed = 0;
            self.chains.retain(|uid, records| {
                let stays = is_known(uid);
                if !stays {
                    freed += records.values().flatten().map(Loose::bytes).sum::<usize>();
                }
                stays
            });
            self.bytes = self.bytes.saturating_sub(freed);
            if self.bytes > max_bytes {
                return Added::NoRoom;
            }
        }
        self.push(loose)
    }

    fn push(&mut self, loose: Loose) -> Added {
        let records = self.chains.entry(loose.item.chain).or_default();
        let same_place = records.entry(loose.item.sequence).or_default();
        let is_there = same_place
            .iter()
            .any(|other| other.item.fingerprint == loose.item.fingerprint);
        if is_there {
            return Added::Again;
        }
        self.bytes += loose.bytes();
        same_place.push(loose);
        Added::New
    }

    /// Whether there is any of a chain.
    pub(crate) fn has(&self, chain: &ChainUid) -> bool {
        self.chains.contains_key(chain)
    }

    /// Takes the record with this number and fingerprint out.
    pub(crate) fn take(
        &mut self,
        chain: &ChainUid,
        sequence: u64,
        fingerprint: &Hash,
    ) -> Option<Loose> {
        let records = self.chains.get_mut(chain)?;
        let same_place = records.get_mut(&sequence)?;
        let at = same_place
            .iter()
            .position(|loose| loose.item.fingerprint == *fingerprint)?;
        let loose = same_place.swap_remove(at);
        if same_place.is_empty() {
            records.remove(&sequence);
            if records.is_empty() {
                self.chains.remove(chain);
            }
        }
        self.bytes = self.bytes.saturating_sub(loose.bytes());
        Some(loose)
    }

    /// The chains of which there are any.
    pub(crate) fn chains(&self) -> Vec<ChainUid> {
        let mut chains: Vec<ChainUid> = self.chains.keys().copied().collect();
        chains.sort_unstable();
        chains
    }

    /// Takes out all records that are left.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Loose> + use<> {
        self.bytes = 0;
        let chains = std::mem::take(&mut self.chains);
        let mut chains: Vec<(ChainUid, BTreeMap<u64, Vec<Loose>>)> = chains.into_iter().collect();
        chains.sort_unstable_by_key(|(uid, _)| *uid);
        let records = chains
            .into_iter()
            .flat_map(|(_, records)| records.into_values());
        records.flatten()
    }
}

impl Loose {
    fn bytes(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |(text, fields)| {
            text.len() + fields.as_ref().map_or(0, |_| size_of::<Fields>())
        });
        size_of::<Self>() + self.place.len() + text + 64
    }
}
