//! What is known of one chain.

use std::collections::HashSet;

use audit::{Hash, Head, Lost, Statement};

use super::Counts;
use crate::intervals::Intervals;
use crate::segment::Segments;

/// A chain.
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
    pub(crate) keep_ms: Option<u64>,
    /// Its emitter says that it lives where nothing happens.
    pub(crate) has_heartbeats: bool,
    pub(crate) first_ms: Option<u64>,
    pub(crate) last_ms: u64,
    pub(crate) is_ledger: bool,
    pub(crate) clock_steps: u64,
}

impl Chain {
    /// Whether a known key vouches for any of its records.
    pub(crate) fn is_vouched(&self) -> bool {
        self.segments
            .iter()
            .any(|(_, segment)| segment.covered.is_some())
    }

    /// How much later than the last request a signed record comes at most; `None` where nothing says so.
    pub(crate) fn delay_ms(&self) -> Option<u64> {
        let heartbeat_ms = match self.heartbeat_ms() {
            0 if self.has_heartbeats => DEFAULT_HEARTBEAT_MS,
            // An operator may say anything.
            stated => stated.min(MAX_HEARTBEAT_MS),
        };
        (heartbeat_ms > 0).then(|| heartbeat_ms.saturating_mul(2))
    }

    /// The longest time between two records of its emitter. After a purge only the operator knows.
    pub(crate) fn heartbeat_ms(&self) -> u64 {
        let purged = self
            .purges
            .iter()
            .rev()
            .find_map(|purge| purge.heartbeat_ms);
        match &self.open {
            Some(open) => open.heartbeat_ms,
            None => purged.unwrap_or(DEFAULT_HEARTBEAT_MS),
        }
    }
}

/// How a chain begins.
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
const MAX_HEARTBEAT_MS: u64 = 24 * 60 * 60 * 1000;
