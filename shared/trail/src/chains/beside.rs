//! What signed records say of the chains and emitters beside their own.

use std::collections::{HashMap, HashSet};

use audit::{Control, Hash, Head, Peers};

use crate::hex::decode;
use crate::item::{ChainUid, Item};

/// Chains and emitters that signed records name. One entry for each, however often it is named.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// How far each chain goes at least.
    pub(crate) chains: HashMap<ChainUid, Named>,
    /// Which emitters there were, and the record that says so.
    pub(crate) emitters: HashMap<String, (ChainUid, u64)>,
    /// Emitters of which there are records.
    pub(crate) present: HashSet<String>,
}

/// What is said of a chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// By records that are old enough: what they speak of had the time to arrive.
    pub(crate) settled: Option<Said>,
    /// By records that were just written: what they speak of may be on its way.
    pub(crate) recent: Option<Said>,
}

/// A chain goes as far as this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) sequence: u64,
    pub(crate) fingerprint: Hash,
    /// The record that says so.
    pub(crate) by: (ChainUid, u64),
}

impl Beside {
    /// Notes what a record says that a known key of an emitter has signed.
    pub(super) fn note(&mut self, item: &Item, control: &Control, is_settled: bool) {
        let (emitter, peers) = match (control, control.statement()) {
            (Control::Open { emitter, peers, .. }, _) => (emitter, peers),
            (_, Some(statement)) => (&statement.emitter, &statement.peers),
            _ => return,
        };
        if !emitter.is_empty() && !self.present.contains(emitter) {
            self.present.insert(emitter.clone());
        }
        self.note_peers(peers, (item.chain, item.sequence), is_settled);
    }

    fn note_peers(&mut self, peers: &Peers, by: (ChainUid, u64), is_settled: bool) {
        for head in &peers.siblings {
            let Head {
                sequence,
                fingerprint,
                ..
            } = *head;
            let Some(chain) = decode::<16>(head.chain_uid.as_bytes()) else {
                continue;
            };
            let named = self.chains.entry(chain).or_default();
            let said = if is_settled {
                &mut named.settled
            } else {
                &mut named.recent
            };
            if said.is_none_or(|said| said.sequence < sequence) {
                *said = Some(Said {
                    sequence,
                    fingerprint,
                    by,
                });
            }
        }
        if is_settled {
            for emitter in &peers.emitters {
                if !self.emitters.contains_key(emitter) {
                    self.emitters.insert(emitter.clone(), by);
                }
            }
        }
    }

    /// How much is kept in mind.
    pub(super) fn len(&self) -> usize {
        let emitters = self.emitters.len().saturating_add(self.present.len());
        self.chains.len().saturating_add(emitters)
    }
}
