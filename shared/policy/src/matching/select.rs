//! Which rule decides about a request.

use super::Match;
use crate::facts::Facts;
use crate::path::PathError;

/// The outcome of looking for the first rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The index of the deciding rule.
    Rule(usize),
    /// No rule matches: the default decides.
    NoRule,
    /// The readings of the path lead to different rules: some server would take the path for one
    /// that another rule is about. Refuse where security is at stake.
    Ambiguous,
    /// The path cannot be read, and a rule asks for it.
    Unreadable(PathError),
}

/// Finds the first of `rules` that matches; all readings of the path must agree on it.
#[must_use]
pub fn select<'m>(rules: impl Iterator<Item = &'m Match>, facts: &dyn Facts) -> Selection {
    let path = match facts.path() {
        Ok(path) => path,
        Err(error) => return select_without_path(rules, facts, error),
    };
    if let [reading] = path.readings() {
        let mut rules = rules.enumerate();
        let first = rules.find(|(_, rule)| rule.path_fits(reading) && rule.rest_fits(facts));
        return first.map_or(Selection::NoRule, |(index, _)| Selection::Rule(index));
    }
    // The first rule of each reading; a reading that has found its rule asks no more.
    let mut chosen: Vec<Option<usize>> = vec![None; path.readings().len()];
    for (index, rule) in rules.enumerate() {
        let mut rest_fits = None;
        for (reading, found) in path.readings().iter().zip(&mut chosen) {
            if found.is_none()
                && rule.path_fits(reading)
                && *rest_fits.get_or_insert_with(|| rule.rest_fits(facts))
            {
                *found = Some(index);
            }
        }
        if chosen.iter().all(Option::is_some) {
            break;
        }
    }
    let mut outcomes = chosen.into_iter();
    let first = outcomes.next().flatten();
    if outcomes.any(|other| other != first) {
        return Selection::Ambiguous;
    }
    first.map_or(Selection::NoRule, Selection::Rule)
}

/// Whether a rule applies where every matching rule counts (limits, redaction): under any reading
/// of the path, and also when the path cannot be read, since then nothing says that it does not.
#[must_use]
pub fn applies(rule: &Match, facts: &dyn Facts) -> bool {
    let path_fits = match facts.path() {
        Ok(path) => path
            .readings()
            .iter()
            .any(|reading| rule.path_fits(reading)),
        Err(_) => true,
    };
    path_fits && rule.rest_fits(facts)
}

/// As [`applies`], but for the content type: for rules about a message that has not come yet.
#[must_use]
pub fn may_apply(rule: &Match, facts: &dyn Facts) -> bool {
    let path_fits = match facts.path() {
        Ok(path) => path
            .readings()
            .iter()
            .any(|reading| rule.path_fits(reading)),
        Err(_) => true,
    };
    path_fits && rule.request_fits(facts)
}

fn select_without_path<'m>(
    rules: impl Iterator<Item = &'m Match>,
    facts: &dyn Facts,
    error: PathError,
) -> Selection {
    for (index, rule) in rules.enumerate() {
        if rule.rest_fits(facts) {
            return if rule.has_paths() {
                Selection::Unreadable(error)
            } else {
                Selection::Rule(index)
            };
        }
    }
    Selection::NoRule
}
