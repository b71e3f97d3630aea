//! Chains and emitters that signed records name, and that are not there.

use std::collections::HashMap;

use audit::Range;

use super::{Conclusion, Question};
use crate::chains::{Chain, Said, Statements, Trail};
use crate::hex::encode;
use crate::issue::Kind;
use crate::item::{ChainUid, uid};
use crate::segment::Compared;

/// How far a chain goes by what signed records of others say.
#[derive(Clone, Copy, Debug)]
pub(super) struct SaidEnd {
    said: Said,
    /// Its emitter was killed so soon after it had first named records beyond the last that is here
    /// that they may never have been delivered.
    may_be_undelivered: bool,
}

impl Conclusion {
    /// A chain of which every record was taken away leaves no hole. Those beside it know of it.
    pub(super) fn check_beside<S: std::hash::BuildHasher>(
        &mut self,
        trail: &mut Trail,
        question: &Question,
        chains: &HashMap<ChainUid, Chain, S>,
        succeeded: &HashMap<ChainUid, u64>,
    ) {
        let beside = std::mem::take(&mut trail.beside);
        if question.is_excerpt {
            return;
        }
        let killed = killed(chains, succeeded, question.at_ms);
        let mut named: Vec<_> = beside.chains.into_iter().collect();
        named.sort_unstable_by_key(|(chain, _)| *chain);
        for (chain_uid, named) in named {
            let chain = chains.get(&chain_uid);
            let last = chain.and_then(|chain| chain.segments.ends());
            let last = last.map(|(_, last)| last);
            let furthest = named.settled.furthest();
            if let Some(said) = furthest {
                let end = SaidEnd {
                    said,
                    may_be_undelivered: may_be_undelivered(&named.settled, last, chains, &killed),
                };
                self.check_named(trail, chain_uid, chain, end);
            }
            let known = last.max(furthest.map(|said| said.sequence));
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
        end: SaidEnd,
    ) {
        let said = end.said;
        self.said_ends.insert(chain_uid, end);
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
        let said_end = self.said_ends.get(&chain_uid);
        let count = match crate::intervals::size(range) {
            1 => "1 record".to_owned(),
            count => format!("{count} records"),
        };
        let said_end = said_end.filter(|end| is_beyond && range.0 <= end.said.sequence);
        let may_be_undelivered = said_end.is_some_and(|end| end.may_be_undelivered);
        match said_end.map(|end| end.said) {
            Some(said) if may_be_undelivered => (
                Kind::Undelivered,
                format!(
                    "{} says that the chain goes up to number {}, and {count} are not here. Their emitter \
                     stopped within one heartbeat of that without closing its chains, as one that is \
                     killed does, so they may never have been delivered. Who took away just these leaves \
                     the same trail; the log of the proxy or a witness can tell",
                    uid(&said.by.0, said.by.1),
                    said.sequence
                ),
            ),
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

/// Emitters that stopped without a word: none of their chains was closed or taken over, and each is
/// silent for longer than it may be. With the time of the last record that is here of any of them,
/// and the longest time between two of their records while they lived.
fn killed<'c, S: std::hash::BuildHasher>(
    chains: &'c HashMap<ChainUid, Chain, S>,
    succeeded: &HashMap<ChainUid, u64>,
    at_ms: u64,
) -> HashMap<&'c str, (u64, u64)> {
    let mut killed: HashMap<&str, (u64, u64)> = HashMap::new();
    let mut others: Vec<&str> = Vec::new();
    for (uid, chain) in chains {
        let Some(emitter) = chain.emitter.as_deref() else {
            continue;
        };
        if chain.close.is_some() || succeeded.contains_key(uid) {
            others.push(emitter);
        }
        let heartbeat_ms = chain.heartbeat_ms();
        let (last_ms, heartbeat) = killed.entry(emitter).or_default();
        *last_ms = (*last_ms).max(chain.last_ms);
        *heartbeat = (*heartbeat).max(heartbeat_ms);
    }
    killed.retain(|_, (last_ms, heartbeat_ms)| {
        at_ms.saturating_sub(*last_ms) > heartbeat_ms.saturating_mul(2)
    });
    for emitter in others {
        killed.remove(emitter);
    }
    killed
}

/// Whether records beyond the last one of a chain were named for the first time within the last
/// heartbeat of an emitter that was killed. While it lived it went on trying to deliver them before
/// anything that came later.
fn may_be_undelivered<S: std::hash::BuildHasher>(
    statements: &Statements,
    last: Option<u64>,
    chains: &HashMap<ChainUid, Chain, S>,
    killed: &HashMap<&str, (u64, u64)>,
) -> bool {
    let first = statements.first_beyond(last);
    first.is_some_and(|said| {
        let emitter = chains.get(&said.by.0).and_then(|by| by.emitter.as_deref());
        emitter
            .and_then(|emitter| killed.get(emitter))
            .is_some_and(|(last_ms, heartbeat_ms)| {
                last_ms.saturating_sub(said.time_ms) <= *heartbeat_ms
            })
    })
}
