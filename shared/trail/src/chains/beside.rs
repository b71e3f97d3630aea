//! What signed records say of the chains and emitters beside their own.

use std::collections::{BTreeSet, HashMap, HashSet};

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
    /// The keys with which they signed.
    pub(crate) keys: BTreeSet<String>,
}

/// What signed records say of how far a chain goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// By records that are old enough: what they speak of had the time to arrive.
    pub(crate) settled: Statements,
    /// By records that were just written: what they speak of may be on its way.
    pub(crate) recent: Option<Said>,
}

/// A signed record says that a chain goes at least as far as this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) sequence: u64,
    pub(crate) fingerprint: Hash,
    /// The record that says so.
    pub(crate) by: (ChainUid, u64),
    /// When it said so, milliseconds since 1970.
    pub(crate) time_ms: u64,
}

/// Statements about one chain, by time. Each goes further than those before it; others say nothing
/// new. Only the last [`MAX_STATEMENTS`] are told apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statements(Vec<Said>);

impl Statements {
    /// The one that goes furthest.
    pub(crate) fn furthest(&self) -> Option<Said> {
        self.0.last().copied()
    }

    /// The earliest that goes beyond this record; beyond nothing, the earliest of all.
    pub(crate) fn first_beyond(&self, last: Option<u64>) -> Option<Said> {
        let mut said = self.0.iter();
        said.find(|said| last.is_none_or(|last| said.sequence > last))
            .copied()
    }

    fn add(&mut self, said: Said) {
        let at = self
            .0
            .partition_point(|other| other.time_ms <= said.time_ms);
        let before = at.checked_sub(1).and_then(|before| self.0.get(before));
        if before.is_some_and(|before| before.sequence >= said.sequence) {
            return;
        }
        let behind = self.0.get(at..).unwrap_or_default();
        let outdone = behind.partition_point(|other| other.sequence <= said.sequence);
        self.0.splice(at..at + outdone, [said]);
        if self.0.len() > MAX_STATEMENTS {
            // As if the earliest had said what the next one said: a loss looks older than it is,
            // never younger.
            let first = self.0.remove(0);
            if let Some(next) = self.0.first_mut() {
                next.time_ms = first.time_ms;
            }
        }
    }
}

/// An emitter has two batches under way at most, so what it did not deliver was named in its last
/// few signed records.
const MAX_STATEMENTS: usize = 64;

impl Beside {
    /// Notes of whom a record is.
    pub(super) fn note_emitter(&mut self, control: &Control, key_id: Option<&str>) {
        if let Some(emitter) = emitter_of(control)
            && !self.present.contains(emitter)
        {
            self.present.insert(emitter.to_owned());
        }
        if let Some(key_id) = key_id
            && !self.keys.contains(key_id)
        {
            self.keys.insert(key_id.to_owned());
        }
    }

    /// Notes what a record says of others that a known key of an emitter has signed.
    pub(super) fn note(&mut self, item: &Item, control: &Control, is_settled: bool) {
        match (control, control.statement()) {
            (Control::Open { peers, .. }, _) => self.note_peers(peers, item, is_settled),
            (_, Some(statement)) => self.note_peers(&statement.peers, item, is_settled),
            _ => {}
        }
    }

    fn note_peers(&mut self, peers: &Peers, item: &Item, is_settled: bool) {
        let by = (item.chain, item.sequence);
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
            let said = Said {
                sequence,
                fingerprint,
                by,
                time_ms: item.time_ms,
            };
            if is_settled {
                named.settled.add(said);
            } else if named.recent.is_none_or(|recent| recent.sequence < sequence) {
                named.recent = Some(said);
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
        let named = self.chains.len().saturating_add(self.keys.len());
        named.saturating_add(emitters)
    }
}

/// The emitter that a record about a chain names as its own.
pub(super) fn emitter_of(control: &Control) -> Option<&str> {
    let emitter = match (control, control.statement()) {
        (Control::Open { emitter, .. }, _) => emitter,
        (_, statement) => &statement?.emitter,
    };
    (!emitter.is_empty()).then_some(emitter.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(time_ms: u64, sequence: u64) -> Said {
        Said {
            sequence,
            fingerprint: Hash::NONE,
            by: ([0; 16], 0),
            time_ms,
        }
    }

    #[test]
    fn statements_tell_when_a_chain_was_first_said_to_go_so_far() {
        let mut statements = Statements::default();
        // In any order, and some that say nothing new.
        for (time_ms, sequence) in [(30, 7), (10, 3), (40, 7), (20, 5), (25, 4), (50, 9)] {
            statements.add(said(time_ms, sequence));
        }
        let first = |last| statements.first_beyond(last).map(|said| said.time_ms);
        assert_eq!(first(None), Some(10));
        assert_eq!(first(Some(3)), Some(20));
        assert_eq!(first(Some(5)), Some(30));
        assert_eq!(first(Some(8)), Some(50));
        assert_eq!(first(Some(9)), None);
        assert_eq!(statements.furthest().map(|said| said.sequence), Some(9));
        // One that said it earlier takes the place of those that said the same or less later.
        statements.add(said(15, 7));
        assert_eq!(
            statements.first_beyond(Some(5)).map(|s| s.time_ms),
            Some(15)
        );
        assert_eq!(statements.0.len(), 3);
    }

    #[test]
    fn so_many_statements_are_kept_and_an_old_one_never_looks_younger() {
        let mut statements = Statements::default();
        for number in 0..1000 {
            statements.add(said(number, number));
        }
        assert_eq!(statements.0.len(), MAX_STATEMENTS);
        let first = |last| statements.first_beyond(Some(last)).map(|said| said.time_ms);
        assert_eq!(first(998), Some(999));
        assert!(first(500).is_some_and(|time_ms| time_ms <= 501));
    }
}
