//! Chains and emitters that signed records name, and that are not there.

use std::collections::HashMap;

use audit::Range;

use super::{Conclusion, Question};
use crate::chains::{Chain, Said, Trail};
use crate::hex::encode;
use crate::issue::Kind;
use crate::item::{ChainUid, uid};
use crate::segment::Compared;

impl Conclusion {
    /// A chain of which every record was taken away leaves no hole. Those beside it know of it.
    pub(super) fn check_beside<S: std::hash::BuildHasher>(
        &mut self,
        trail: &mut Trail,
        question: &Question,
        chains: &HashMap<ChainUid, Chain, S>,
    ) {
        let beside = std::mem::take(&mut trail.beside);
        if question.is_excerpt {
            return;
        }
        let mut named: Vec<_> = beside.chains.into_iter().collect();
        named.sort_unstable_by_key(|(chain, _)| *chain);
        for (chain_uid, named) in named {
            let chain = chains.get(&chain_uid);
            if let Some(said) = named.settled {
                self.check_named(trail, chain_uid, chain, said);
            }
            let last = chain.and_then(|chain| chain.segments.ends());
            let known = last
                .map(|(_, last)| last)
                .max(named.settled.map(|s| s.sequence));
            if let Some(said) = named
                .recent
                .filter(|said| known.is_none_or(|known| known < said.sequence))
            {
                trail.issues.add(
                    Kind::Awaited,
                    || uid(&chain_uid, said.sequence),
                    || {
                        format!(
                            "{} was written just now and says that the chain goes as far as this: \
                             the rest may be on its way",
                            uid(&said.by.0, said.by.1)
                        )
                    },
                );
            }
        }
        let absent = beside.emitters.into_iter();
        let mut absent: Vec<_> = absent
            .filter(|(emitter, _)| !beside.present.contains(emitter))
            .collect();
        absent.sort_unstable();
        for (emitter, by) in absent {
            trail.issues.add(
                Kind::AbsentEmitter,
                || uid(&by.0, by.1),
                || {
                    format!(
                        "it says that the emitter {emitter:?} recorded requests in the same proxy, \
                         and nothing of that one is here: it wrote to another place, or its files \
                         were not given, or were deleted"
                    )
                },
            );
        }
    }

    fn check_named(
        &mut self,
        trail: &mut Trail,
        chain_uid: ChainUid,
        chain: Option<&Chain>,
        said: Said,
    ) {
        self.said_ends.insert(chain_uid, said);
        match chain {
            Some(chain) if chain.segments.ends().is_some() => {
                let is_there = chain.segments.holding(said.sequence).is_some();
                let compared = trail
                    .seen
                    .compare(chain_uid, said.sequence, &said.fingerprint);
                if is_there && compared == Compared::Other {
                    trail.issues.add(
                        Kind::Fork,
                        || uid(&chain_uid, said.sequence),
                        || {
                            format!(
                                "{} has seen another record with this id",
                                uid(&said.by.0, said.by.1)
                            )
                        },
                    );
                }
                self.expect(chain_uid, said.sequence);
            }
            // That the checkpoint which the purge left is missing is said of the chain.
            Some(chain) if !chain.purges.is_empty() => {}
            _ => {
                let all = Range(0, said.sequence);
                self.check_holes(trail, chain_uid, &Chain::default(), all);
            }
        }
    }

    /// Of what kind it is that records are missing, and what there is to say of it.
    pub(super) fn name_missing(
        &self,
        chain_uid: ChainUid,
        chain: &Chain,
        range: Range,
    ) -> (Kind, String) {
        let end = chain.segments.ends().map(|(_, last)| last);
        let is_beyond = end.is_none_or(|last| range.0 > last);
        let said = self.said_ends.get(&chain_uid);
        let count = match crate::intervals::size(range) {
            1 => "1 record".to_owned(),
            count => format!("{count} records"),
        };
        match said.filter(|said| is_beyond && range.0 <= said.sequence) {
            Some(said) if end.is_none() => (
                Kind::ChainRemoved,
                format!(
                    "a whole chain was taken away: {} names the chain {} beside it, with the numbers \
                     0 to {}, and nothing says why {count} are not here",
                    uid(&said.by.0, said.by.1),
                    encode(&chain_uid),
                    said.sequence
                ),
            ),
            Some(said) => (
                Kind::EndRemoved,
                format!(
                    "the end of a chain was taken away: {} says that it goes up to number {}, and \
                     nothing says why {count} are not here",
                    uid(&said.by.0, said.by.1),
                    said.sequence
                ),
            ),
            None if count == "1 record" => {
                (Kind::Missing, "is missing, and nothing says why".to_owned())
            }
            None => (
                Kind::Missing,
                format!("{count} are missing, and nothing says why"),
            ),
        }
    }
}
