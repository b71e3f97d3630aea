//! What holds for all rules of a configuration.

use std::cell::Cell;
use std::collections::HashSet;

use crate::detect::Confidence;

/// What holds for all rules of a configuration.
#[derive(Debug, Default)]
pub struct Settings {
    /// What stands in the place of a number.
    pub type_policy: TypePolicy,
    /// Matches that are less sure are none.
    pub min_confidence: Confidence,
    /// Names and words that speak against a match do not count.
    pub ignores_negative: bool,
    /// Strings that are JSON documents are read as such.
    pub nested_json: bool,
    /// Names of members are searched too.
    pub search_names: bool,
    /// Values that stay, whatever they are.
    pub allowed: Allowed,
    /// The year in which the filter was configured; none where no clock is read.
    pub year: Cell<u64>,
}

impl Settings {
    /// Whether somebody who lived in this year is over 89 by the end of the next one, until which filters
    /// may go on as they were configured.
    pub(crate) fn tells_old_age(&self, year: u64) -> bool {
        let next = self.year.get().max(LEAST_YEAR).saturating_add(1);
        year.saturating_add(90) <= next
    }
}

/// It is not earlier, whatever a clock says.
const LEAST_YEAR: u64 = 2026;

/// Values that always stay: the key `allow`.
#[derive(Debug, Default)]
pub struct Allowed {
    /// Whole values, in lower case.
    pub values: HashSet<String>,
    /// Their beginnings, in lower case.
    pub prefixes: Vec<String>,
    /// Their ends, in lower case.
    pub suffixes: Vec<String>,
    /// Expressions that a whole value must match.
    pub patterns: Vec<regex_lite::Regex>,
}

/// What stands in the place of a number that is personal data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TypePolicy {
    /// The replacement, as a string.
    #[default]
    String,
    /// A number becomes `0`.
    Zero,
    /// A value becomes `null`.
    Null,
    /// The number itself: it only counts.
    Keep,
}

impl Allowed {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
            && self.prefixes.is_empty()
            && self.suffixes.is_empty()
            && self.patterns.is_empty()
    }

    pub(super) fn has(&self, value: &[u8]) -> bool {
        let value = policy::text::lossy(value);
        let lower = value.to_lowercase();
        let whole = |regex: &regex_lite::Regex| {
            regex
                .find(&value)
                .is_some_and(|hit| hit.start() == 0 && hit.end() == value.len())
        };
        self.values.contains(&lower)
            || self
                .prefixes
                .iter()
                .any(|prefix| lower.starts_with(prefix.as_str()))
            || self
                .suffixes
                .iter()
                .any(|suffix| lower.ends_with(suffix.as_str()))
            || self.patterns.iter().any(whole)
    }
}
