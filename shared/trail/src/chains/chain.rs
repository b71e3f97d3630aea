//! What is known of one chain.

use std::collections::HashSet;

use audit::{Hash, Head, Lost, Statement};

use super::Counts;
use crate::intervals::Intervals;
use crate::segment::Segments;

/// A chain as far as it was read.
#[derive(Debug, Default)]
pub struct Chain {
    pub(crate) segments: Segments,
    pub(crate) class: Option<String>,
    /// The class of its records, as a number.
    pub(crate) class_tag: Option<u64>,
    /// Records that were counted, in case no key vouches for any.
    pub(crate) counts: Counts,
    /// An example of the keys that its records name.
    pub(crate) key_id: Option<String>,
    /// The key of an emitter that vouches for its records.
    pub(crate) signed_by: Option<String>,
    pub(crate) open: Option<Open>,
    /// The id of its emitter, as a record says that a known key has signed.
    pub(crate) emitter: Option<String>,
    pub(crate) close: Option<(u64, String)>,
    /// What gap records say, with their numbers.
    pub(crate) gaps: Vec<(u64, Lost)>,
    /// The last statement, with its number.
    pub(crate) statement: Option<(u64, Statement)>,
    pub(crate) purges: Vec<Purge>,
    pub(crate) removed: HashSet<u64>,
    /// Records from lines of logs that a known key has tagged.
    pub(crate) tagged: Intervals,
    /// Times between signed records that may be too long.
    pub(crate) silences: Vec<Silence>,
    /// The shortest time that a record of a request is kept.
    pub(crate) shortest_keep_ms: Option<u64>,
    /// The shortest time that nobody takes one away without saying why.
    pub(crate) shortest_least_ms: Option<u64>,
    /// What its signed records say of all of it.
    terms: Terms,
    /// Signed records with their times; of many, some.
    signs: Vec<(u64, u64)>,
    /// Its emitter says that it lives where nothing happens.
    pub(crate) has_heartbeats: bool,
    pub(crate) first_ms: Option<u64>,
    pub(crate) last_ms: u64,
    /// Records that an operator has signed, each by itself.
    pub(crate) by_operator: Intervals,
    pub(crate) clock_steps: u64,
}

impl Chain {
    /// Whether a known key vouches for any of its records.
    pub(crate) fn is_vouched(&self) -> bool {
        let mut segments = self.segments.iter();
        self.by_operator.count() > 0 || segments.any(|(_, segment)| segment.covered.is_some())
    }

    /// Whether it is a ledger: operators have signed all its records, the one that opens it too.
    pub(crate) fn is_ledger(&self) -> bool {
        let count = self.by_operator.count();
        count > 0 && count == self.segments.count_in(0, u64::MAX)
    }

    /// Takes in what a signed record of its emitter says of the chain.
    pub(crate) fn note_sign(&mut self, sequence: u64, time_ms: u64, statement: Option<&Statement>) {
        if let Some(statement) = statement {
            self.terms = Terms {
                heartbeat_ms: self.terms.heartbeat_ms.max(statement.heartbeat_ms),
                keep_ms: self.terms.keep_ms.max(statement.keep_ms),
                least_ms: self.terms.least_ms.max(statement.keep_at_least_ms),
            };
        }
        self.signs.push((sequence, time_ms));
        if self.signs.len() >= MAX_SIGNS {
            self.signs.sort_unstable();
            let mut place = 0_usize;
            self.signs.retain(|_| {
                place += 1;
                place.is_multiple_of(2)
            });
        }
    }

    /// A time before that of the record of this number, and close to it.
    pub(crate) fn time_before_ms(&self, sequence: u64) -> Option<u64> {
        let before = self.signs.iter().filter(|(sign, _)| *sign < sequence);
        before.max().map(|(_, time_ms)| *time_ms)
    }

    /// How long records of its requests are kept, where anything that is there says so.
    pub(crate) fn keep_ms(&self) -> Option<u64> {
        let stated = Some(self.terms.keep_ms).filter(|ms| *ms > 0);
        stated.into_iter().chain(self.shortest_keep_ms).min()
    }

    /// How long nobody takes one away without saying why.
    pub(crate) fn least_ms(&self) -> Option<u64> {
        let stated = Some(self.terms.least_ms).filter(|ms| *ms > 0);
        let least = stated.into_iter().chain(self.shortest_least_ms).min();
        least.or_else(|| self.keep_ms())
    }

    /// How much later than the last request a signed record comes at most; `None` where nothing says so.
    pub(crate) fn delay_ms(&self) -> Option<u64> {
        let heartbeat_ms = match self.heartbeat_ms() {
            0 if self.has_heartbeats => DEFAULT_HEARTBEAT_MS,
            stated => stated,
        };
        (heartbeat_ms > 0).then(|| heartbeat_ms.saturating_mul(2))
    }

    /// The longest time between two records of its emitter. After a purge only the operator knows.
    pub(crate) fn heartbeat_ms(&self) -> u64 {
        // An operator may say anything.
        let purged = self.purges.iter().rev();
        let purged = purged
            .filter_map(|purge| purge.heartbeat_ms)
            .find(|ms| *ms > 0);
        match &self.open {
            Some(open) => open.heartbeat_ms,
            None if self.terms.heartbeat_ms > 0 => self.terms.heartbeat_ms,
            None => purged.map_or(DEFAULT_HEARTBEAT_MS, |ms| ms.min(MAX_HEARTBEAT_MS)),
        }
    }
}

/// What signed records say of all of a chain; 0 is nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Terms {
    heartbeat_ms: u64,
    keep_ms: u64,
    least_ms: u64,
}

/// What the first record of a chain says.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) node: Option<String>,
    pub(crate) heartbeat_ms: u64,
    pub(crate) predecessor: Option<Head>,
    pub(crate) is_signed: bool,
    pub(crate) is_vouched: bool,
}

/// What an operator says about the beginning of a chain.
#[derive(Clone, Debug)]
pub(crate) struct Purge {
    pub(crate) checkpoint: u64,
    pub(crate) fingerprint: Hash,
    pub(crate) heartbeat_ms: Option<u64>,
    pub(crate) time_ms: u64,
}

/// A time between two signed records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    pub(crate) after: u64,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

pub(super) const DEFAULT_HEARTBEAT_MS: u64 = 60_000;
/// The longest that audit-emitter takes.
const MAX_HEARTBEAT_MS: u64 = 24 * 60 * 60 * 1000;
const MAX_SIGNS: usize = 1024;
