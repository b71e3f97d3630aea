//! What chains say about each other, and witnesses about chains.

use std::collections::HashMap;

use super::{Conclusion, Question};
use crate::chains::Trail;
use crate::hex::{decode, encode};
use crate::issue::Kind;
use crate::item::{ChainUid, uid};
use crate::segment::Compared;

impl Conclusion {
    /// Chains that others go on from: they end where those say.
    pub(super) fn check_successions(
        &mut self,
        trail: &mut Trail,
        question: &Question,
    ) -> HashMap<ChainUid, u64> {
        let mut succeeded = HashMap::new();
        let mut absent = Vec::new();
        let mut forks = Vec::new();
        let mut strangers = Vec::new();
        for (successor, chain) in &trail.chains {
            let Some(open) = &chain.open else { continue };
            let Some(head) = open
                .predecessor
                .as_ref()
                .filter(|_| open.is_vouched || !open.is_signed && !trail.has_keys())
            else {
                continue;
            };
            let Some(predecessor) = decode::<16>(head.chain_uid.as_bytes()) else {
                continue;
            };
            match trail.chains.get(&predecessor) {
                None => absent.push((*successor, head.clone())),
                Some(before)
                    if !trail
                        .may_speak(chain.signed_by.as_deref(), before.signed_by.as_deref()) =>
                {
                    strangers.push((*successor, head.clone()));
                }
                Some(_) => {
                    let compared =
                        trail
                            .seen
                            .compare(predecessor, head.sequence, &head.fingerprint);
                    if compared == Compared::Other {
                        forks.push((*successor, head.clone()));
                    }
                    self.expect(predecessor, head.sequence);
                    succeeded.insert(predecessor, head.sequence);
                }
            }
        }
        strangers.sort_unstable_by_key(|(successor, _)| *successor);
        for (successor, head) in strangers {
            trail.issues.add(
                Kind::KeyChanged,
                || encode(&successor),
                || {
                    format!(
                        "it goes on from chain {}, which is signed with another key: if this one has taken its place, \
                         say so in the file of keys (\"succeeds\")",
                        head.chain_uid
                    )
                },
            );
        }
        absent.sort_unstable_by_key(|(successor, _)| *successor);
        for (successor, head) in absent {
            if !question.is_excerpt {
                trail.issues.add(
                    Kind::AbsentChain,
                    || encode(&successor),
                    || {
                        format!(
                            "it goes on from chain {}, of which nothing is there",
                            head.chain_uid
                        )
                    },
                );
            }
        }
        for (successor, head) in forks {
            trail.issues.add(
                Kind::Fork,
                || encode(&successor),
                || {
                    format!(
                        "it goes on from another record than the {}:{} that is there",
                        head.chain_uid, head.sequence
                    )
                },
            );
        }
        succeeded
    }

    pub(super) fn expect(&mut self, chain: ChainUid, sequence: u64) {
        let end = self.known_ends.entry(chain).or_default();
        *end = (*end).max(sequence);
    }

    pub(super) fn check_witness(&mut self, trail: &mut Trail, question: &Question) {
        for ((chain, sequence), fingerprint) in &question.witness {
            let Some(known) = trail.chains.get(chain) else {
                self.records.missing = self.records.missing.saturating_add(1);
                trail.issues.add(
                    Kind::Missing,
                    || encode(chain),
                    || "a witness has seen this chain, and nothing of it is there".to_owned(),
                );
                continue;
            };
            let compared = trail.seen.compare(*chain, *sequence, fingerprint);
            if known.segments.holding(*sequence).is_none() {
                self.expect(*chain, *sequence);
            } else if compared == Compared::Other {
                trail.issues.add(
                    Kind::Fork,
                    || uid(chain, *sequence),
                    || "a witness has seen another record with this id".to_owned(),
                );
            }
        }
    }
}
