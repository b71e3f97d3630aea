//! Counts by name, in bounded memory: when there are too many names, the rare ones are put together.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// What is counted for a name.
pub(super) trait Weight: Default {
    /// The weight of the entry: heavier ones are kept.
    fn weight(&self) -> u64;
    /// Adds the counts of `other`.
    fn add(&mut self, other: Self);
}

impl Weight for u64 {
    fn weight(&self) -> u64 {
        *self
    }

    fn add(&mut self, other: Self) {
        *self = self.saturating_add(other);
    }
}

/// Counts by name, of bounded size.
#[derive(Debug, Default)]
pub(super) struct Table<V> {
    /// Seeded at random, since clients choose some of the names.
    rows: HashMap<String, V, RandomState>,
    /// What was counted for names that were too rare to be kept.
    pub(super) rest: V,
    /// How many such names there were, at least.
    pub(super) rest_names: u64,
}

impl<V: Weight> Table<V> {
    /// Changes the row of a name.
    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(&mut V)) {
        // Without a copy of the name, which is there already nearly always.
        if let Some(row) = self.rows.get_mut(name) {
            change(row);
            return;
        }
        if self.rows.len() >= MAX_ROWS {
            self.put_rare_together();
        }
        change(self.rows.entry(name.to_owned()).or_default());
    }

    /// Adds the counts of another table.
    pub(super) fn merge(&mut self, other: Self) {
        for (name, value) in other.rows {
            self.change(&name, |row| row.add(value));
        }
        self.rest.add(other.rest);
        self.rest_names = self.rest_names.saturating_add(other.rest_names);
    }

    /// How many names are kept.
    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// How many names there were, at least.
    pub(super) fn names(&self) -> u64 {
        self.len().saturating_add(self.rest_names)
    }

    /// The rows, the heaviest first.
    pub(super) fn sorted(&self) -> Vec<(&str, &V)> {
        self.sorted_by(Weight::weight)
    }

    /// The rows, those first for which this is most.
    pub(super) fn sorted_by(&self, weight: impl Fn(&V) -> u64) -> Vec<(&str, &V)> {
        let mut rows: Vec<(&str, &V)> = self.rows.iter().map(|(n, v)| (n.as_str(), v)).collect();
        rows.sort_by(|(left_name, left), (right_name, right)| {
            weight(right)
                .cmp(&weight(left))
                .then(left_name.cmp(right_name))
        });
        rows
    }

    /// Keeps the heavier half of the names, and counts the rest together.
    fn put_rare_together(&mut self) {
        let mut rows: Vec<(String, V)> = self.rows.drain().collect();
        rows.sort_unstable_by_key(|(_, value)| std::cmp::Reverse(value.weight()));
        for (_, value) in rows.split_off(rows.len() / 2) {
            self.rest.add(value);
            self.rest_names = self.rest_names.saturating_add(1);
        }
        self.rows.extend(rows);
    }
}

const MAX_ROWS: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_stay_and_nothing_is_lost() {
        let mut table: Table<u64> = Table::default();
        for number in 0..200_000_u64 {
            table.change(&format!("rare-{number}"), |count| *count += 1);
            table.change(&format!("busy-{}", number % 10), |count| *count += 1);
        }
        assert!(table.len() <= MAX_ROWS as u64);
        let top = table.sorted();
        for (name, count) in &top[..10] {
            assert!(name.starts_with("busy-"), "{name}");
            assert_eq!(**count, 20_000);
        }
        let kept: u64 = top.iter().map(|(_, count)| **count).sum();
        assert_eq!(kept + table.rest, 400_000);
        let mut other: Table<u64> = Table::default();
        other.change("busy-1", |count| *count += 5);
        table.merge(other);
        table.change("busy-1", |count| assert_eq!(*count, 20_005));
    }
}
