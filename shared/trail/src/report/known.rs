//! The words that records have of what people ask for: a class that is spelled otherwise than in any record finds
//! nothing, and that is no answer.

use std::collections::BTreeSet;

use super::classes::found;
use super::tally::{Filter, route_fits};
use crate::item::Item;
use crate::pipeline::Observer;
use crate::scan::Fields;

/// The words of all records, of each kind for which somebody asks.
#[derive(Clone, Debug)]
pub struct Words<'f> {
    filter: &'f Filter,
    /// Retention classes.
    pub classes: BTreeSet<String>,
    /// Operations.
    pub routes: BTreeSet<String>,
    /// Classes of data.
    pub data_classes: BTreeSet<String>,
}

/// What was asked for, and no record has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown<'w> {
    /// The option that asks for it.
    pub option: &'static str,
    /// What it asks for.
    pub word: &'w str,
    /// What such words are called.
    pub what: &'static str,
    /// Those that records have.
    pub known: &'w BTreeSet<String>,
}

impl<'f> Words<'f> {
    /// Of records for a filter.
    #[must_use]
    pub const fn new(filter: &'f Filter) -> Self {
        Self {
            filter,
            classes: BTreeSet::new(),
            routes: BTreeSet::new(),
            data_classes: BTreeSet::new(),
        }
    }

    /// Puts together what several threads have seen.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.classes.extend(other.classes);
        self.routes.extend(other.routes);
        self.data_classes.extend(other.data_classes);
        self
    }

    /// What the filter asks for and no record has. Where there are too many words to keep all in mind, nothing.
    pub fn unknown(&self) -> impl Iterator<Item = Unknown<'_>> {
        let asked = [
            (
                "--class",
                self.filter.class.as_deref(),
                "retention class",
                &self.classes,
            ),
            (
                "--route",
                self.filter.route.as_deref(),
                "operation",
                &self.routes,
            ),
            (
                "--data-class",
                self.filter.data_class.as_deref(),
                "class of data",
                &self.data_classes,
            ),
        ];
        asked.into_iter().filter_map(|(option, word, what, known)| {
            let word = word?;
            let is_known = known.iter().any(|one| match option {
                "--route" => route_fits(word, one),
                _ => one == word,
            });
            let is_all = known.len() < MAX_WORDS;
            (!is_known && is_all).then_some(Unknown {
                option,
                word,
                what,
                known,
            })
        })
    }
}

impl Observer for Words<'_> {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        if let Some(control) = &item.control
            && self.filter.class.is_some()
        {
            add(&mut self.classes, &control.class);
        }
        let Some(fields) = fields.filter(|_| item.control.is_none()) else {
            return;
        };
        if self.filter.class.is_some() {
            add(
                &mut self.classes,
                fields.class.string(text).unwrap_or_default(),
            );
        }
        if self.filter.route.is_some() {
            add(
                &mut self.routes,
                fields.operation.string(text).unwrap_or("unknown"),
            );
        }
        if self.filter.data_class.is_some() {
            for one in fields.findings.of(text).map_or(Vec::new(), found) {
                add(&mut self.data_classes, one.name());
            }
        }
    }
}

fn add(words: &mut BTreeSet<String>, word: &str) {
    if words.len() < MAX_WORDS && !words.contains(word) {
        words.insert(word.to_owned());
    }
}

/// Operations without a template may be as many as there are paths.
const MAX_WORDS: usize = 10_000;
