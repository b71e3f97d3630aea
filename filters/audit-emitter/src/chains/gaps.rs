//! What is missing in a chain, until the chain has said so.

use audit::{Lost, Range};
use policy::json::Json;

use super::{Entry, Now};
use crate::queue::{Kind, QueuedRecord};

/// Records that are not where the others are, which the chain has still to say.
#[derive(Debug)]
pub(super) struct Gap {
    pub(super) lost: Lost,
    /// It was said in a record that was rejected. While a collector rejects everything, each such
    /// record would be another to speak of, for ever; so this waits until the collector takes records
    /// again, or there is something else to say.
    pub(super) is_restated: bool,
}

impl Gap {
    /// Whether it is of requests, and was not told before.
    pub(super) const fn is_news(&self) -> bool {
        self.lost.count > 0 && !self.is_restated
    }
}

impl Entry {
    /// Notes that a request was lost, or that its record is kept elsewhere.
    pub(super) fn note(
        &mut self,
        reason: &str,
        record: Option<&QueuedRecord>,
        kept: Option<&str>,
        now: Now,
    ) {
        let own = self.chain.uid();
        let of = record
            .map(|record| record.chain_uid.as_str())
            .filter(|uid| *uid != own);
        let count = u64::from(record.is_none_or(|record| record.kind != Kind::Control));
        let mut lost = Lost {
            reason: reason.to_owned(),
            kept: kept.map(str::to_owned),
            chain_uid: of.map(str::to_owned),
            count,
            from_ms: now.wall_ms,
            to_ms: now.wall_ms,
            ..Lost::default()
        };
        lost.ranges
            .extend(record.map(|record| Range(record.sequence, record.sequence)));
        self.add_gap(lost, false);
    }

    /// What was said in a record that went elsewhere has to be said again.
    pub(super) fn restate(&mut self, lost: Lost) {
        self.add_gap(lost, true);
    }

    /// Adds to a gap of the same kind, or begins another.
    fn add_gap(&mut self, lost: Lost, is_restated: bool) {
        let alike = |gap: &&mut Gap| {
            gap.lost.reason == lost.reason
                && gap.lost.kept == lost.kept
                && gap.lost.chain_uid == lost.chain_uid
        };
        let found = self.gaps.iter_mut().rev().find(alike);
        let Some(gap) = found else {
            self.gaps.push(Gap { lost, is_restated });
            return;
        };
        let Some(ranges) = joined(&gap.lost.ranges, &lost.ranges) else {
            self.gaps.push(Gap { lost, is_restated });
            return;
        };
        // What nobody was told yet is worth a record, and so is all that it stands beside.
        let is_news = gap.is_news() || lost.count > 0 && !is_restated;
        gap.is_restated = !is_news;
        gap.lost.ranges = ranges;
        gap.lost.count = gap.lost.count.saturating_add(lost.count);
        gap.lost.from_ms = gap.lost.from_ms.min(lost.from_ms);
        gap.lost.to_ms = gap.lost.to_ms.max(lost.to_ms);
    }
}

/// What a record about a gap says.
pub(super) fn told_gap(record: &QueuedRecord) -> Option<Lost> {
    if record.kind != Kind::Control || !record.json.contains(r#""kind":"gap""#) {
        return None;
    }
    Lost::of_gap(&Json::parse(record.json.as_bytes()).ok()?)
}

/// All numbers of both, as few ranges. `None`: they are too many for one record.
fn joined(some: &[Range], more: &[Range]) -> Option<Vec<Range>> {
    // Nearly always one number comes behind all others.
    let mut ranges = some.to_vec();
    ranges.extend_from_slice(more);
    policy::sort::by(&mut ranges, Ord::cmp);
    let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
    for Range(first, last) in ranges {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push(Range(first, last)),
        }
    }
    (joined.len() <= MAX_RANGES).then_some(joined)
}

/// Ranges in one gap record; more of them need another.
const MAX_RANGES: usize = 64;
