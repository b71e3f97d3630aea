//! Records of a chain that are not there, and what the emitter says about them.

use std::collections::{BTreeMap, HashMap};

use audit::{Lost, Range};

use super::{Conclusion, DeclaredGap, numbers};
use crate::chains::{Chain, Trail};
use crate::hex::decode;
use crate::intervals::{Intervals, size};
use crate::issue::Kind;
use crate::item::{ChainUid, uid};
use crate::time;

impl Conclusion {
    pub(super) fn check_holes(
        &mut self,
        trail: &mut Trail,
        chain_uid: ChainUid,
        chain: &Chain,
        all: Range,
    ) {
        let mut there = Intervals::default();
        for (first, segment) in chain.segments.iter() {
            there.add(Range(first, segment.last));
        }
        let mut declared = Intervals::default();
        let own = chain.gaps.iter().filter(|(sequence, lost)| {
            lost.chain_uid.is_none() && is_vouched_gap(chain, *sequence)
        });
        let adopted = self.adopted.remove(&chain_uid).unwrap_or_default();
        let told: Vec<&(u64, Lost)> = own.chain(&adopted).collect();
        for (index, (sequence, lost)) in told.iter().enumerate() {
            let mut absent = 0_u64;
            for range in &lost.ranges {
                for range in there.outside(*range) {
                    absent = absent.saturating_add(size(range));
                    declared.add(range);
                }
            }
            if !is_told_again(&told, index) {
                self.add_gap(lost, absent);
            }
            // What is only kept elsewhere, and was given to us from there, is not missing.
            if absent > 0 || lost.ranges.is_empty() && lost.count > 0 {
                trail.issues.add(
                    Kind::DeclaredGap,
                    || uid(&chain_uid, *sequence),
                    || declared_text(lost, absent),
                );
            }
        }
        for hole in there.outside(all) {
            let undeclared = declared.outside(hole);
            let missing = undeclared
                .iter()
                .fold(0, |sum: u64, r| sum.saturating_add(size(*r)));
            self.records.declared = self
                .records
                .declared
                .saturating_add(size(hole).saturating_sub(missing));
            for range in undeclared {
                let (kind, why) = self.name_missing(chain_uid, chain, range);
                let count = match kind {
                    Kind::Undelivered => &mut self.records.undelivered,
                    _ => &mut self.records.missing,
                };
                *count = count.saturating_add(size(range));
                let of = || numbers(&chain_uid, range);
                trail.issues.add_many(kind, size(range), of, || why);
            }
        }
    }
}

impl Conclusion {
    fn add_gap(&mut self, lost: &Lost, absent: u64) {
        let key = (lost.reason.clone(), lost.kept.clone());
        let gap = self.gaps.entry(key).or_insert_with(|| DeclaredGap {
            reason: lost.reason.clone(),
            kept: lost.kept.clone(),
            requests: 0,
            absent: 0,
            from_ms: u64::MAX,
            to_ms: 0,
        });
        gap.requests = gap.requests.saturating_add(lost.count);
        gap.absent = gap.absent.saturating_add(absent);
        gap.from_ms = gap.from_ms.min(lost.from_ms);
        gap.to_ms = gap.to_ms.max(lost.to_ms);
    }

    /// What statements say was lost, and no gap declares, is not here either.
    pub(super) fn check_undeclared(
        &mut self,
        trail: &mut Trail,
        chain_uid: ChainUid,
        chain: &Chain,
    ) {
        let (Some((at, statement)), Some((first, segment))) =
            (&chain.statement, chain.segments.iter().next())
        else {
            return;
        };
        // Of what was purged the first statement that is left tells how much was lost before it.
        let (from, before) = match (first, &segment.first_stated) {
            (0, _) => (None, 0),
            (_, Some(stated)) => (Some(stated.sequence), stated.lost),
            (_, None) => return,
        };
        // What declares it may be among the records that are missing.
        if segment.last < *at {
            return;
        }
        let declared = declared_lost(chain, |sequence| Some(sequence) > from);
        let declared = declared
            .values()
            .fold(before, |sum, lost| sum.saturating_add(*lost));
        let stated = statement.lost_in_all();
        let Some(count) = stated.checked_sub(declared).filter(|count| *count > 0) else {
            return;
        };
        let reasons: Vec<&str> = statement.lost.keys().map(String::as_str).collect();
        let lost = Lost {
            reason: reasons.join(", "),
            count,
            from_ms: chain.first_ms.unwrap_or(0),
            to_ms: chain.last_ms,
            ..Lost::default()
        };
        self.add_gap(&lost, 0);
        trail.issues.add(
            Kind::DeclaredGap,
            || uid(&chain_uid, *at),
            || {
                format!(
                    "it says {stated} requests lost ({}), of which no gap declares {count}: nobody says when they were",
                    lost.reason
                )
            },
        );
    }

    /// Sorts what emitters say about chains that they have taken over by those chains. Only who has the key of such a
    /// chain, or took its place, can have taken it over.
    pub(super) fn adopt_gaps<S: std::hash::BuildHasher>(
        &mut self,
        trail: &Trail,
        chains: &HashMap<ChainUid, Chain, S>,
    ) {
        let signer = |uid: &ChainUid| chains.get(uid)?.signed_by.as_deref();
        // Of a chain that is not here, those beside it know whose it was.
        let named_by = |uid: &ChainUid| {
            let named = trail.beside.chains.get(uid)?;
            signer(&named.settled.furthest()?.by.0)
        };
        for chain in chains.values() {
            for (sequence, lost) in &chain.gaps {
                let target = lost.chain_uid.as_deref();
                let target = target.and_then(|uid| decode::<16>(uid.as_bytes()));
                let of = target.and_then(|target| signer(&target).or_else(|| named_by(&target)));
                if let Some(target) = target.filter(|_| is_vouched_gap(chain, *sequence))
                    && trail.may_speak(chain.signed_by.as_deref(), of)
                {
                    let gaps = self.adopted.entry(target).or_default();
                    gaps.push((*sequence, lost.clone()));
                }
            }
        }
    }
}

/// Whether another gap of the chain tells of the same records: one that did not arrive is told again, with what was
/// lost since.
fn is_told_again(all: &[&(u64, Lost)], index: usize) -> bool {
    let Some((_, lost)) = all.get(index) else {
        return false;
    };
    let near = index.saturating_sub(MOST_TELLINGS)..index.saturating_add(MOST_TELLINGS + 1);
    let others = all.iter().enumerate().skip(near.start);
    let mut others = others.take_while(|(other, _)| *other < near.end);
    others.any(|(other, (_, by))| {
        let is_alike = by.reason == lost.reason && by.kept == lost.kept;
        let holds = |range: &Range| by.ranges.iter().any(|b| b.0 <= range.0 && range.1 <= b.1);
        let tells = is_alike
            && by.count >= lost.count
            && !lost.ranges.is_empty()
            && lost.ranges.iter().all(holds);
        // Of two that say the same the first counts.
        let is_same = by == lost || by.ranges == lost.ranges && by.count == lost.count;
        tells && other != index && (!is_same || other < index)
    })
}

/// As far before and behind as one is looked for: in the worst case each batch after it was lost, too.
const MOST_TELLINGS: usize = 64;

/// How many requests the gaps with these numbers declare as lost for each reason.
pub(super) fn declared_lost(chain: &Chain, is_asked: impl Fn(u64) -> bool) -> BTreeMap<&str, u64> {
    let mut declared = BTreeMap::new();
    // A gap that did not arrive is declared again.
    let mut seen: Vec<&Lost> = Vec::new();
    for (sequence, lost) in &chain.gaps {
        let is_lost = lost.kept.is_none() && lost.ranges.is_empty();
        if !is_asked(*sequence) || !is_lost || seen.contains(&lost) {
            continue;
        }
        seen.push(lost);
        let count: &mut u64 = declared.entry(lost.reason.as_str()).or_default();
        *count = count.saturating_add(lost.count);
    }
    declared
}

/// Where signatures can be checked at all, one must vouch for what an emitter says is missing.
fn is_vouched_gap(chain: &Chain, sequence: u64) -> bool {
    let signed = chain.open.as_ref().is_none_or(|open| open.is_signed);
    let any_covered = chain.segments.iter().any(|(_, s)| s.covered.is_some());
    let covered = chain.segments.holding(sequence).and_then(|s| s.covered);
    !(signed && any_covered) || covered.is_some_and(|covered| covered >= sequence)
}

fn declared_text(lost: &Lost, absent: u64) -> String {
    let kept = match &lost.kept {
        Some(kept) if kept == "host_log" => {
            "; they are in the log of the proxy, which can be given as a further file"
        }
        Some(_) => "; they are kept elsewhere",
        None => "",
    };
    format!(
        "{} requests are not here ({}), from {} to {}; {absent} of their records had a number{kept}",
        lost.count,
        lost.reason,
        time::format(lost.from_ms),
        time::format(lost.to_ms)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was rejected with the gap that told of others is told again, with them.
    #[test]
    fn what_is_told_again_counts_once() {
        let told = |sequence: u64, count: u64, ranges: &[Range]| {
            let lost = Lost {
                reason: "rejected".to_owned(),
                count,
                ranges: ranges.to_vec(),
                kept: Some("host_log".to_owned()),
                ..Lost::default()
            };
            (sequence, lost)
        };
        let gaps = [
            told(12, 6, &[Range(0, 7)]),
            told(14, 10, &[Range(0, 13)]),
            told(20, 10, &[Range(0, 15)]),
            told(30, 4, &[Range(21, 24)]),
            told(31, 4, &[Range(21, 24)]),
            // Without numbers nobody can tell whether they are others.
            told(40, 3, &[]),
            told(41, 3, &[]),
        ];
        let all: Vec<&(u64, Lost)> = gaps.iter().collect();
        let again: Vec<bool> = (0..all.len()).map(|at| is_told_again(&all, at)).collect();
        assert_eq!(again, [true, true, false, false, true, false, false]);
    }
}
