//! What follows from everything that was seen.

use std::collections::{BTreeMap, HashMap};

use audit::{Control, Hash, Range, Target};
use serde::Serialize;

use super::hex::{decode, encode};
use super::intervals::{Intervals, size};
use super::issue::{Issue, Kind, Severity};
use super::item::{ChainUid, uid};
use super::segment::Compared;
use super::time;
use super::trail::{Chain, Counts, Trail};

/// What a verdict depends on beside the records.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The time, milliseconds since 1970: an emitter that lives has said so shortly before.
    pub at_ms: u64,
    /// The files are a part: what is before and after them is not asked for.
    pub is_excerpt: bool,
    /// What witnesses have seen.
    pub witness: BTreeMap<(ChainUid, u64), Hash>,
}

/// The verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// In a word.
    pub result: &'static str,
    /// The exit status.
    pub exit_code: u8,
    /// Counts of records.
    pub records: Records,
    /// How many issues of each kind.
    pub issue_counts: BTreeMap<Kind, u64>,
    /// What emitters say is not where the rest is.
    pub declared_gaps: Vec<DeclaredGap>,
    /// The first of each kind.
    pub issues: Vec<Issue>,
    /// How many chains.
    pub chain_count: u64,
    /// The chains, the first thousand.
    pub chains: Vec<ChainVerdict>,
}

/// Counts of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// As they were read.
    #[serde(flatten)]
    pub seen: Counts,
    /// Not records, or changed, or with a signature that is none.
    pub invalid: u64,
    /// Missing, and nothing says why.
    pub missing: u64,
    /// Missing, and the emitter says why.
    pub declared: u64,
    /// Deleted after their time.
    pub expired: u64,
    /// Records that claim the place of another.
    pub forks: u64,
    /// Valid, and no signature vouches for them.
    pub uncovered: u64,
    /// Requests of which emitters kept no record on purpose, by sampling.
    pub sampled_out: u64,
}

/// What emitters say is not where the rest is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclaredGap {
    /// Why.
    pub reason: String,
    /// Where it is kept instead.
    pub kept: Option<String>,
    /// How many requests.
    pub requests: u64,
    /// How many of their records had a number and are not in the files.
    pub absent: u64,
    /// When the first was, milliseconds since 1970.
    pub from_ms: u64,
    /// When the last was.
    pub to_ms: u64,
}

/// A chain.
#[derive(Clone, Debug, Serialize)]
pub struct ChainVerdict {
    /// Its id.
    pub chain_uid: String,
    /// Its retention class.
    pub class: Option<String>,
    /// The proxy.
    pub node: Option<String>,
    /// The first number.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// The last that a known key vouches for.
    pub covered: Option<u64>,
    /// How it ends: `closed`, `succeeded`, `alive`, `open`, `ledger`.
    pub end: &'static str,
    /// When its first record was, milliseconds since 1970.
    pub from_ms: u64,
    /// When its last was.
    pub to_ms: u64,
}

/// Draws the conclusion.
#[must_use]
pub fn conclude(mut trail: Trail, question: &Question) -> Verdict {
    let mut conclusion = Conclusion::default();
    let succeeded = conclusion.check_successions(&mut trail, question);
    conclusion.check_witness(&mut trail, question);
    conclusion.check_orders(&mut trail);
    let chains = std::mem::take(&mut trail.chains);
    let mut uids: Vec<&ChainUid> = chains.keys().collect();
    uids.sort_unstable_by_key(|uid| (chains.get(*uid).and_then(|chain| chain.first_ms), **uid));
    for uid in &uids {
        if let Some(chain) = chains.get(*uid) {
            conclusion.check_chain(
                &mut trail,
                question,
                **uid,
                chain,
                succeeded.contains_key(*uid),
            );
        }
    }
    if trail.counts.valid == 0 {
        trail.issues.add(
            Kind::Empty,
            || "-".to_owned(),
            || "there is no valid record, so there is nothing to verify".to_owned(),
        );
    }
    conclusion.verdict(trail)
}

#[derive(Default)]
struct Conclusion {
    records: Records,
    gaps: BTreeMap<(String, Option<String>), DeclaredGap>,
    chains: Vec<ChainVerdict>,
    chain_count: u64,
    /// Beyond the last record of a chain that is there, one that must have been.
    known_ends: HashMap<ChainUid, u64>,
}

impl Conclusion {
    /// Chains that others go on from: they end where those say.
    fn check_successions(
        &mut self,
        trail: &mut Trail,
        question: &Question,
    ) -> HashMap<ChainUid, u64> {
        let mut succeeded = HashMap::new();
        let mut absent = Vec::new();
        let mut forks = Vec::new();
        for (successor, chain) in &trail.chains {
            let Some(open) = &chain.open else { continue };
            let Some(head) = open
                .predecessor
                .as_ref()
                .filter(|_| open.is_vouched || !open.is_signed)
            else {
                continue;
            };
            let Some(predecessor) = decode::<16>(head.chain_uid.as_bytes()) else {
                continue;
            };
            match trail.chains.get(&predecessor) {
                None => absent.push((*successor, head.clone())),
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

    fn expect(&mut self, chain: ChainUid, sequence: u64) {
        let end = self.known_ends.entry(chain).or_default();
        *end = (*end).max(sequence);
    }

    fn check_witness(&mut self, trail: &mut Trail, question: &Question) {
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

    /// What operators did: nothing that was on hold, and nothing without an order.
    fn check_orders(&mut self, trail: &mut Trail) {
        let mut orders = std::mem::take(&mut trail.orders);
        orders.sort_by_key(|order| order.time_ms);
        let mut holds: BTreeMap<&str, &[Target]> = BTreeMap::new();
        for order in &orders {
            let touched: Vec<(&str, Range)> = match &order.control {
                Control::Hold { hold, targets, .. } => {
                    holds.insert(hold, targets);
                    continue;
                }
                Control::Release { hold, .. } => {
                    holds.remove(hold.as_str());
                    continue;
                }
                Control::Tombstone {
                    chain_uid,
                    sequence,
                    ..
                } => vec![(chain_uid, Range(*sequence, *sequence))],
                Control::Purge {
                    chain_uid,
                    checkpoint,
                    ..
                } => vec![(chain_uid, Range(0, checkpoint.saturating_sub(1)))],
                Control::Erasure { targets, .. } => targets
                    .iter()
                    .flat_map(|target| {
                        ranges(target).map(|range| (target.chain_uid.as_str(), range))
                    })
                    .collect(),
                _ => continue,
            };
            for (name, targets) in &holds {
                if touched
                    .iter()
                    .any(|(chain, range)| is_held(targets, chain, *range))
                {
                    trail.issues.add(
                        Kind::HoldBroken,
                        || order.uid.clone(),
                        || format!("{} of what the hold {name:?} keeps", order.control.kind()),
                    );
                }
            }
        }
        trail.orders = orders;
        let erased = std::mem::take(&mut trail.erased);
        for (chain, range, groups) in erased {
            let without = match trail.erasures.get(&chain) {
                Some(orders) => orders.outside(range, groups),
                None => {
                    let mut all = Intervals::default();
                    all.add(range);
                    all
                }
            };
            for range in without.iter() {
                trail.issues.add_many(
                    Kind::ErasedWithoutOrder,
                    size(range),
                    || numbers(&chain, range),
                    || "parts of it are erased, and no operator says so".to_owned(),
                );
            }
        }
    }

    fn check_chain(
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
        let purge = self.check_purges(trail, chain_uid, chain);
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
            if heartbeat_ms > 0 && silent_ms > heartbeat_ms.saturating_mul(2) && !chain.is_ledger {
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
        self.chain_count += 1;
        if self.chains.len() < MAX_CHAINS {
            self.chains.push(ChainVerdict {
                chain_uid: encode(&chain_uid),
                class: chain.class.clone(),
                node: chain.open.as_ref().and_then(|open| open.node.clone()),
                first,
                last,
                covered,
                end,
                from_ms: chain.first_ms.unwrap_or(0),
                to_ms: chain.last_ms,
            });
        }
    }

    fn check_absent(&mut self, trail: &mut Trail, chain_uid: ChainUid, chain: &Chain) {
        if let Some(purge) = chain.purges.iter().max_by_key(|purge| purge.checkpoint) {
            self.records.expired = self.records.expired.saturating_add(purge.checkpoint);
            self.records.missing = self.records.missing.saturating_add(1);
            trail.issues.add(
                Kind::Missing,
                || uid(&chain_uid, purge.checkpoint),
                || "the checkpoint that a purge left is missing, and all after it".to_owned(),
            );
        }
    }

    /// The number of the record that is now the first, if an operator says so.
    fn check_purges(
        &mut self,
        trail: &mut Trail,
        chain_uid: ChainUid,
        chain: &Chain,
    ) -> Option<u64> {
        let purge = chain.purges.iter().max_by_key(|purge| purge.checkpoint)?;
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
        if at > 0 {
            let there = chain.segments.count_in(0, at - 1);
            // Tombstones fill places, and are not what a purge deletes.
            let removed = chain.removed.iter().filter(|number| **number < at).count() as u64;
            let left = there.saturating_sub(removed);
            self.records.expired = self
                .records
                .expired
                .saturating_add(at.saturating_sub(there));
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

    fn check_holes(&mut self, trail: &mut Trail, chain_uid: ChainUid, chain: &Chain, all: Range) {
        let mut there = Intervals::default();
        for (first, segment) in chain.segments.iter() {
            there.add(Range(first, segment.last));
        }
        let signed = chain.open.as_ref().is_none_or(|open| open.is_signed);
        let any_covered = chain.segments.iter().any(|(_, s)| s.covered.is_some());
        let mut declared = Intervals::default();
        for (sequence, lost) in &chain.gaps {
            // Where signatures can be checked at all, one must vouch for what the emitter says.
            let covered = chain.segments.holding(*sequence).and_then(|s| s.covered);
            let is_vouched = covered.is_some_and(|covered| covered >= *sequence);
            if signed && any_covered && !is_vouched {
                continue;
            }
            let mut absent = 0_u64;
            for range in &lost.ranges {
                for range in there.outside(*range) {
                    absent = absent.saturating_add(size(range));
                    declared.add(range);
                }
            }
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
            self.records.missing = self.records.missing.saturating_add(missing);
            for range in undeclared {
                trail.issues.add_many(
                    Kind::Missing,
                    size(range),
                    || numbers(&chain_uid, range),
                    || match size(range) {
                        1 => "is missing, and nothing says why".to_owned(),
                        count => format!("{count} records are missing, and nothing says why"),
                    },
                );
            }
        }
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
            let open = size(Range(next, segment.last));
            if open > 0 && next <= segment.last {
                from = from.or(Some(next));
                uncovered = uncovered.saturating_add(open);
            }
        }
        self.records.uncovered = self.records.uncovered.saturating_add(uncovered);
        let is_unsigned = chain.open.as_ref().is_some_and(|open| !open.is_signed);
        if is_unsigned {
            trail.issues.add(
                Kind::Unsigned,
                || encode(&chain_uid),
                || "its emitter has no key: what is missing shows, what was changed by somebody who \
                    rewrote everything after it does not".to_owned(),
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
        if chain.is_ledger {
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

    fn verdict(mut self, trail: Trail) -> Verdict {
        let issues = &trail.issues;
        self.records.seen = trail.counts;
        self.records.invalid = [
            Kind::NotARecord,
            Kind::Changed,
            Kind::WrongSignature,
            Kind::KeyOutOfTime,
            Kind::WrongRole,
        ]
        .into_iter()
        .map(|kind| issues.count(kind))
        .sum();
        self.records.forks = issues.count(Kind::Fork);
        let (result, exit_code) = match issues.worst() {
            None | Some(Severity::Note) => ("clean", 0),
            Some(Severity::Failure) => ("failed", 1),
            Some(Severity::Incomplete) => ("incomplete", 2),
        };
        Verdict {
            result,
            exit_code,
            records: self.records,
            issue_counts: issues.counts().clone(),
            declared_gaps: self.gaps.into_values().collect(),
            issues: issues.examples(),
            chain_count: self.chain_count,
            chains: self.chains,
        }
    }
}

/// Whether a hold keeps any of these records.
#[must_use]
pub fn is_held(targets: &[Target], chain: &str, range: Range) -> bool {
    targets.is_empty()
        || targets
            .iter()
            .filter(|target| target.chain_uid == chain)
            .any(|target| ranges(target).any(|held| held.0 <= range.1 && range.0 <= held.1))
}

fn ranges(target: &Target) -> impl Iterator<Item = Range> {
    let all = target.ranges.is_empty().then_some(Range(0, u64::MAX));
    target.ranges.iter().copied().chain(all)
}

fn declared_text(lost: &audit::Lost, absent: u64) -> String {
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

/// `chain:3-7`.
fn numbers(chain: &ChainUid, range: Range) -> String {
    if range.0 == range.1 {
        uid(chain, range.0)
    } else {
        format!("{}-{}", uid(chain, range.0), range.1)
    }
}

const MAX_CHAINS: usize = 1000;
