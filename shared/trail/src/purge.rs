//! What of each chain can be deleted because its time is over.
//!
//! A chain is cut from its beginning, at a signed record, which stays: so what must stay keeps all
//! that comes after it, and nothing that comes before.

use std::collections::{BTreeMap, HashMap};

use audit::{Hash, Range, Target};

use crate::chains::Trail;
use crate::item::{ChainUid, Item, uid};
use crate::keyring::Vouched;
use crate::ledger::{active_holds, first_held};
use crate::pipeline::Observer;
use crate::scan::Fields;
use crate::time;

/// What can be done with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The chain that is cut.
    pub chain: ChainUid,
    /// What can be deleted.
    pub purge: Option<Purge>,
    /// Why records stay whose time is over.
    pub stays: Vec<String>,
}

/// The beginning of a chain, which can be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The signed record that stays, and is then the first.
    pub checkpoint: u64,
    /// The fingerprint of the checkpoint that stays.
    pub fingerprint: Hash,
    /// Records of requests before it.
    pub records: u64,
    /// The longest time between two records of its emitter.
    pub heartbeat_ms: u64,
}

/// How old the records of each chain are.
#[derive(Debug)]
pub struct Ages {
    now_ms: u64,
    chains: HashMap<ChainUid, Age>,
}

#[derive(Debug, Default)]
struct Age {
    /// The first record whose time is not over, and until when it is kept.
    first_kept: Option<(u64, Option<u64>)>,
    /// Records of requests whose time is over.
    expired: Vec<u64>,
    /// Records that a known key has signed.
    signed: BTreeMap<u64, Hash>,
}

impl Ages {
    /// Nothing was seen. `now_ms` is what time it is, milliseconds since 1970.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self {
            now_ms,
            chains: HashMap::new(),
        }
    }
}

impl Observer for Ages {
    const WANTS_TEXT: bool = false;

    fn observe(&mut self, item: &Item, _: &str, _: Option<&Fields>) {
        let age = self.chains.entry(item.chain).or_default();
        let is_over = item
            .expires_ms
            .is_some_and(|expires_ms| expires_ms <= self.now_ms);
        match &item.control {
            Some(control) => {
                if matches!(control.vouched, Vouched::By(_)) {
                    age.signed.insert(item.sequence, item.fingerprint);
                }
            }
            None if is_over => age.expired.push(item.sequence),
            None => age.keep(item.sequence, item.expires_ms),
        }
    }
}

impl Age {
    fn keep(&mut self, sequence: u64, expires_ms: Option<u64>) {
        if self.first_kept.is_none_or(|(first, _)| sequence < first) {
            self.first_kept = Some((sequence, expires_ms));
        }
    }
}

/// What can be done with each chain in which the time of records is over.
#[must_use]
pub fn plans(trail: &Trail, ages: Vec<Ages>) -> Vec<Plan> {
    let holds = active_holds(trail.orders());
    let plans = merged(ages).into_iter();
    plans
        .filter_map(|(chain, age)| plan(trail, &holds, chain, &age))
        .collect()
}

fn merged(all: Vec<Ages>) -> BTreeMap<ChainUid, Age> {
    let mut chains: BTreeMap<ChainUid, Age> = BTreeMap::new();
    for (chain, age) in all.into_iter().flat_map(|ages| ages.chains) {
        let known = chains.entry(chain).or_default();
        known.expired.extend(age.expired);
        known.signed.extend(age.signed);
        if let Some((sequence, expires_ms)) = age.first_kept {
            known.keep(sequence, expires_ms);
        }
    }
    for age in chains.values_mut() {
        age.expired.sort_unstable();
    }
    chains
}

fn plan(
    trail: &Trail,
    holds: &BTreeMap<String, Vec<Target>>,
    chain: ChainUid,
    age: &Age,
) -> Option<Plan> {
    if age.expired.is_empty() {
        return None;
    }
    let held = first_held(holds, &chain);
    let first_kept = age.first_kept.map_or(u64::MAX, |(sequence, _)| sequence);
    // The signed record that stays may be the first that must stay, and no later one.
    let limit = first_kept.min(held.map_or(u64::MAX, |(sequence, _)| sequence));
    let goes = age.expired.partition_point(|sequence| *sequence < limit);
    let last = goes.checked_sub(1).and_then(|last| age.expired.get(last));
    // The first signed record after all that goes stays and vouches; else the last before.
    let cut = last.and_then(|last| {
        let mut after = age.signed.range(last..);
        let after = after.next().filter(|(at, _)| **at <= limit);
        after.or_else(|| age.signed.range(..=limit.min(*last)).next_back())
    });
    let checkpoint = cut.map_or(0, |(checkpoint, _)| *checkpoint);
    let records = age
        .expired
        .partition_point(|sequence| *sequence < checkpoint) as u64;
    let mut stays = Vec::new();
    let mut purge = None;
    if last.is_some() && cut.is_none() {
        stays.push("no signature of a known key vouches for a new beginning".to_owned());
    } else if records > 0 && !trail.is_whole_until(&chain, checkpoint) {
        stays.push(format!(
            "{records} records stay: others are missing before number {checkpoint}; give all files, also logs of the proxy"
        ));
    } else if let Some((_, fingerprint)) = cut.filter(|_| records > 0) {
        purge = Some(Purge {
            checkpoint,
            fingerprint: *fingerprint,
            records,
            heartbeat_ms: trail.heartbeat_ms(&chain),
        });
    }
    stays.extend(why_they_stay(age, chain, held, limit));
    Some(Plan {
        chain,
        purge,
        stays,
    })
}

/// Records whose time is over and that come after one that must stay.
fn why_they_stay(
    age: &Age,
    chain: ChainUid,
    held: Option<(u64, &str)>,
    limit: u64,
) -> Option<String> {
    let behind = age.expired.len() - age.expired.partition_point(|sequence| *sequence < limit);
    if behind == 0 {
        return None;
    }
    let of = uid(&chain, limit);
    Some(match (held, age.first_kept) {
        (Some((sequence, name)), _) if sequence == limit => {
            format!(
                "{behind} records stay: the hold {name:?} keeps {of}, and a chain is cut from its beginning"
            )
        }
        (_, Some((_, expires_ms))) => {
            let until = expires_ms.map_or("for ever".to_owned(), |ms| {
                format!("until {}", time::format(ms))
            });
            format!(
                "{behind} records stay: {of} is kept {until}, and a chain is cut from its beginning. Rules with \
                 different retention times need different retention classes, which have chains of their own"
            )
        }
        (_, None) => return None,
    })
}

impl Purge {
    /// The records that go.
    #[must_use]
    pub const fn range(&self) -> Range {
        Range(0, self.checkpoint.saturating_sub(1))
    }
}
