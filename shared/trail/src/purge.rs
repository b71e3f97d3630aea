//! What of each chain can be deleted because its time is over.
//!
//! A chain is cut from its beginning, at a signed record, which stays. So a record that must stay by
//! its own time keeps all that come after it: different times need different chains. A hold is
//! another matter, since it may last for years and be about one record: only what it names stays.
//! The chain is cut before that, and what would go after it goes one by one, with a tombstone each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use audit::{Control, Hash, Range};

use crate::chains::Trail;
use crate::holds::Holds;
use crate::intervals::Intervals;
use crate::item::{ChainUid, Item, uid};
use crate::keyring::{Role, Vouched};
use crate::ledger::tombstone;
use crate::pipeline::Observer;
use crate::scan::Fields;
use crate::time;

/// What can be done with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The chain that is cut.
    pub chain: ChainUid,
    /// What can be deleted from its beginning.
    pub purge: Option<Purge>,
    /// What can be taken away behind records on hold.
    pub single: Intervals,
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
    holds: Arc<Holds>,
    chains: HashMap<ChainUid, Age>,
}

#[derive(Debug, Default)]
struct Age {
    /// The first record whose time is not over, and until when it is kept.
    first_kept: Option<(u64, Option<u64>)>,
    /// Records of requests whose time is over.
    expired: Intervals,
    /// Those that are on hold by what they say, by the name of the hold.
    held: BTreeMap<String, Intervals>,
    /// Records that a known key has signed.
    signed: BTreeMap<u64, Hash>,
}

impl Ages {
    /// Nothing was seen. `now_ms` is what time it is, milliseconds since 1970.
    #[must_use]
    pub fn new(now_ms: u64, holds: Arc<Holds>) -> Self {
        Self {
            now_ms,
            holds,
            chains: HashMap::new(),
        }
    }
}

impl Observer for Ages {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let age = self.chains.entry(item.chain).or_default();
        let is_over = item
            .expires_ms
            .is_some_and(|expires_ms| expires_ms <= self.now_ms);
        let here = Range(item.sequence, item.sequence);
        match &item.control {
            Some(control) => {
                if control.vouched == Vouched::By(Role::Emitter) {
                    age.signed.insert(item.sequence, item.fingerprint);
                }
            }
            None if is_over => {
                age.expired.add(here);
                let holds = &self.holds;
                if let Some(name) = fields.and_then(|fields| holds.by_content(text, fields)) {
                    age.held.entry(name.to_owned()).or_default().add(here);
                }
            }
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

    /// The signed record that can become the first, where everything from `limit` on must stay.
    fn cut(&self, limit: u64) -> Cut {
        let before = Range(0, limit.saturating_sub(1));
        let last = (limit > 0).then(|| self.expired.last_in(before)).flatten();
        let Some(last) = last else {
            return Cut::Nothing;
        };
        // The first signed record after all that goes stays and vouches; else the last before.
        let after = self.signed.range(last..).next();
        let after = after.filter(|(at, _)| **at <= limit);
        let cut = after.or_else(|| self.signed.range(..=limit.min(last)).next_back());
        cut.map_or(Cut::Unsigned, |(at, fingerprint)| {
            Cut::At(*at, *fingerprint)
        })
    }
}

/// How far a chain can be cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Nothing,
    Unsigned,
    At(u64, Hash),
}

impl Cut {
    const fn checkpoint(self) -> u64 {
        match self {
            Self::At(checkpoint, _) => checkpoint,
            Self::Nothing | Self::Unsigned => 0,
        }
    }
}

/// What can be done with each chain in which the time of records is over.
#[must_use]
pub fn plans(trail: &Trail, holds: &Holds, ages: Vec<Ages>) -> Vec<Plan> {
    let plans = merged(ages).into_iter();
    plans
        .filter_map(|(chain, age)| plan(trail, holds, chain, &age))
        .collect()
}

fn merged(all: Vec<Ages>) -> BTreeMap<ChainUid, Age> {
    let mut chains: BTreeMap<ChainUid, Age> = BTreeMap::new();
    for (chain, age) in all.into_iter().flat_map(|ages| ages.chains) {
        let known = chains.entry(chain).or_default();
        known.expired.extend(&age.expired);
        known.signed.extend(age.signed);
        for (name, held) in age.held {
            known.held.entry(name).or_default().extend(&held);
        }
        if let Some((sequence, expires_ms)) = age.first_kept {
            known.keep(sequence, expires_ms);
        }
    }
    chains
}

fn plan(trail: &Trail, holds: &Holds, chain: ChainUid, age: &Age) -> Option<Plan> {
    if age.expired.count() == 0 {
        return None;
    }
    let held = held(holds, &chain, age);
    let first_kept = age.first_kept.map_or(u64::MAX, |(sequence, _)| sequence);
    // How far it would be cut if nothing were on hold, and how far it can be.
    let whole = age.cut(first_kept);
    let first_held = held.iter().map(|(range, _)| range.0).min();
    let cut = match first_held {
        Some(first_held) if first_held < whole.checkpoint() => age.cut(first_held),
        _ => whole,
    };
    let mut plan = Plan {
        chain,
        purge: None,
        single: Intervals::default(),
        stays: Vec::new(),
    };
    if matches!(whole, Cut::Unsigned) {
        let why = "no signature of a known key vouches for a new beginning";
        plan.stays.push(why.to_owned());
    } else if whole.checkpoint() > 0 && !trail.is_whole_until(&chain, whole.checkpoint()) {
        plan.stays.push(format!(
            "{} records stay: others are missing before number {}; give all files, also logs of the proxy",
            age.expired.count_before(whole.checkpoint()),
            whole.checkpoint()
        ));
    } else {
        let records = age.expired.count_before(cut.checkpoint());
        if let Cut::At(checkpoint, fingerprint) = cut
            && records > 0
        {
            plan.purge = Some(Purge {
                checkpoint,
                fingerprint,
                records,
                heartbeat_ms: trail.heartbeat_ms(&chain),
            });
        }
        if cut.checkpoint() < whole.checkpoint() {
            let rest = Range(cut.checkpoint(), whole.checkpoint().saturating_sub(1));
            plan.single = age.expired.within(rest);
            for (range, _) in &held {
                plan.single.remove(*range);
            }
        }
    }
    plan.stays.extend(why_held(age, chain, &held));
    plan.stays.extend(why_kept(age, chain, first_kept));
    Some(plan)
}

/// What is on hold of a chain, by number or by content.
fn held<'h>(holds: &'h Holds, chain: &ChainUid, age: &'h Age) -> Vec<(Range, &'h str)> {
    let by_content = age.held.iter();
    let by_content =
        by_content.flat_map(|(name, held)| held.iter().map(|range| (range, name.as_str())));
    holds
        .of_chain(chain)
        .into_iter()
        .chain(by_content)
        .collect()
}

/// Records whose time is over and that are on hold.
fn why_held(age: &Age, chain: ChainUid, held: &[(Range, &str)]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Intervals> = BTreeMap::new();
    for (range, name) in held {
        let expired = age.expired.within(*range);
        by_name.entry(name).or_default().extend(&expired);
    }
    let kept = by_name.into_iter().filter_map(|(name, kept)| {
        let first = kept.iter().next()?.0;
        let (count, of) = (kept.count(), uid(&chain, first));
        Some(match count {
            1 => format!("1 record stays: the hold {name:?} keeps {of}"),
            _ => format!("{count} records stay: the hold {name:?} keeps them, {of} first"),
        })
    });
    kept.collect()
}

/// Records whose time is over and that come after one that must stay.
fn why_kept(age: &Age, chain: ChainUid, first_kept: u64) -> Option<String> {
    let (_, expires_ms) = age.first_kept?;
    let behind = age.expired.within(Range(first_kept, u64::MAX)).count();
    (behind > 0).then(|| {
        let of = uid(&chain, first_kept);
        let until = expires_ms.map_or("for ever".to_owned(), |ms| {
            format!("until {}", time::format(ms))
        });
        format!(
            "{behind} records stay: {of} is kept {until}, and a chain is cut from its beginning. Rules with \
             different retention times need different retention classes, which have chains of their own"
        )
    })
}

impl Purge {
    /// The range of records that are deleted.
    #[must_use]
    pub const fn range(&self) -> Range {
        Range(0, self.checkpoint.saturating_sub(1))
    }
}

/// Makes the tombstones of records that are taken away one by one.
#[derive(Debug)]
pub struct Tombstones<'w> {
    wanted: &'w BTreeMap<ChainUid, Intervals>,
    grounds: &'w BTreeMap<String, String>,
    /// What the ledger will say, by record.
    pub found: BTreeMap<(ChainUid, u64), Control>,
}

impl<'w> Tombstones<'w> {
    /// Makes tombstones for these records.
    #[must_use]
    pub const fn new(
        wanted: &'w BTreeMap<ChainUid, Intervals>,
        grounds: &'w BTreeMap<String, String>,
    ) -> Self {
        Self {
            wanted,
            grounds,
            found: BTreeMap::new(),
        }
    }
}

impl Observer for Tombstones<'_> {
    fn observe(&mut self, item: &Item, text: &str, _: Option<&Fields>) {
        let wanted = self.wanted.get(&item.chain);
        if wanted.is_some_and(|numbers| numbers.contains(item.sequence))
            && let Some(control) = tombstone(item, text, self.grounds)
        {
            self.found.insert((item.chain, item.sequence), control);
        }
    }
}
