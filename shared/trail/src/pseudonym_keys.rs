//! Whether the keys that were given make the pseudonyms of the records, so that whoever is looked for is found.

use std::collections::{BTreeMap, BTreeSet};

use crate::item::Item;
use crate::pipeline::Observer;
use crate::report::Filter;
use crate::scan::Fields;
use crate::subject::{Subject, epoch_of};

/// Compares the pseudonyms of the records that a filter would take, whomever they are about, with the keys that
/// were given for whom it is about.
#[derive(Clone, Debug)]
pub struct PseudonymKeys<'f> {
    filter: &'f Filter,
    missing: BTreeMap<String, u64>,
    /// Epochs of pseudonyms whose keys were given.
    seen: BTreeSet<String>,
    /// Check values that chains state.
    stated: BTreeSet<String>,
    is_found: bool,
}

/// Why whoever is looked for may be in records that were not found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unidentified {
    /// Records that name people by pseudonyms of epochs for which no key was given. How many, by epoch.
    pub missing: BTreeMap<String, u64>,
    /// Epochs of which chains were written with another key than the one given.
    pub other_keys: BTreeSet<String>,
    /// Epochs whose pseudonyms are in records, where nothing shows whether the key given is theirs: no chain states a
    /// check value (those of version 0.1.0 do not), and nobody was found by it.
    pub unproven: BTreeSet<String>,
}

impl<'f> PseudonymKeys<'f> {
    /// An observer of the records that this filter would take.
    #[must_use]
    pub const fn new(filter: &'f Filter) -> Self {
        Self {
            filter,
            missing: BTreeMap::new(),
            seen: BTreeSet::new(),
            stated: BTreeSet::new(),
            is_found: false,
        }
    }

    /// What the observers of several threads tell together.
    #[must_use]
    pub fn merged(all: impl IntoIterator<Item = Self>) -> Unidentified {
        let mut told = Unidentified::default();
        let mut whose: Vec<&Subject> = Vec::new();
        let (mut seen, mut stated, mut is_found) = (BTreeSet::new(), BTreeSet::new(), false);
        for one in all {
            for (epoch, count) in one.missing {
                let known = told.missing.entry(epoch).or_default();
                *known = known.saturating_add(count);
            }
            seen.extend(one.seen);
            stated.extend(one.stated);
            is_found |= one.is_found;
            whose = people(one.filter).collect();
        }
        let is_given = |check: &str| whose.iter().any(|one| one.key_checks().contains(check));
        let is_asked = |epoch: &str| whose.iter().any(|one| one.epochs().contains(epoch));
        let epochs = |checks: &BTreeSet<String>| -> BTreeSet<String> {
            let epochs = checks.iter().filter_map(|check| epoch_of(check));
            epochs.map(str::to_owned).collect()
        };
        let proven = epochs(&stated);
        stated.retain(|check| !is_given(check));
        told.other_keys = epochs(&stated);
        told.other_keys.retain(|epoch| is_asked(epoch));
        if !is_found {
            told.unproven = seen.difference(&proven).cloned().collect();
        }
        told
    }
}

impl Unidentified {
    /// All keys are there and right, as far as the trail shows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Observer for PseudonymKeys<'_> {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let filter = self.filter;
        let mut people = people(filter).peekable();
        if people.peek().is_none() {
            return;
        }
        let stated = item.control.as_ref();
        if let Some(check) = stated.and_then(|control| control.control.pseudonym_key()) {
            if self.stated.len() < MAX_CHECKS && !self.stated.contains(check) {
                self.stated.insert(check.to_owned());
            }
            return;
        }
        let Some(fields) = fields.filter(|fields| filter.takes_whoever(item, text, fields)) else {
            return;
        };
        let mut missing = BTreeSet::new();
        for one in people {
            self.is_found |= one.is_in(text, fields);
            for epoch in one.epochs_in(text, fields) {
                if one.epochs().contains(&epoch) {
                    self.seen.insert(epoch);
                } else {
                    missing.insert(epoch);
                }
            }
        }
        for epoch in missing {
            if let Some(count) = self.missing.get_mut(&epoch) {
                *count = count.saturating_add(1);
            } else if self.missing.len() < MAX_EPOCHS {
                self.missing.insert(epoch, 1);
            }
        }
    }
}

fn people(filter: &Filter) -> impl Iterator<Item = &Subject> {
    [&filter.subject, &filter.data_subject]
        .into_iter()
        .flatten()
}

/// More than there are years; names of callers may look like pseudonyms.
const MAX_EPOCHS: usize = 100;
/// Keys of emitters: one for each epoch, and more where gateways do not share them.
const MAX_CHECKS: usize = 10_000;
