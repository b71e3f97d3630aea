//! What is known of all chains while records come in.

use std::collections::{HashMap, HashSet};

use audit::{Control, Group, Hash, Head, Lost, Range, Statement};
use foldhash::fast::RandomState;

use super::hex::decode;
use super::intervals::GroupIntervals;
use super::issue::{Issues, Kind};
use super::item::{ChainUid, ControlItem, Groups, Item, uid};
use super::keyring::{Role, Vouched};
use super::segment::{Compared, Seen, Segment, Segments};

/// Everything that was seen.
#[derive(Debug)]
pub struct Trail {
    pub(crate) chains: HashMap<ChainUid, Chain, RandomState>,
    pub(crate) seen: Seen,
    pub(crate) issues: Issues,
    pub(crate) counts: Counts,
    pub(crate) orders: Vec<Order>,
    /// Parts of records that were erased, for which an order is to be found.
    pub(crate) erased: Vec<(ChainUid, Range, Groups)>,
    /// What the orders that were read so far erase.
    pub(crate) erasures: HashMap<ChainUid, GroupIntervals>,
    segments: usize,
    limits: Limits,
}

/// How much is kept in mind.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records that can be compared when they come again.
    pub seen: usize,
    /// Segments, and places where something was erased.
    pub segments: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            seen: 32 << 20,
            segments: 1 << 20,
        }
    }
}

/// Counts of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Lines and log records that hold a record, or should.
    pub read: u64,
    /// Different records that fit their own hash.
    pub valid: u64,
    /// Records of requests among them.
    pub requests: u64,
    /// Records that were there before.
    pub duplicates: u64,
    /// Lines of a log that say something else.
    pub other_lines: u64,
    /// Records of which parts were erased.
    pub erased: u64,
    /// Records that were taken away by an operator.
    pub removed: u64,
    /// Records whose time is over and that are still there.
    pub overdue: u64,
}

/// A chain.
#[derive(Debug, Default)]
pub struct Chain {
    pub(crate) segments: Segments,
    pub(crate) class: Option<String>,
    pub(crate) open: Option<Open>,
    pub(crate) close: Option<(u64, String)>,
    /// What gap records say, with their numbers.
    pub(crate) gaps: Vec<(u64, Lost)>,
    /// The last statement, with its number.
    pub(crate) statement: Option<(u64, Statement)>,
    pub(crate) purges: Vec<Purge>,
    pub(crate) removed: HashSet<u64>,
    /// Times between signed records that may be too long.
    pub(crate) silences: Vec<Silence>,
    pub(crate) first_ms: Option<u64>,
    pub(crate) last_ms: u64,
    pub(crate) is_ledger: bool,
    pub(crate) clock_steps: u64,
}

impl Chain {
    /// How long its emitter is silent at most. After a purge only the operator knows.
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
}

/// A time between two signed records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    pub(crate) after: u64,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

/// What an operator ordered.
#[derive(Clone, Debug)]
pub struct Order {
    /// When.
    pub time_ms: u64,
    /// The id of the record that says so.
    pub uid: String,
    /// What.
    pub control: Control,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// It is new.
    New,
    /// It was there before.
    Duplicate,
    /// Another record has its place.
    Fork,
}

impl Trail {
    /// Nothing was seen.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            chains: HashMap::default(),
            seen: Seen::new(limits.seen),
            issues: Issues::default(),
            counts: Counts::default(),
            orders: Vec::new(),
            erased: Vec::new(),
            erasures: HashMap::new(),
            segments: 0,
            limits,
        }
    }

    /// What was found so far.
    #[must_use]
    pub const fn issues(&self) -> &Issues {
        &self.issues
    }

    /// Adds to what was found.
    pub fn issues_mut(&mut self) -> &mut Issues {
        &mut self.issues
    }

    /// What operators ordered, in the order of reading.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Whether a chain has all its records, each following the one before, from where it begins up
    /// to this one.
    #[must_use]
    pub fn is_whole_until(&self, chain: &ChainUid, sequence: u64) -> bool {
        let Some(chain) = self.chains.get(chain) else {
            return false;
        };
        let purged = chain.purges.iter().map(|purge| purge.checkpoint).max();
        let begin = purged.unwrap_or(0);
        let holds = |(first, segment): (u64, &Segment)| first <= begin && segment.last >= sequence;
        chain.segments.iter().any(holds)
    }

    /// How long the emitter of a chain is silent at most.
    #[must_use]
    pub fn heartbeat_ms(&self, chain: &ChainUid) -> u64 {
        self.chains
            .get(chain)
            .map_or(DEFAULT_HEARTBEAT_MS, Chain::heartbeat_ms)
    }

    /// Takes in a record. `place` says where it was found, `now_ms` what time it is.
    pub fn absorb(&mut self, item: &Item, now_ms: u64, place: &dyn Fn() -> String) -> Absorbed {
        let vouched = item.control.as_ref().map(|control| control.vouched);
        if let Some(control) = &item.control {
            self.note_signature(control, place);
        }
        let absorbed = self.place(item, vouched, place);
        match absorbed {
            Absorbed::New => {
                self.counts.valid += 1;
                if item.control.is_none() {
                    self.counts.requests += 1;
                }
                if item
                    .expires_ms
                    .is_some_and(|expires_ms| expires_ms <= now_ms)
                {
                    self.counts.overdue += 1;
                }
                if !item.erased.is_empty() {
                    self.counts.erased += 1;
                }
                self.note_groups(item, place);
                self.note_time(item);
                if let Some(control) = &item.control {
                    self.note_control(item, control, place);
                }
            }
            Absorbed::Duplicate => {
                self.counts.duplicates += 1;
                self.note_groups(item, place);
            }
            Absorbed::Fork => {}
        }
        absorbed
    }

    fn place(
        &mut self,
        item: &Item,
        vouched: Option<Vouched>,
        place: &dyn Fn() -> String,
    ) -> Absorbed {
        let is_covering = matches!(vouched, Some(Vouched::By(_)));
        // Of whatever key: the emitter lived.
        let signed = matches!(vouched, Some(vouched) if vouched != Vouched::Unsigned)
            .then_some((item.sequence, item.time_ms));
        let record = Segment {
            last: item.sequence,
            previous: item.previous,
            head: item.fingerprint,
            covered: is_covering.then_some(item.sequence),
            first_signed: signed,
            last_signed: signed,
        };
        let chain = self.chains.entry(item.chain).or_default();
        let (silences, clock_steps) = (&mut chain.silences, &mut chain.clock_steps);
        let heartbeat_ms = chain.open.as_ref().map_or(1000, |open| open.heartbeat_ms);
        if chain.segments.holding(item.sequence).is_some() {
            match self
                .seen
                .compare(item.chain, item.sequence, &item.fingerprint)
            {
                Compared::Same => {
                    chain.segments.insert(item.sequence, record, |_, _| {});
                    if chain.removed.contains(&item.sequence) {
                        self.issues.add(Kind::StillThere, place, || {
                            "an operator has taken this record away, and it is still there"
                                .to_owned()
                        });
                    }
                    return Absorbed::Duplicate;
                }
                Compared::Other if chain.removed.contains(&item.sequence) => {
                    self.issues.add(Kind::ForgedStatement, place, || {
                        let uid = uid(&item.chain, item.sequence);
                        format!("the tombstone of {uid} is not that of this record")
                    });
                    return Absorbed::Fork;
                }
                Compared::Other => {
                    self.issues.add(Kind::Fork, place, || {
                        let uid = uid(&item.chain, item.sequence);
                        format!("another record has the id {uid} and a different fingerprint")
                    });
                    return Absorbed::Fork;
                }
                Compared::Unknown => {
                    self.issues.add(Kind::NotCompared, place, || {
                        let uid = uid(&item.chain, item.sequence);
                        format!("{uid} came again too late to be compared with the first; --memory helps")
                    });
                    return Absorbed::Duplicate;
                }
            }
        }
        let placed =
            chain
                .segments
                .insert(item.sequence, record, |(after, from_ms), (_, to_ms)| {
                    if to_ms < from_ms {
                        *clock_steps += 1;
                    } else if to_ms - from_ms > heartbeat_ms.saturating_mul(2) {
                        silences.push(Silence {
                            after,
                            from_ms,
                            to_ms,
                        });
                        if silences.len() >= MAX_SILENCES {
                            silences.sort_by_key(|s| std::cmp::Reverse(s.to_ms - s.from_ms));
                            silences.truncate(MAX_SILENCES / 2);
                        }
                    }
                });
        if placed.broken {
            self.issues.add(Kind::BrokenLink, place, || {
                let uid = uid(&item.chain, item.sequence);
                format!("{uid} and its neighbour do not follow each other: one of them is of another history")
            });
        }
        self.segments = self.segments.saturating_add_signed(placed.change);
        self.seen.note(item.chain, item.sequence, &item.fingerprint);
        Absorbed::New
    }

    /// Whether there are more holes than can be kept in mind.
    #[must_use]
    pub fn is_overwhelmed(&self) -> bool {
        self.segments > self.limits.segments
            || self.erased.len() > self.limits.segments
            || self.chains.len() > self.limits.segments
    }

    fn note_signature(&mut self, control: &ControlItem, place: &dyn Fn() -> String) {
        let key_id = control.key_id.as_deref().unwrap_or_default();
        let (kind, what) = match control.vouched {
            Vouched::By(_) => return,
            Vouched::Unsigned => {
                if control.control.is_by_operator() {
                    (
                        Kind::WrongRole,
                        "nobody has signed what an operator is to have said",
                    )
                } else {
                    return;
                }
            }
            Vouched::UnknownKey => (
                Kind::UnknownKey,
                "there is no key of this id to check the signature",
            ),
            Vouched::WrongSignature => (Kind::WrongSignature, "the signature is none of this key"),
            Vouched::OutOfTime => (Kind::KeyOutOfTime, "the key was not in use at the time"),
            Vouched::WrongRole => (Kind::WrongRole, "the key is not one that may say this"),
        };
        self.issues.add(kind, place, || {
            format!("{} {:?}: {what}", control.control.kind(), key_id)
        });
    }

    fn note_groups(&mut self, item: &Item, place: &dyn Fn() -> String) {
        let orders = self.erasures.get(&item.chain);
        let ordered = orders.map_or(Groups::default(), |orders| orders.at(item.sequence));
        let left = ordered.and(item.present);
        if !left.is_empty() {
            let left: Vec<&str> = left.iter().map(Group::name).collect();
            self.issues.add(Kind::StillThere, place, || {
                format!(
                    "an operator has erased {}, and it is still there",
                    left.join(", ")
                )
            });
        }
        if item.erased.is_empty() {
            return;
        }
        if item.erased.without(ordered).is_empty() {
            return;
        }
        match self.erased.last_mut() {
            Some((chain, range, groups))
                if *chain == item.chain
                    && *groups == item.erased
                    && range.1.checked_add(1) == Some(item.sequence) =>
            {
                range.1 = item.sequence;
            }
            _ => {
                let range = Range(item.sequence, item.sequence);
                self.erased.push((item.chain, range, item.erased));
            }
        }
    }

    fn note_time(&mut self, item: &Item) {
        let Some(chain) = self.chains.get_mut(&item.chain) else {
            return;
        };
        chain.last_ms = chain.last_ms.max(item.time_ms);
        let first_ms = chain.first_ms.unwrap_or(u64::MAX);
        chain.first_ms = Some(first_ms.min(item.time_ms));
    }

    fn note_control(&mut self, item: &Item, control: &ControlItem, place: &dyn Fn() -> String) {
        let Some(chain) = self.chains.get_mut(&item.chain) else {
            return;
        };
        if chain.class.is_none() {
            chain.class = Some(control.class.clone());
        }
        let sequence = item.sequence;
        if let Some(statement) = control.control.statement()
            && chain
                .statement
                .as_ref()
                .is_none_or(|(last, _)| *last < sequence)
        {
            chain.statement = Some((sequence, statement.clone()));
        }
        match &control.control {
            Control::Open {
                node,
                heartbeat_ms,
                predecessor,
                ..
            } => {
                if sequence > 0 || item.previous != Hash::NONE {
                    self.issues.add(Kind::NoBeginning, place, || {
                        "a chain opens in the middle".to_owned()
                    });
                    return;
                }
                chain.is_ledger = control.vouched == Vouched::By(Role::Operator);
                chain.open = Some(Open {
                    node: node.clone(),
                    heartbeat_ms: *heartbeat_ms,
                    predecessor: predecessor.clone(),
                    is_signed: control.key_id.is_some(),
                    is_vouched: matches!(control.vouched, Vouched::By(_)),
                });
            }
            Control::Close { reason, .. } => chain.close = Some((sequence, reason.clone())),
            Control::Gap(lost) => chain.gaps.push((sequence, lost.clone())),
            order if order.is_by_operator() && control.vouched == Vouched::By(Role::Operator) => {
                chain.is_ledger = true;
                self.note_order(item, order, place);
            }
            _ => {}
        }
    }

    fn note_order(&mut self, item: &Item, control: &Control, place: &dyn Fn() -> String) {
        let target_uid = |text: &str| decode::<16>(text.as_bytes());
        match control {
            Control::Tombstone {
                chain_uid,
                sequence,
                previous,
                core,
                ..
            } => {
                let Some(target) = target_uid(chain_uid) else {
                    self.issues.add(Kind::ForgedStatement, place, || {
                        format!("a tombstone for {chain_uid:?}, which is no chain")
                    });
                    return;
                };
                let fingerprint = Hash::link(&target, *sequence, previous, core);
                let removed = Item {
                    chain: target,
                    sequence: *sequence,
                    previous: *previous,
                    fingerprint,
                    time_ms: item.time_ms,
                    expires_ms: None,
                    present: Groups::default(),
                    erased: Groups::default(),
                    control: None,
                };
                let chain = self.chains.entry(target).or_default();
                if chain.segments.holding(*sequence).is_some() {
                    let same = self.seen.compare(target, *sequence, &fingerprint);
                    let (kind, what) = match same {
                        Compared::Other => {
                            (Kind::ForgedStatement, "is none of the record that is there")
                        }
                        _ if chain.removed.contains(sequence) => return,
                        _ => (Kind::StillThere, "is there, and so is the record"),
                    };
                    self.issues.add(kind, place, || {
                        format!("the tombstone of {chain_uid}:{sequence} {what}")
                    });
                    return;
                }
                self.place(&removed, None, place);
                if let Some(chain) = self.chains.get_mut(&target) {
                    chain.removed.insert(*sequence);
                }
                self.counts.removed += 1;
            }
            Control::Erasure {
                targets, groups, ..
            } => {
                let groups = Groups::of(groups.iter().filter_map(|name| Group::named(name)));
                for target in targets {
                    let Some(chain) = target_uid(&target.chain_uid) else {
                        continue;
                    };
                    let all = [Range(0, u64::MAX)];
                    let ranges = if target.ranges.is_empty() {
                        &all[..]
                    } else {
                        &target.ranges
                    };
                    let erasures = self.erasures.entry(chain).or_default();
                    for range in ranges {
                        erasures.add(*range, groups);
                    }
                }
            }
            Control::Purge {
                chain_uid,
                checkpoint,
                fingerprint,
                grounds,
            } => {
                if let Some(target) = target_uid(chain_uid) {
                    let heartbeat_ms = grounds.get("heartbeat_ms");
                    self.chains.entry(target).or_default().purges.push(Purge {
                        checkpoint: *checkpoint,
                        fingerprint: *fingerprint,
                        heartbeat_ms: heartbeat_ms.and_then(|text| text.parse().ok()),
                    });
                }
            }
            _ => {}
        }
        self.orders.push(Order {
            time_ms: item.time_ms,
            uid: uid(&item.chain, item.sequence),
            control: control.clone(),
        });
    }
}

const MAX_SILENCES: usize = 4096;
const DEFAULT_HEARTBEAT_MS: u64 = 60_000;
