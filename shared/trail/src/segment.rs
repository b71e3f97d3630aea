//! The records of a chain that were seen, in any order and any number of times, in memory that
//! grows with the number of holes and not with the number of records.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use audit::Hash;

use crate::disclosed::Disclosed;
use crate::item::ChainUid;

/// Records that follow each other without a hole.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The number of the last.
    pub last: u64,
    /// What the first has as `previous`.
    pub previous: Hash,
    /// The fingerprint of the last.
    pub head: Hash,
    /// The last that a known key has signed: it vouches for all before it in this segment.
    pub covered: Option<u64>,
    /// The first that names a key, with its time.
    pub first_signed: Option<(u64, u64)>,
    /// The last signed record: its sequence number and time.
    pub last_signed: Option<(u64, u64)>,
    /// The number of records of requests.
    pub requests: u64,
    /// What those before the first statement say that callers got in clear.
    pub disclosed: Option<Box<Disclosed>>,
    /// The same of those after the last statement, where there is one.
    pub disclosed_after: Option<Box<Disclosed>>,
    /// What the first signed record in it states about its chain.
    pub first_stated: Option<Box<Stated>>,
    /// What the last statement of the segment says.
    pub last_stated: Option<Box<Stated>>,
}

/// What a signed record states about its chain, and where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The number of the record.
    pub sequence: u64,
    /// Records of requests that are before it in its segment.
    pub before: u64,
    /// Records of requests since the chain began.
    pub records: u64,
    /// Requests left out and lost since then.
    pub absent: u64,
    /// How many requests were lost since the statement before.
    pub lost: u64,
    /// The number of the signed record before.
    pub previous_signed: u64,
    /// What callers got in clear since the chain began.
    pub disclosed: Disclosed,
}

/// The segments of a chain, by the number of their first record.
#[derive(Clone, Debug, Default)]
pub struct Segments(BTreeMap<u64, Segment>);

/// What adding a record did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Its number was there already.
    pub taken: bool,
    /// It does not follow the record before it, or the one after does not follow it.
    pub broken: bool,
    /// How many segments there are more, or less.
    pub change: isize,
}

impl Segments {
    /// Puts a record where it belongs. `joined` is called with the two segments that become one.
    pub fn insert(
        &mut self,
        sequence: u64,
        record: Segment,
        mut joined: impl FnMut(&Segment, &Segment),
    ) -> Placed {
        let mut placed = Placed::default();
        let before = self.0.len();
        let mut first = sequence;
        match self.0.range_mut(..=sequence).next_back() {
            Some((_, segment)) if segment.last >= sequence => {
                placed.taken = true;
                if record.covered.is_some() {
                    segment.covered = segment.covered.max(record.covered);
                }
                return placed;
            }
            Some((start, segment)) if segment.last.checked_add(1) == Some(sequence) => {
                if segment.head == record.previous {
                    segment.append(record, &mut joined);
                    first = *start;
                } else {
                    placed.broken = true;
                    self.0.insert(sequence, record);
                }
            }
            _ => {
                self.0.insert(sequence, record);
            }
        }
        self.join_next(first, &mut placed, &mut joined);
        let after = self.0.len();
        placed.change = isize::try_from(after).unwrap_or(0) - isize::try_from(before).unwrap_or(0);
        placed
    }

    fn join_next(
        &mut self,
        first: u64,
        placed: &mut Placed,
        joined: &mut impl FnMut(&Segment, &Segment),
    ) {
        let Some(segment) = self.0.get(&first) else {
            return;
        };
        let Some(next) = segment.last.checked_add(1) else {
            return;
        };
        let head = segment.head;
        let Some(right) = self.0.get(&next) else {
            return;
        };
        if right.previous != head {
            placed.broken = true;
            return;
        }
        if let Some(right) = self.0.remove(&next)
            && let Some(segment) = self.0.get_mut(&first)
        {
            segment.append(right, joined);
        }
    }

    /// The segments in order, with the number of the first record of each.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Segment)> {
        self.0.iter().map(|(first, segment)| (*first, segment))
    }

    /// The first number and the last.
    #[must_use]
    pub fn ends(&self) -> Option<(u64, u64)> {
        let (first, _) = self.0.first_key_value()?;
        let (_, segment) = self.0.last_key_value()?;
        Some((*first, segment.last))
    }

    /// The segment that holds a record.
    #[must_use]
    pub fn holding(&self, sequence: u64) -> Option<&Segment> {
        self.holding_from(sequence).map(|(_, segment)| segment)
    }

    /// The segment that holds a record, with the number of its first.
    #[must_use]
    pub fn holding_from(&self, sequence: u64) -> Option<(u64, &Segment)> {
        let (first, segment) = self.0.range(..=sequence).next_back()?;
        (segment.last >= sequence).then_some((*first, segment))
    }

    /// How many records of these numbers are there.
    #[must_use]
    pub fn count_in(&self, first: u64, last: u64) -> u64 {
        let inside = self.0.iter().map(|(start, segment)| {
            let (start, end) = ((*start).max(first), segment.last.min(last));
            crate::intervals::size(audit::Range(start, end))
        });
        inside.fold(0, u64::saturating_add)
    }
}

impl Segment {
    fn append(&mut self, right: Self, joined: &mut impl FnMut(&Self, &Self)) {
        joined(self, &right);
        let more = match &self.last_stated {
            Some(_) => &mut self.disclosed_after,
            None => &mut self.disclosed,
        };
        match (&mut *more, right.disclosed) {
            (Some(known), Some(further)) => known.add(&further),
            (None, further) => *more = further,
            (Some(_), None) => {}
        }
        if right.last_stated.is_some() {
            self.disclosed_after = right.disclosed_after;
        }
        let requests = self.requests;
        let further = |mut stated: Box<Stated>| {
            stated.before = stated.before.saturating_add(requests);
            stated
        };
        if self.first_stated.is_none() {
            self.first_stated = right.first_stated.map(further);
        }
        if right.last_stated.is_some() {
            self.last_stated = right.last_stated.map(further);
        }
        self.requests = self.requests.saturating_add(right.requests);
        self.last = right.last;
        self.head = right.head;
        self.covered = right.covered.or(self.covered);
        self.first_signed = self.first_signed.or(right.first_signed);
        self.last_signed = right.last_signed.or(self.last_signed);
    }

    /// What the first statement of the segment to the right says that is not so, given this one.
    #[must_use]
    pub fn contradiction(&self, right: &Self) -> Option<String> {
        let next = right.first_stated.as_ref()?;
        if let Some((signed, _)) = self.last_signed
            && next.previous_signed != signed
        {
            return Some(format!(
                "it says that the signed record before it is number {}, and that is number {signed}",
                next.previous_signed
            ));
        }
        let last = self.last_stated.as_ref()?;
        let there = self
            .requests
            .saturating_sub(last.before)
            .saturating_add(next.before);
        let stated = next.records.checked_sub(last.records);
        if stated != Some(there) {
            return Some(format!(
                "it says {} requests since the chain began after {} at number {}, and {there} are there between them",
                next.records, last.records, last.sequence
            ));
        }
        if next.absent < last.absent {
            return Some(format!(
                "it says that {} requests were left out or lost, and number {} said {}",
                next.absent, last.sequence, last.absent
            ));
        }
        let mut between = Disclosed::default();
        for disclosed in [&self.disclosed_after, &right.disclosed]
            .into_iter()
            .flatten()
        {
            between.add(disclosed);
        }
        next.disclosed.contradiction(&last.disclosed, &between)
    }

    /// The same for a chain that begins with this segment.
    #[must_use]
    pub fn contradiction_at_beginning(&self) -> Option<String> {
        let first = self.first_stated.as_ref()?;
        if first.records != first.before {
            return Some(format!(
                "it says {} requests since the chain began, and {} are there",
                first.records, first.before
            ));
        }
        let nothing = Disclosed::default();
        let there = self.disclosed.as_deref().unwrap_or(&nothing);
        first.disclosed.contradiction(&nothing, there)
    }
}

/// A short keyed hash of each record's fingerprint, to tell a record that came twice from two
/// records that claim one place. The key is random, so nobody can make two that look alike.
#[derive(Debug)]
pub struct Seen {
    blocks: HashMap<(ChainUid, u64), Vec<u64>, foldhash::fast::RandomState>,
    /// The blocks in the order in which they were begun; the oldest is forgotten first.
    order: VecDeque<(ChainUid, u64)>,
    entries: usize,
    max_entries: usize,
    key: RandomState,
}

/// How a fingerprint compares with the one that was seen in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Both records are the same.
    Same,
    /// There is another record at this place.
    Other,
    /// It was forgotten, or never seen.
    Unknown,
}

impl Seen {
    /// With room for so many records.
    #[must_use]
    pub fn new(max_entries: usize) -> Self {
        Self {
            blocks: HashMap::default(),
            order: VecDeque::new(),
            entries: 0,
            max_entries,
            key: RandomState::new(),
        }
    }

    /// Remembers a record by its fingerprint.
    pub fn note(&mut self, chain: ChainUid, sequence: u64, fingerprint: &Hash) {
        let tag = self.tag(fingerprint);
        let (block, index) = place(sequence);
        let tags = self.blocks.entry((chain, block)).or_insert_with(|| {
            self.order.push_back((chain, block));
            Vec::new()
        });
        if tags.len() <= index {
            self.entries += index + 1 - tags.len();
            tags.resize(index + 1, 0);
        }
        if let Some(slot) = tags.get_mut(index) {
            *slot = tag;
        }
        while self.entries > self.max_entries && self.order.len() > 1 {
            let oldest = self.order.pop_front();
            let tags = oldest.and_then(|oldest| self.blocks.remove(&oldest));
            self.entries -= tags.map_or(0, |tags| tags.len());
        }
    }

    /// Compares with what was seen in this place.
    #[must_use]
    pub fn compare(&self, chain: ChainUid, sequence: u64, fingerprint: &Hash) -> Compared {
        let (block, index) = place(sequence);
        let tags = self.blocks.get(&(chain, block));
        match tags.and_then(|tags| tags.get(index)).copied() {
            None | Some(0) => Compared::Unknown,
            Some(tag) if tag == self.tag(fingerprint) => Compared::Same,
            Some(_) => Compared::Other,
        }
    }

    fn tag(&self, fingerprint: &Hash) -> u64 {
        // Zero is an empty place.
        self.key.hash_one(fingerprint.0).max(1)
    }
}

fn place(sequence: u64) -> (u64, usize) {
    let index = usize::try_from(sequence % BLOCK).unwrap_or(0);
    (sequence / BLOCK, index)
}

const BLOCK: u64 = 1024;
