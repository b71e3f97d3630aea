//! One rule for a request that may fall under several.

use std::time::Duration;

use policy::matching::Match;

use super::{Keep, Level, Rule};

impl Rule {
    /// What counts where a request may fall under each of these rules, since servers may read it in
    /// more than one way: of each setting what records most. A client chooses how its request is
    /// written, and gets by that neither out of a record nor out of a part of it, nor does its record
    /// go sooner. `None` where there are no rules.
    pub(super) fn strictest(rules: &[&Self]) -> Option<Self> {
        let of_records = rules.iter().filter(|rule| rule.level > Level::None);
        let of_records: Vec<&Self> = of_records.copied().collect();
        let (first, others) = match of_records.as_slice() {
            // What a filter refuses is recorded all the same.
            [] => rules.split_first()?,
            some => some.split_first()?,
        };
        let mut strictest = Self {
            matches: Match::default(),
            data_subject: Vec::new(),
            may_be_about_others: rules
                .iter()
                .any(|rule| rule.data_subject != first.data_subject),
            template: agreed_template(&of_records),
            ..(*first).clone()
        };
        for rule in others {
            strictest.level = strictest.level.max(rule.level);
            strictest.sample = strictest.sample.max(rule.sample);
            strictest.assurance = strictest.assurance.max(rule.assurance);
            if rule.mode.enforces() {
                strictest.mode = rule.mode;
            }
            if rule.retention.keep.rank() > strictest.retention.keep.rank() {
                strictest.retention = rule.retention.clone();
            }
        }
        for source in of_records.iter().flat_map(|rule| &rule.data_subject) {
            if strictest.data_subject.len() >= MAX_PLACES {
                break;
            }
            if !strictest.data_subject.contains(source) {
                strictest.data_subject.push(source.clone());
            }
        }
        Some(strictest)
    }
}

impl Keep {
    /// How long a class is kept, for comparison. One without a time is never deleted, and nobody has
    /// said that it is needed: it counts as a year.
    fn rank(self) -> (Duration, Duration) {
        if self.is_unsaid() {
            return (A_YEAR, Duration::ZERO);
        }
        let at_least = self.at_least.or(self.at_most).unwrap_or_default();
        (self.at_most.unwrap_or(Duration::MAX), at_least)
    }
}

/// The template that all rules with a template have. Where two rules have different ones, none: nobody
/// knows which of them names the operation.
fn agreed_template(rules: &[&Rule]) -> Option<String> {
    let mut templates = rules.iter().filter_map(|rule| rule.template.as_ref());
    let first = templates.next()?;
    templates.all(|other| other == first).then(|| first.clone())
}

/// Places in which people are looked for. With more of them, others are said to be possible anyway.
const MAX_PLACES: usize = 32;
const A_YEAR: Duration = Duration::from_secs(366 * 86_400);
