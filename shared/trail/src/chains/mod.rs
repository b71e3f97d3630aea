//! What is known of all chains while records come in.

mod beside;
mod chain;
mod control;
mod logged;
mod loose;
mod order;

use std::collections::HashMap;

use audit::{Group, Range};
use foldhash::fast::RandomState;

use crate::disclosed::Disclosed;
use crate::intervals::GroupIntervals;
use crate::issue::{Issues, Kind};
use crate::item::{ChainUid, Groups, Item, uid};
use crate::keyring::{Keyring, Role, Successions, Vouched};
use crate::segment::{Compared, Seen, Segment, Stated};

use beside::Beside;
pub(crate) use beside::{Said, Statements};
pub use chain::Chain;
pub(crate) use chain::Purge;
use chain::{DEFAULT_HEARTBEAT_MS, Silence};
pub use logged::Proved;
use loose::LooseRecords;
pub use order::Order;

/// Everything that is known of the records that were read so far.
#[derive(Debug)]
pub struct Trail {
    pub(crate) chains: HashMap<ChainUid, Chain, RandomState>,
    pub(crate) seen: Seen,
    pub(crate) issues: Issues,
    pub(crate) counts: Counts,
    pub(crate) orders: Vec<Order>,
    /// Parts of records that were erased, for which an order is to be found.
    pub(crate) erased: Vec<(ChainUid, Range, Groups)>,
    /// Until when records of which parts were erased must have stayed as they were.
    pub(crate) required: HashMap<ChainUid, Vec<(Range, u64)>>,
    /// What the orders that were read so far erase.
    pub(crate) erasures: HashMap<ChainUid, GroupIntervals>,
    /// Chains and emitters that signed records name.
    pub(crate) beside: Beside,
    /// Records whose line is spread over two files.
    pub(crate) spread: Vec<(ChainUid, u64)>,
    segments: usize,
    limits: Limits,
    /// There are keys, so what none of them vouches for is no record.
    has_keys: bool,
    successions: Successions,
    /// When keys are in use.
    pub(crate) key_times: HashMap<String, (u64, u64)>,
    loose: LooseRecords,
}

/// How much is kept in mind.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records that can be compared when they come again.
    pub seen: usize,
    /// Segments, and places where something was erased.
    pub segments: usize,
    /// Bytes of records from logs that nobody vouches for yet.
    pub loose_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            seen: 32 << 20,
            segments: 1 << 20,
            loose_bytes: 64 << 20,
        }
    }
}

/// How many records of each sort there are.
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
    /// Records that another program has spelled anew.
    pub reserialised: u64,
    /// Lines of logs that look like records, and for which no key vouches.
    pub unproven: u64,
}

/// Whether a key vouches for records of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vouching {
    range: Range,
    pub(crate) is_vouched: bool,
}

impl Vouching {
    /// Whether this record is among them.
    pub(crate) const fn is_about(&self, sequence: u64) -> bool {
        self.range.0 <= sequence && sequence <= self.range.1
    }
}

/// What adding a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// The record was not there before.
    New,
    /// The same record was there before.
    Duplicate,
    /// Another record has its place.
    Fork,
}

impl Counts {
    /// Adds the counts of `other`.
    pub(crate) const fn add(&mut self, other: &Self) {
        self.valid += other.valid;
        self.requests += other.requests;
        self.overdue += other.overdue;
        self.erased += other.erased;
    }

    /// Subtracts the counts of `other`.
    pub(crate) const fn subtract(&mut self, other: &Self) {
        self.valid = self.valid.saturating_sub(other.valid);
        self.requests = self.requests.saturating_sub(other.requests);
        self.overdue = self.overdue.saturating_sub(other.overdue);
        self.erased = self.erased.saturating_sub(other.erased);
    }
}

impl Trail {
    /// A trail of which nothing was read yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            chains: HashMap::default(),
            seen: Seen::new(limits.seen),
            issues: Issues::default(),
            counts: Counts::default(),
            orders: Vec::new(),
            erased: Vec::new(),
            required: HashMap::new(),
            erasures: HashMap::new(),
            beside: Beside::default(),
            spread: Vec::new(),
            segments: 0,
            limits,
            has_keys: false,
            successions: Successions::new(),
            key_times: HashMap::new(),
            loose: LooseRecords::default(),
        }
    }

    /// Says which keys there are. If there is any, what comes from a log counts when one of them vouches for it.
    #[must_use]
    pub fn with_keys(mut self, keyring: &Keyring) -> Self {
        self.has_keys = !keyring.is_empty();
        self.successions.clone_from(keyring.successions());
        self.key_times = keyring.times();
        self
    }

    /// Whether who signs with one key may speak of the chains that are signed with another: it is the same, or takes
    /// its place. Of a chain that nobody has signed nobody knows.
    pub(crate) fn may_speak(&self, key: Option<&str>, of: Option<&str>) -> bool {
        let Some((key, of)) = key.zip(of) else {
            return true;
        };
        key == of || self.successions.contains(&(key.to_owned(), of.to_owned()))
    }

    /// Whether keys were given to verify signatures with.
    #[must_use]
    pub const fn has_keys(&self) -> bool {
        self.has_keys
    }

    /// Whether a record counts: a signature of a known key vouches for it, a known key has tagged its
    /// line in a log, or there are no keys to ask.
    #[must_use]
    pub fn is_vouched(&self, chain: &ChainUid, sequence: u64) -> bool {
        let is_proved = || {
            let chain = self.chains.get(chain)?;
            let covered = chain.segments.holding(sequence)?.covered;
            let is_covered = covered.is_some_and(|covered| covered >= sequence);
            let is_by_itself =
                chain.tagged.contains(sequence) || chain.by_operator.contains(sequence);
            Some(is_covered || is_by_itself)
        };
        !self.has_keys || is_proved() == Some(true)
    }

    /// As [`Trail::is_vouched`], for a record that is there, with those about it for which the same
    /// holds.
    pub(crate) fn vouching(&self, chain: &ChainUid, sequence: u64) -> Vouching {
        let segments = self.chains.get(chain).map(|chain| &chain.segments);
        let segment = segments.and_then(|segments| segments.holding_from(sequence));
        let covered = segment.map(|(first, segment)| (first, segment.last, segment.covered));
        match covered {
            Some((first, _, Some(covered))) if covered >= sequence => Vouching {
                range: Range(first, covered),
                is_vouched: true,
            },
            // A tag vouches for one record by itself.
            _ => Vouching {
                range: Range(sequence, sequence),
                is_vouched: self.is_vouched(chain, sequence),
            },
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

    /// Records whose line is spread over two files, so that none of them can be written anew by itself.
    #[must_use]
    pub fn spread(&self) -> &[(ChainUid, u64)] {
        &self.spread
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

    /// Whether a chain is an operator's ledger.
    #[must_use]
    pub fn is_ledger(&self, chain: &ChainUid) -> bool {
        self.chains.get(chain).is_some_and(Chain::is_ledger)
    }

    /// The longest time between two records of its emitter.
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
                let counts = Counts {
                    valid: 1,
                    requests: u64::from(item.control.is_none()),
                    overdue: u64::from(item.expires_ms.is_some_and(|expires| expires <= now_ms)),
                    erased: u64::from(!item.erased.is_empty()),
                    ..Counts::default()
                };
                self.counts.add(&counts);
                if let Some(chain) = self.chains.get_mut(&item.chain) {
                    chain.counts.add(&counts);
                }
                self.note_groups(item, place);
                self.note_time(item);
                self.note_class(item, place);
                if let Some(control) = &item.control {
                    self.note_control(item, control, now_ms, place);
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
        // An operator vouches for his order, and for no record before it.
        let is_covering = vouched == Some(Vouched::By(Role::Emitter));
        // Of whatever key: the emitter lived.
        let signed = matches!(vouched, Some(vouched) if vouched != Vouched::Unsigned)
            .then_some((item.sequence, item.time_ms));
        let statement = item
            .control
            .as_ref()
            .and_then(|control| control.control.statement());
        let stated = statement.map(|statement| {
            let lost = statement.lost_in_all();
            Stated {
                sequence: item.sequence,
                before: 0,
                records: statement.records,
                absent: statement.sampled_out.saturating_add(lost),
                lost,
                previous_signed: statement.previous_checkpoint,
                disclosed: Disclosed::stated(statement),
            }
        });
        let stated = stated.map(Box::new);
        let record = Segment {
            last: item.sequence,
            previous: item.previous,
            head: item.fingerprint,
            covered: is_covering.then_some(item.sequence),
            first_signed: signed,
            last_signed: signed,
            requests: u64::from(item.control.is_none()),
            disclosed: item.disclosed.clone(),
            disclosed_after: None,
            first_stated: stated.clone(),
            last_stated: stated,
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
        let mut contradictions = Vec::new();
        let placed = chain.segments.insert(item.sequence, record, |left, right| {
            if let (Some((after, from_ms)), Some((_, to_ms))) =
                (left.last_signed, right.first_signed)
            {
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
            }
            if let (Some(why), Some(stated)) = (left.contradiction(right), &right.first_stated) {
                contradictions.push((stated.sequence, why));
            }
        });
        for (sequence, why) in contradictions {
            let of = || uid(&item.chain, sequence);
            self.issues.add(Kind::Contradiction, of, || why);
        }
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
            || self.beside.len() > self.limits.segments
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
        if let Some(required_ms) = item.required_ms {
            let required = self.required.entry(item.chain).or_default();
            match required.last_mut() {
                Some((range, until_ms)) if range.1.checked_add(1) == Some(item.sequence) => {
                    range.1 = item.sequence;
                    *until_ms = required_ms.min(*until_ms);
                }
                _ => required.push((Range(item.sequence, item.sequence), required_ms)),
            }
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

    /// One chain has records of one retention class: else one purge would have two times to go by.
    fn note_class(&mut self, item: &Item, place: &dyn Fn() -> String) {
        let Some(chain) = self.chains.get_mut(&item.chain) else {
            return;
        };
        let tag = *chain.class_tag.get_or_insert(item.class_tag);
        if tag != item.class_tag {
            self.issues.add(Kind::ClassChanged, place, || {
                let uid = uid(&item.chain, item.sequence);
                format!("{uid} is of another retention class than the chain")
            });
        }
    }

    fn note_time(&mut self, item: &Item) {
        let Some(chain) = self.chains.get_mut(&item.chain) else {
            return;
        };
        chain.last_ms = chain.last_ms.max(item.time_ms);
        let first_ms = chain.first_ms.unwrap_or(u64::MAX);
        chain.first_ms = Some(first_ms.min(item.time_ms));
        let after = |until_ms: Option<u64>| until_ms.and_then(|ms| ms.checked_sub(item.time_ms));
        let shortest = |known: Option<u64>, more| known.into_iter().chain(after(more)).min();
        chain.shortest_keep_ms = shortest(chain.shortest_keep_ms, item.expires_ms);
        chain.shortest_least_ms = shortest(chain.shortest_least_ms, item.required_ms);
    }
}

const MAX_SILENCES: usize = 4096;
