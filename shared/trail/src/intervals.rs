//! Sets of numbers that are mostly in rows.

use std::collections::BTreeMap;

use audit::{Group, Range};

use crate::item::Groups;

/// A set of numbers, kept as ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(BTreeMap<u64, u64>);

impl Intervals {
    /// Adds a range; one that ends before it begins is empty.
    pub fn add(&mut self, range: Range) {
        let Range(mut first, mut last) = range;
        if first > last {
            return;
        }
        while let Some((&start, &end)) = self.0.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            first = first.min(start);
            last = last.max(end);
            self.0.remove(&start);
        }
        self.0.insert(first, last);
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.0
            .range(..=number)
            .next_back()
            .is_some_and(|(_, end)| *end >= number)
    }

    /// What of a range is not in it.
    #[must_use]
    pub fn outside(&self, range: Range) -> Vec<Range> {
        let Range(mut from, last) = range;
        let mut outside = Vec::new();
        let before = self.0.range(..from).next_back();
        for (start, end) in before
            .into_iter()
            .chain(self.0.range(from..=last.max(from)))
        {
            if *start > from {
                outside.push(Range(from, start - 1));
            }
            match end.checked_add(1) {
                Some(next) => from = from.max(next),
                None => return outside,
            }
        }
        if from <= last {
            outside.push(Range(from, last));
        }
        outside
    }

    /// Adds all ranges of `other`.
    pub fn extend(&mut self, other: &Self) {
        other.iter().for_each(|range| self.add(range));
    }

    /// Removes a range.
    pub fn remove(&mut self, range: Range) {
        let Range(first, last) = range;
        for cut in self.within(range).iter() {
            let start = self.0.range(..=cut.0).next_back().map(|(start, _)| *start);
            let Some((start, end)) = start.and_then(|start| self.0.remove_entry(&start)) else {
                continue;
            };
            if start < first {
                self.0.insert(start, first - 1);
            }
            if end > last {
                self.0.insert(last + 1, end);
            }
        }
    }

    /// What of a range is in it.
    #[must_use]
    pub fn within(&self, range: Range) -> Self {
        let Range(first, last) = range;
        let mut within = Self::default();
        let before = self.0.range(..first).next_back();
        let inside = self.0.range(first..=last.max(first));
        for (start, end) in before.into_iter().chain(inside) {
            within.add(Range((*start).max(first), (*end).min(last)));
        }
        within
    }

    /// The last number of a range that is in it.
    #[must_use]
    pub fn last_in(&self, range: Range) -> Option<u64> {
        let (_, end) = self.0.range(..=range.1).next_back()?;
        Some((*end).min(range.1)).filter(|last| *last >= range.0)
    }

    /// How many numbers below this one are in it.
    #[must_use]
    pub fn count_before(&self, number: u64) -> u64 {
        match number.checked_sub(1) {
            Some(last) => self.within(Range(0, last)).count(),
            None => 0,
        }
    }

    /// Whether any number of a range is in it.
    #[must_use]
    pub fn overlaps(&self, range: Range) -> bool {
        let before = self.0.range(..=range.1).next_back();
        before.is_some_and(|(_, end)| *end >= range.0)
    }

    /// All ranges, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Range> {
        self.0.iter().map(|(first, last)| Range(*first, *last))
    }

    /// How many numbers are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.iter()
            .fold(0, |count: u64, range| count.saturating_add(size(range)))
    }
}

/// How many numbers a range has.
#[must_use]
pub fn size(range: Range) -> u64 {
    range
        .1
        .checked_sub(range.0)
        .map_or(0, |less| less.saturating_add(1))
}

/// For each group, a set of numbers.
#[derive(Clone, Debug, Default)]
pub struct GroupIntervals([Intervals; Group::ALL.len()]);

impl GroupIntervals {
    /// Adds a range for some groups.
    pub fn add(&mut self, range: Range, groups: Groups) {
        for (set, group) in self.0.iter_mut().zip(Group::ALL) {
            if !groups.and(Groups::of([group])).is_empty() {
                set.add(range);
            }
        }
    }

    /// The groups whose sets have a number.
    #[must_use]
    pub fn at(&self, number: u64) -> Groups {
        let sets = self.0.iter().zip(Group::ALL);
        Groups::of(sets.filter_map(|(set, group)| set.contains(number).then_some(group)))
    }

    /// What of a range is missing in the set of one of these groups.
    #[must_use]
    pub fn outside(&self, range: Range, groups: Groups) -> Intervals {
        let mut missing = Intervals::default();
        for (set, group) in self.0.iter().zip(Group::ALL) {
            if !groups.and(Groups::of([group])).is_empty() {
                for range in set.outside(range) {
                    missing.add(range);
                }
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_a_set(ranges in prop::collection::vec((0_u64..40, 0_u64..40), 0..12), probe in (0_u64..50, 0_u64..50)) {
            let mut set = Intervals::default();
            let mut model = BTreeSet::new();
            for (first, last) in ranges {
                set.add(Range(first, last));
                model.extend(first..=last);
            }
            let held: Vec<u64> = set.iter().flat_map(|range| range.0..=range.1).collect();
            prop_assert_eq!(&held, &model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.count(), model.len() as u64);
            let (first, last) = probe;
            prop_assert_eq!(set.contains(first), model.contains(&first));
            let outside: Vec<u64> = set.outside(Range(first, last)).iter().flat_map(|range| range.0..=range.1).collect();
            let expected: Vec<u64> = (first..=last).filter(|number| !model.contains(number)).collect();
            prop_assert_eq!(outside, expected);
            if first <= last {
                prop_assert_eq!(set.overlaps(Range(first, last)), (first..=last).any(|n| model.contains(&n)));
            }
            let inside: BTreeSet<u64> = (first..=last).filter(|number| model.contains(number)).collect();
            let within = set.within(Range(first, last));
            prop_assert_eq!(set.last_in(Range(first, last)), inside.last().copied());
            let covered: BTreeSet<u64> = within.iter().flat_map(|range| range.0..=range.1).collect();
            prop_assert_eq!(&covered, &inside);
            prop_assert_eq!(set.count_before(first), model.range(..first).count() as u64);
            let mut rest = set.clone();
            rest.remove(Range(first, last));
            prop_assert_eq!(rest.count(), set.count() - inside.len() as u64);
            prop_assert!(model.iter().all(|number| rest.contains(*number) != inside.contains(number)));
            let ranges: Vec<Range> = set.iter().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }

    #[test]
    fn the_whole_chain() {
        let mut set = Intervals::default();
        set.add(Range(0, u64::MAX));
        set.add(Range(5, 7));
        assert!(set.contains(u64::MAX));
        assert!(set.outside(Range(3, 9)).is_empty());
        assert_eq!(set.iter().count(), 1);
    }
}
