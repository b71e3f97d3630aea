//! A chain by itself: its beginning, its end, and how far signatures vouch for it.

use audit::Range;

use super::holes::declared_lost;
use super::orders::{CLOCKS_DIFFER_MS, longest_request_ms};
use super::{ChainVerdict, Conclusion, Question, numbers};
use crate::chains::{Chain, Purge, Trail};
use crate::hex::encode;
use crate::intervals::size;
use crate::issue::Kind;
use crate::item::{ChainUid, uid};
use crate::segment::{Compared, Segment};
use crate::time;

impl Conclusion {
    pub(super) fn check_chain(
        &mut self,
        trail: &mut Trail,
        question: &Question,
        chain_uid: ChainUid,
        chain: &Chain,
        is_succeeded: bool,
    ) {
        let Some((first, last)) = chain.segments.ends() else {
            // Only an order names it.
            self.check_absent(trail, chain_uid, chain);
            return;
        };
        if self.refuse_unvouched(trail, chain_uid, chain) {
            return;
        }
        if first == 0
            && let Some((_, segment)) = chain.segments.iter().next()
            && let Some(why) = segment.contradiction_at_beginning()
            && let Some(stated) = &segment.first_stated
        {
            let of = || uid(&chain_uid, stated.sequence);
            trail.issues.add(Kind::Contradiction, of, || why);
        }
        self.check_lost(trail, chain_uid, chain);
        self.check_undeclared(trail, chain_uid, chain);
        let purge = self.check_purges(trail, chain_uid, (chain, question.is_excerpt));
        let begin = match purge {
            Some(checkpoint) => checkpoint,
            None if question.is_excerpt => first,
            None => 0,
        };
        let end = match self.known_ends.get(&chain_uid) {
            Some(end) if !question.is_excerpt => last.max(*end),
            _ => last,
        };
        if begin == 0 && first == 0 && chain.open.is_none() && !chain.removed.contains(&0) {
            trail.issues.add(
                Kind::NoBeginning,
                || uid(&chain_uid, 0),
                || {
                    "a chain begins with a record that says where it comes from; this one does not"
                        .to_owned()
                },
            );
        }
        self.check_holes(trail, chain_uid, chain, Range(begin, end));
        if let Some((_, statement)) = &chain.statement {
            let sampled_out = self.records.sampled_out;
            self.records.sampled_out = sampled_out.saturating_add(statement.sampled_out);
        }
        let covered = self.check_cover(trail, chain_uid, chain, begin);
        let end = self.check_end(trail, question, chain_uid, chain, is_succeeded);
        let heartbeat_ms = chain.heartbeat_ms();
        for silence in &chain.silences {
            let silent_ms = silence.to_ms - silence.from_ms;
            if heartbeat_ms > 0 && silent_ms > heartbeat_ms.saturating_mul(2) && !chain.is_ledger()
            {
                trail.issues.add(
                    Kind::Silence,
                    || uid(&chain_uid, silence.after),
                    || {
                        format!(
                            "nothing from {} to {} ({}), where a sign of life was due every {}",
                            time::format(silence.from_ms),
                            time::format(silence.to_ms),
                            time::duration(silent_ms),
                            time::duration(heartbeat_ms)
                        )
                    },
                );
            }
        }
        check_key_time(trail, chain_uid, chain);
        check_roles(trail, chain_uid, chain);
        if chain.clock_steps > 0 {
            trail.issues.add_many(
                Kind::ClockStep,
                chain.clock_steps,
                || encode(&chain_uid),
                || {
                    "the clock went back between records; their order in the chain is the true one"
                        .to_owned()
                },
            );
        }
        self.add_chain(chain_uid, chain, last, covered, end);
    }

    fn add_chain(
        &mut self,
        chain_uid: ChainUid,
        chain: &Chain,
        last: u64,
        covered: Option<u64>,
        end: &'static str,
    ) {
        self.chain_count += 1;
        if self.chains.len() >= MAX_CHAINS {
            return;
        }
        self.chains.push(ChainVerdict {
            chain_uid: encode(&chain_uid),
            class: chain.class.clone(),
            node: chain.open.as_ref().and_then(|open| open.node.clone()),
            first: chain.segments.ends().map_or(0, |(first, _)| first),
            last,
            covered,
            end,
            from_ms: chain.first_ms.unwrap_or(0),
            to_ms: chain.last_ms,
        });
    }

    /// Whether nobody vouches for a chain, although there are keys: then nothing else counts about it.
    fn refuse_unvouched(&mut self, trail: &mut Trail, chain_uid: ChainUid, chain: &Chain) -> bool {
        if !trail.has_keys() || chain.is_vouched() {
            return false;
        }
        // A piece from between two checkpoints: its signatures are elsewhere, and what is missing
        // says so.
        if chain.open.is_none() && chain.key_id.is_none() {
            return false;
        }
        let (_, last) = chain.segments.ends().unwrap_or_default();
        let count = chain.counts.valid;
        self.records.unvouched = self.records.unvouched.saturating_add(count);
        trail.counts.subtract(&chain.counts);
        trail.issues.add_many(
            Kind::Unvouched,
            count.max(1),
            || encode(&chain_uid),
            || {
                let signed = match &chain.key_id {
                    Some(key) => format!("they are signed with the key {key:?}"),
                    None => "they are not signed".to_owned(),
                };
                format!("none of the keys given vouches for any of its {count} records; {signed}")
            },
        );
        self.add_chain(chain_uid, chain, last, None, "unvouched");
        true
    }

    /// What was lost is declared in a gap each, and statements say how much it is.
    fn check_lost(&self, trail: &mut Trail, chain_uid: ChainUid, chain: &Chain) {
        let Some((at, statement)) = &chain.statement else {
            return;
        };
        let mut segments = chain.segments.iter();
        let is_whole = segments
            .next()
            .is_some_and(|(first, segment)| first == 0 && segment.last >= *at);
        if !is_whole {
            return;
        }
        let declared = declared_lost(chain, |sequence| sequence <= *at);
        for (reason, count) in declared {
            let stated = statement.lost.get(reason).copied().unwrap_or(0);
            if stated < count {
                trail.issues.add(
                    Kind::Contradiction,
                    || uid(&chain_uid, *at),
                    || {
                        format!(
                            "it says {stated} requests lost ({reason}), and gaps declare {count}"
                        )
                    },
                );
            }
        }
    }

    fn check_absent(&mut self, trail: &mut Trail, chain_uid: ChainUid, chain: &Chain) {
        if let Some(purge) = chain.purges.iter().max_by_key(|purge| purge.checkpoint) {
            self.records.expired = self.records.expired.saturating_add(purge.checkpoint);
            self.miss_checkpoint(trail, chain_uid, purge);
        }
    }

    fn miss_checkpoint(&mut self, trail: &mut Trail, chain_uid: ChainUid, purge: &Purge) {
        self.records.missing = self.records.missing.saturating_add(1);
        trail.issues.add(
            Kind::Missing,
            || uid(&chain_uid, purge.checkpoint),
            || "the checkpoint that a purge left is missing, and all after it".to_owned(),
        );
    }

    /// The number of the record that is now the first, if an operator says so.
    fn check_purges(
        &mut self,
        trail: &mut Trail,
        chain_uid: ChainUid,
        (chain, is_excerpt): (&Chain, bool),
    ) -> Option<u64> {
        let (_, last) = chain.segments.ends()?;
        let beyond = |purge: &&Purge| purge.checkpoint > last;
        if !is_excerpt {
            for purge in chain.purges.iter().filter(beyond) {
                self.miss_checkpoint(trail, chain_uid, purge);
            }
        }
        // All else is judged as if there were no such order.
        let purges = chain.purges.iter().filter(|purge| !beyond(purge));
        let purge = purges.max_by_key(|purge| purge.checkpoint)?;
        let at = purge.checkpoint;
        let held = chain.segments.holding(at);
        let compared = trail.seen.compare(chain_uid, at, &purge.fingerprint);
        if held.is_some() && compared == Compared::Other {
            trail.issues.add(
                Kind::ForgedStatement,
                || uid(&chain_uid, at),
                || "a purge names another record than this one as the first that stays".to_owned(),
            );
            return None;
        }
        let is_signed =
            |segment: &Segment| segment.first_signed.is_some_and(|(first, _)| first <= at);
        if held.is_some_and(|segment| !is_signed(segment)) {
            trail.issues.add(
                Kind::ForgedStatement,
                || uid(&chain_uid, at),
                || {
                    "a purge leaves a signed record as the first, and nobody has signed this one"
                        .to_owned()
                },
            );
            return None;
        }
        if at > 0 {
            let there = chain.segments.count_in(0, at - 1);
            // Tombstones fill places, and are not what a purge deletes.
            let removed = chain.removed.iter().filter(|number| **number < at).count() as u64;
            let left = there.saturating_sub(removed);
            self.records.expired = self
                .records
                .expired
                .saturating_add(at.saturating_sub(there));
            self.check_early(trail, chain_uid, chain, purge);
            if left > 0 {
                trail.issues.add_many(
                    Kind::StillThere,
                    left,
                    || numbers(&chain_uid, Range(0, at - 1)),
                    || format!("an operator has purged these, and {left} are still there"),
                );
            }
        }
        Some(at)
    }

    /// A purge leaves the first signed record after all that goes. Where that is younger than the records of the chain
    /// are kept, their time cannot have been over.
    fn check_early(&self, trail: &mut Trail, chain_uid: ChainUid, chain: &Chain, purge: &Purge) {
        let gone = Range(0, purge.checkpoint.saturating_sub(1));
        let stays = chain.segments.holding(purge.checkpoint);
        let Some((_, stays_ms)) = stays.and_then(|segment| segment.first_signed) else {
            return;
        };
        let Some(keep_ms) = chain.keep_ms().or_else(|| self.keep_of_class(chain)) else {
            trail.issues.add_many(
                Kind::KeepUnknown,
                size(gone),
                || numbers(&chain_uid, gone),
                || {
                    "an operator has purged these, and nothing that stays says how long they were kept"
                        .to_owned()
                },
            );
            return;
        };
        let Some(delay_ms) = chain.delay_ms() else {
            return;
        };
        let over_ms = stays_ms.saturating_add(keep_ms);
        if purge.time_ms >= over_ms.saturating_sub(delay_ms.max(longest_request_ms(keep_ms))) {
            return;
        }
        trail.issues.add_many(
            Kind::PurgedEarly,
            size(gone),
            || numbers(&chain_uid, gone),
            || {
                format!(
                    "an operator has purged these on {}; such records are kept for {}, and the one that stays is of {}",
                    time::format(purge.time_ms),
                    time::duration(keep_ms),
                    time::format(stays_ms)
                )
            },
        );
    }

    pub(super) fn keep_of_class(&self, chain: &Chain) -> Option<u64> {
        chain
            .class
            .as_ref()
            .and_then(|class| self.keeps.get(class))
            .copied()
    }

    /// The last record that a signature vouches for.
    fn check_cover(
        &mut self,
        trail: &mut Trail,
        chain_uid: ChainUid,
        chain: &Chain,
        begin: u64,
    ) -> Option<u64> {
        let mut last = None;
        let mut uncovered = 0_u64;
        let mut from = None;
        let segments = chain.segments.iter();
        for (first, segment) in segments.filter(|(_, segment)| segment.last >= begin) {
            last = segment.covered.or(last);
            let next = match segment.covered {
                Some(covered) => covered.saturating_add(1),
                None => first,
            };
            for open in chain.by_operator.outside(Range(next, segment.last)) {
                from = from.or(Some(open.0));
                uncovered = uncovered.saturating_add(size(open));
            }
            if chain.by_operator.contains(segment.last) {
                last = Some(segment.last);
            }
        }
        self.records.uncovered = self.records.uncovered.saturating_add(uncovered);
        let is_unsigned = chain.open.as_ref().is_some_and(|open| !open.is_signed);
        if is_unsigned {
            trail.issues.add(
                Kind::Unsigned,
                || encode(&chain_uid),
                || "its emitter has no key: what is missing in it shows, what was changed by somebody who \
                    rewrote everything after it does not, and neither does a chain beside it that \
                    was taken away whole".to_owned(),
            );
        } else if let Some(from) = from {
            trail.issues.add_many(
                Kind::Uncovered,
                uncovered,
                || uid(&chain_uid, from),
                || format!("{uncovered} records are not yet covered: no signature of a known key comes after them"),
            );
        }
        last
    }

    fn check_end(
        &mut self,
        trail: &mut Trail,
        question: &Question,
        chain_uid: ChainUid,
        chain: &Chain,
        is_succeeded: bool,
    ) -> &'static str {
        if let Some((sequence, _)) = &chain.close {
            if chain
                .segments
                .ends()
                .is_some_and(|(_, last)| last > *sequence)
            {
                trail.issues.add(
                    Kind::AfterEnd,
                    || uid(&chain_uid, sequence.saturating_add(1)),
                    || "records come after the one that closes the chain".to_owned(),
                );
            }
            return "closed";
        }
        if chain.is_ledger() {
            return "ledger";
        }
        if is_succeeded {
            return "succeeded";
        }
        let last = chain.segments.iter().last();
        let last_sign = last.and_then(|(_, segment)| segment.last_signed);
        let last_ms = last_sign.map_or(chain.last_ms, |(_, ms)| ms);
        let silent_ms = question.at_ms.saturating_sub(last_ms);
        if silent_ms <= chain.heartbeat_ms().saturating_mul(2) {
            return "alive";
        }
        if !question.is_excerpt {
            trail.issues.add(
                Kind::OpenEnd,
                || encode(&chain_uid),
                || {
                    format!(
                        "the last sign of life is of {}, and the chain was not closed: whatever came \
                         after is not here",
                        time::format(last_ms)
                    )
                },
            );
        }
        "open"
    }
}

/// Operators write in ledgers of their own, and nobody else does there.
fn check_roles(trail: &mut Trail, chain_uid: ChainUid, chain: &Chain) {
    let orders = chain.by_operator.count();
    if orders == 0 || chain.is_ledger() {
        return;
    }
    let first = chain.by_operator.iter().next().map_or(0, |range| range.0);
    trail.issues.add_many(
        Kind::WrongRole,
        orders,
        || uid(&chain_uid, first),
        || {
            format!(
                "{orders} records of an operator are in one chain with records that no operator has signed: an order stands \
                 in a ledger, and vouches for nothing before it"
            )
        },
    );
}

/// A key vouches for records of its time, not only with records of its time.
fn check_key_time(trail: &mut Trail, chain_uid: ChainUid, chain: &Chain) {
    let Some(key) = &chain.signed_by else { return };
    let Some((from_ms, to_ms)) = trail.key_times.get(key).copied() else {
        return;
    };
    let first_ms = chain.first_ms.unwrap_or(from_ms);
    let is_before = first_ms.saturating_add(CLOCKS_DIFFER_MS) < from_ms;
    let is_after = chain.last_ms > to_ms.saturating_add(CLOCKS_DIFFER_MS);
    if is_before || is_after {
        trail.issues.add(
            Kind::KeyOutOfTime,
            || encode(&chain_uid),
            || {
                format!(
                    "it has records from {} to {}, and the key {key:?} was not in use all that time",
                    time::format(first_ms),
                    time::format(chain.last_ms)
                )
            },
        );
    }
}

pub(super) const MAX_CHAINS: usize = 1000;
