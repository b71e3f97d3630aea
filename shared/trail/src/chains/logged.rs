//! Records from logs: how they are proved, and how those that are not are handled.

use audit::Range;

use super::loose::{Added, Loose};
use super::{Absorbed, Trail};
use crate::issue::Kind;
use crate::item::{ChainUid, Item, uid};
use crate::keyring::{Role, Vouched};
use crate::scan::Fields;
use crate::segment::Compared;

/// A record from a log that a signed record has proved, for who looks at records.
#[derive(Debug)]
pub struct Proved {
    /// What the record says about itself.
    pub item: Item,
    /// The text of the record.
    pub text: String,
    /// Where things are in the text.
    pub fields: Option<Fields>,
}

impl Trail {
    /// Takes in a record from a log. `text` is for who looks at it when it is proved. What became of
    /// it is not known until a signed record of its chain comes: then [`Trail::prove`] answers it.
    pub fn absorb_logged(
        &mut self,
        item: &Item,
        text: impl FnOnce() -> Option<(String, Option<Fields>)>,
        now_ms: u64,
        place: &dyn Fn() -> String,
    ) -> Option<Absorbed> {
        let is_signed = item
            .control
            .as_ref()
            .is_some_and(|control| matches!(control.vouched, Vouched::By(_)));
        if !self.has_keys || is_signed {
            return Some(self.absorb(item, now_ms, place));
        }
        let chain = self.chains.get(&item.chain);
        if chain.is_some_and(|chain| chain.segments.holding(item.sequence).is_some())
            && self
                .seen
                .compare(item.chain, item.sequence, &item.fingerprint)
                != Compared::Other
        {
            self.counts.duplicates += 1;
            return Some(Absorbed::Duplicate);
        }
        let loose = Loose {
            item: item.clone(),
            text: text().map(|(text, fields)| (text.into(), fields.map(Box::new))),
            place: place(),
        };
        let chains = &self.chains;
        let is_known = |chain: &ChainUid| chains.contains_key(chain);
        match self.loose.add(loose, self.limits.loose_bytes, is_known) {
            Added::New => {}
            Added::Again => self.counts.duplicates += 1,
            Added::NoRoom => self.issues.add(Kind::TooManyUnproven, place, || {
                "there are too many lines before it that may be records: give the files that the \
                 collector has kept before the logs, or --memory"
                    .to_owned()
            }),
        }
        None
    }

    /// Takes in a record from a line of a log that a known key has tagged.
    pub fn absorb_tagged(
        &mut self,
        item: &Item,
        now_ms: u64,
        place: &dyn Fn() -> String,
    ) -> Absorbed {
        let absorbed = self.absorb(item, now_ms, place);
        if absorbed != Absorbed::Fork
            && let Some(chain) = self.chains.get_mut(&item.chain)
        {
            chain.tagged.add(Range(item.sequence, item.sequence));
        }
        absorbed
    }

    /// Whether a record that was just absorbed may prove others of its chain.
    #[must_use]
    pub fn may_prove(&self, item: &Item) -> bool {
        item.control
            .as_ref()
            .is_some_and(|control| control.vouched == Vouched::By(Role::Emitter))
            && self.loose.has(&item.chain)
    }

    /// Takes in what is proved by now of a chain's records from logs: those whose fingerprint the
    /// record after them holds, which itself is proved.
    pub fn prove(&mut self, chain_uid: &ChainUid, now_ms: u64) -> Vec<Proved> {
        let mut proved = Vec::new();
        loop {
            let before = proved.len();
            let Some(chain) = self.chains.get(chain_uid) else {
                return proved;
            };
            let covered = chain
                .segments
                .iter()
                .filter(|(_, segment)| segment.covered.is_some());
            let wanted: Vec<_> = covered
                .filter_map(|(first, segment)| Some((first.checked_sub(1)?, segment.previous)))
                .collect();
            for (mut sequence, mut fingerprint) in wanted {
                while let Some(loose) = self.loose.take(chain_uid, sequence, &fingerprint) {
                    let absorbed = self.absorb(&loose.item, now_ms, &|| loose.place.clone());
                    fingerprint = loose.item.previous;
                    if absorbed == Absorbed::New {
                        let (text, fields) =
                            loose.text.map_or((String::new(), None), |(text, fields)| {
                                (text.into_string(), fields.map(|fields| *fields))
                            });
                        proved.push(Proved {
                            item: loose.item,
                            text,
                            fields,
                        });
                    }
                    match sequence.checked_sub(1) {
                        Some(before) => sequence = before,
                        None => break,
                    }
                }
            }
            if proved.len() == before || !self.loose.has(chain_uid) {
                return proved;
            }
        }
    }

    /// All has been read: what is not proved now is not to be proved.
    pub fn end_logs(&mut self, now_ms: u64) -> Vec<Proved> {
        let mut proved = Vec::new();
        for chain in self.loose.chains() {
            proved.extend(self.prove(&chain, now_ms));
        }
        for loose in self.loose.drain() {
            let item = &loose.item;
            let chain = self.chains.get(&item.chain);
            let is_there =
                chain.is_some_and(|chain| chain.segments.holding(item.sequence).is_some());
            if is_there
                && self
                    .seen
                    .compare(item.chain, item.sequence, &item.fingerprint)
                    == Compared::Same
            {
                self.counts.duplicates += 1;
                continue;
            }
            self.counts.unproven += 1;
            self.issues.add(
                Kind::Unproven,
                || loose.place.clone(),
                || {
                    let uid = uid(&item.chain, item.sequence);
                    match (is_there, chain) {
                        (true, _) => format!("{uid}: another record has this id and is proved"),
                        (false, Some(_)) => format!("{uid}: no signed record comes after it"),
                        (false, None) => {
                            format!("{uid}: no key vouches for any record of its chain")
                        }
                    }
                },
            );
        }
        proved
    }
}
