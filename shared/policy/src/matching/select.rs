//! Which rule decides about a request.

use super::fit::Fit;
use super::{Ambiguity, Match};
use crate::explain::{self, RuleName, Step};
use crate::facts::Facts;
use crate::path::{PathError, Reading};

/// The outcome of looking for the first rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The index of the deciding rule.
    Rule(usize),
    /// No rule matches: the default decides.
    NoRule,
    /// The readings of the request lead to different rules: some server would take it for one that
    /// another rule is about. Refuse where security is at stake.
    Ambiguous(Ambiguity),
    /// The path cannot be read, and a rule asks for it.
    Unreadable(PathError),
}

/// Finds the first of `rules` that matches; all readings of the request must agree on it.
#[must_use]
pub fn select<'m>(rules: impl Iterator<Item = &'m Match>, facts: &dyn Facts) -> Selection {
    let path = match facts.path() {
        Ok(path) => path,
        Err(error) => return select_without_path(rules, facts, error),
    };
    // The first rule of each reading; a reading that has found its rule asks no more.
    let readings = path.readings();
    let mut chosen: Vec<Option<usize>> = vec![None; readings.len()];
    let mut left = readings.len();
    for (index, rule) in rules.enumerate() {
        let mut rest = None;
        explain::note(|| Step::Rule(RuleName::Place(index)));
        let mut has_path = false;
        for (reading, found) in readings.iter().zip(&mut chosen) {
            if found.is_some() {
                continue;
            }
            let path = rule.path_fits(reading);
            if path == Fit::No {
                continue;
            }
            has_path = true;
            match path.and(|| *rest.get_or_insert_with(|| rule.rest_fits(facts))) {
                Fit::No => break,
                Fit::Maybe(ambiguity) => return Selection::Ambiguous(ambiguity),
                Fit::Yes => {
                    *found = Some(index);
                    left = left.saturating_sub(1);
                }
            }
        }
        if !has_path {
            rule.tell_path(facts);
        }
        if left == 0 {
            break;
        }
    }
    let mut outcomes = chosen.into_iter();
    let first = outcomes.next().flatten();
    if outcomes.any(|other| other != first) {
        return Selection::Ambiguous(Ambiguity::Path);
    }
    first.map_or(Selection::NoRule, Selection::Rule)
}

/// Every rule that decides about the request under some reading of it, in order, and whether there
/// is a reading that no rule matches. Where the strictest counts, such as for what is recorded, this
/// is what to choose from.
#[must_use]
pub fn candidates<'m>(
    rules: impl Iterator<Item = &'m Match>,
    facts: &dyn Facts,
) -> (Vec<usize>, bool) {
    let unreadable = [Reading::default()];
    let (readings, is_readable) = match facts.path() {
        Ok(path) => (path.readings(), true),
        Err(_) => (unreadable.as_slice(), false),
    };
    let mut open: Vec<&Reading> = readings.iter().collect();
    let mut found = Vec::new();
    for (index, rule) in rules.enumerate() {
        if open.is_empty() {
            break;
        }
        explain::note(|| Step::Rule(RuleName::Place(index)));
        let fit = |reading: &&Reading| match is_readable {
            true => rule.path_fits(reading),
            false => Fit::Yes,
        };
        if open.iter().all(|reading| fit(reading) == Fit::No) {
            rule.tell_path(facts);
            continue;
        }
        match rule.rest_fits(facts) {
            Fit::No => continue,
            Fit::Maybe(_) => {}
            // A path that cannot be read may be any path.
            Fit::Yes if is_readable || !rule.has_paths() => {
                open.retain(|reading| fit(reading) != Fit::Yes);
            }
            Fit::Yes => {}
        }
        found.push(index);
    }
    (found, !open.is_empty())
}

/// Whether a rule applies where every matching rule counts (limits, redaction): under any reading
/// of the request, and also when the path cannot be read, since then nothing says that it does not.
#[must_use]
pub fn applies(rule: &Match, facts: &dyn Facts) -> bool {
    path_may_fit(rule, facts) && rule.rest_fits(facts) != Fit::No
}

/// As [`applies`], but for the content type: for rules about a message that has not come yet.
#[must_use]
pub fn may_apply(rule: &Match, facts: &dyn Facts) -> bool {
    path_may_fit(rule, facts) && rule.request_fits(facts) != Fit::No
}

fn path_may_fit(rule: &Match, facts: &dyn Facts) -> bool {
    let fits = |reading| rule.path_fits(reading) != Fit::No;
    let may_fit = facts
        .path()
        .map_or(true, |path| path.readings().iter().any(fits));
    if !may_fit {
        rule.tell_path(facts);
    }
    may_fit
}

fn select_without_path<'m>(
    rules: impl Iterator<Item = &'m Match>,
    facts: &dyn Facts,
    error: PathError,
) -> Selection {
    for (index, rule) in rules.enumerate() {
        match rule.rest_fits(facts) {
            Fit::No => {}
            _ if rule.has_paths() => return Selection::Unreadable(error),
            Fit::Maybe(ambiguity) => return Selection::Ambiguous(ambiguity),
            Fit::Yes => return Selection::Rule(index),
        }
    }
    Selection::NoRule
}
