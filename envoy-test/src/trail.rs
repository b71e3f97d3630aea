//! What an audit trail shows: whether its records fit together, and what is missing.
//!
//! The tests ask this instead of the command line, so that a mistake in either is seen.

use std::collections::{BTreeMap, BTreeSet};

use audit::record::Record;
use audit::{Control, Hash};

pub use cases::in_log;

/// A trail that fits together as far as it is there.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// The number of records of requests.
    pub requests: usize,
    /// Records that came more than once.
    pub duplicates: usize,
    /// Ids of records that are not there, and that the trail itself does not tell of.
    pub missing: BTreeSet<String>,
    /// Records that the trail tells of as kept elsewhere, and that are not there.
    pub elsewhere: usize,
    /// Requests that the trail tells of as lost, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Chains whose end is not there.
    pub open_ended: usize,
    /// The number of chains.
    pub chains: usize,
}

impl Trail {
    /// Reads all records of a trail, in any order.
    ///
    /// # Errors
    /// What does not fit: a record that is not canonical or not what it was, a fork, a signature.
    pub fn read(texts: &[String]) -> Result<Self, String> {
        let mut trail = Self::default();
        let mut chains: BTreeMap<String, BTreeMap<u64, Record>> = BTreeMap::new();
        for text in texts {
            let record = Record::check_text(text).map_err(|fault| format!("{fault}: {text}"))?;
            let chain = chains.entry(record.chain_uid.clone()).or_default();
            match chain.get(&record.sequence) {
                Some(known) if known.fingerprint == record.fingerprint => trail.duplicates += 1,
                Some(_) => return Err(format!("a fork: {text}")),
                None => {
                    trail.requests += usize::from(record.control.is_none());
                    chain.insert(record.sequence, record);
                }
            }
        }
        for (uid, chain) in &chains {
            trail.add(uid, chain)?;
        }
        Ok(trail)
    }

    /// Whether everything is there, or told of.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    fn add(&mut self, uid: &str, chain: &BTreeMap<u64, Record>) -> Result<(), String> {
        self.chains += 1;
        let mut told = Vec::new();
        let mut closed = false;
        for control in chain.values().filter_map(|record| record.control.as_ref()) {
            match control {
                Control::Gap(lost) => {
                    told.extend(lost.ranges.iter().map(|range| range.0..=range.1));
                }
                Control::Close { .. } => closed = true,
                _ => {}
            }
        }
        // Each checkpoint states the sum since the beginning.
        let statements = chain
            .values()
            .filter_map(|record| record.control.as_ref()?.statement());
        if let Some(last) = statements.reduce(|_, later| later) {
            for (reason, count) in &last.lost {
                *self.lost.entry(reason.clone()).or_default() += count;
            }
        }
        self.open_ended += usize::from(!closed);
        let last = chain.keys().last().copied().unwrap_or(0);
        let mut before = Some(Hash::NONE);
        for sequence in 0..=last {
            let Some(record) = chain.get(&sequence) else {
                if told.iter().any(|range| range.contains(&sequence)) {
                    self.elsewhere += 1;
                } else {
                    self.missing.insert(format!("{uid}:{sequence}"));
                }
                before = None;
                continue;
            };
            if before.is_some_and(|before| before != record.previous) {
                return Err(format!("{uid}:{sequence} does not follow the one before"));
            }
            before = Some(record.fingerprint);
        }
        Ok(())
    }
}
