//! The records of a chain that were seen, in any order and any number of times, in memory that
//! grows with the number of holes and not with the number of records.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use audit::Hash;

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
    /// The last.
    pub last_signed: Option<(u64, u64)>,
}

/// The segments of a chain, by the number of their first record.
#[derive(Clone, Debug, Default)]
pub struct Segments(BTreeMap<u64, Segment>);

/// What became of a record.
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
    /// Puts a record where it belongs. `silence` is called with the signed records on both sides
    /// of what becomes one.
    pub fn insert(
        &mut self,
        sequence: u64,
        record: Segment,
        mut silence: impl FnMut((u64, u64), (u64, u64)),
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
                    segment.append(&record, &mut silence);
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
        self.join_next(first, &mut placed, &mut silence);
        let after = self.0.len();
        placed.change = isize::try_from(after).unwrap_or(0) - isize::try_from(before).unwrap_or(0);
        placed
    }

    fn join_next(
        &mut self,
        first: u64,
        placed: &mut Placed,
        silence: &mut impl FnMut((u64, u64), (u64, u64)),
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
            segment.append(&right, silence);
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
        let (_, segment) = self.0.range(..=sequence).next_back()?;
        (segment.last >= sequence).then_some(segment)
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
    fn append(&mut self, right: &Self, silence: &mut impl FnMut((u64, u64), (u64, u64))) {
        if let (Some(left), Some(right)) = (self.last_signed, right.first_signed) {
            silence(left, right);
        }
        self.last = right.last;
        self.head = right.head;
        self.covered = right.covered.or(self.covered);
        self.first_signed = self.first_signed.or(right.first_signed);
        self.last_signed = right.last_signed.or(self.last_signed);
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
    /// The same.
    Same,
    /// Another.
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

    /// Remembers a record.
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
