//! What personal data looks like: one small module for each kind.
//!
//! Detectors look at a *run*: a stretch of decoded ASCII text that can hold a match, as
//! [`crate::scan`] cuts it. They are hand-written, so that their cost is a few passes over short
//! runs, whatever a body holds.

mod card;
mod email;
mod ssn;

use std::ops::Range;

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// An e-mail address.
    Email,
    /// A payment card number (PAN).
    CreditCard,
    /// A United States social security number.
    UsSsn,
}

impl Entity {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Email, Self::CreditCard, Self::UsSsn];

    /// The name in configurations, labels, metrics and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::CreditCard => "CREDIT_CARD",
            Self::UsSsn => "US_SSN",
        }
    }
}

/// A match in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes of the run.
    pub span: Range<usize>,
    /// What.
    pub entity: Entity,
}

/// What stands around a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The run goes on to the left, with bytes that have left already.
    pub continued: bool,
    /// The kind of data that the member's name announces.
    pub announced: Option<Entity>,
}

/// All matches of the wanted kinds in a run, in order, without overlaps: the longer one wins, then
/// the earlier one.
#[must_use]
pub fn find(run: &[u8], wanted: &[Entity], context: Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entity in wanted {
        let spans = match entity {
            Entity::Email => email::find(run),
            Entity::CreditCard => card::find(run, context),
            Entity::UsSsn => ssn::find(run, context),
        };
        findings.extend(spans.into_iter().map(|span| Finding {
            span,
            entity: *entity,
        }));
    }
    findings.sort_by_key(|finding| {
        (
            std::cmp::Reverse(finding.span.len()),
            finding.span.start,
            finding.entity,
        )
    });
    let mut chosen: Vec<Finding> = Vec::new();
    for finding in findings {
        let overlaps = |other: &Finding| {
            other.span.start < finding.span.end && finding.span.start < other.span.end
        };
        if !chosen.iter().any(overlaps) {
            chosen.push(finding);
        }
    }
    chosen.sort_by_key(|finding| finding.span.start);
    chosen
}

/// What the name of a member, folded to lower-case letters and digits, says about its value.
#[must_use]
pub fn announced_by(folded_name: &str) -> Option<Entity> {
    match folded_name {
        "ssn" | "ussn" | "socialsecurity" | "socialsecuritynumber" | "ssnumber" => {
            Some(Entity::UsSsn)
        }
        _ => None,
    }
}

/// The stretches of digits in a run that stand alone: groups with the same separator, space or
/// dash, between them. What is part of a longer name, a decimal, a version, a UUID or a time stamp
/// is none.
fn digit_groups(run: &[u8], context: Context) -> Vec<Vec<Range<usize>>> {
    let at = |index: usize| run.get(index).copied();
    let mut sequences = Vec::new();
    let mut start = 0;
    while start < run.len() {
        if !at(start).is_some_and(|byte| byte.is_ascii_digit()) {
            start = start.saturating_add(1);
            continue;
        }
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut separator = None;
        let mut position = start;
        loop {
            let digits = run
                .iter()
                .skip(position)
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let end = position.saturating_add(digits);
            groups.push(position..end);
            let next = end.saturating_add(1);
            let joins = at(end).filter(|byte| matches!(byte, b' ' | b'-'));
            let goes_on = at(next).is_some_and(|byte| byte.is_ascii_digit());
            match joins {
                Some(byte) if goes_on && separator.is_none_or(|known| known == byte) => {
                    separator = Some(byte);
                    position = next;
                }
                _ => {
                    position = end;
                    break;
                }
            }
        }
        let left = start.checked_sub(1);
        let left_free = match left {
            None => !context.continued,
            Some(left) => is_free(run, left, left.checked_sub(1)),
        };
        // A group that is glued to a word is part of that word; beyond a space another one begins.
        if !left_free && separator == Some(b' ') {
            groups.remove(0);
        }
        let right_free = is_free(run, position, position.checked_add(1));
        if !right_free && separator == Some(b' ') {
            groups.pop();
        }
        if (left_free && right_free || separator == Some(b' ')) && !groups.is_empty() {
            sequences.push(groups);
        }
        start = position.max(start.saturating_add(1));
    }
    sequences
}

/// Whether a number may end at `edge`: not at a letter, digit or underscore, and not at a sign that
/// only joins it to one of those behind it.
fn is_free(run: &[u8], edge: usize, beyond: Option<usize>) -> bool {
    let is_word = |index: Option<usize>| {
        index
            .and_then(|index| run.get(index))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    match run.get(edge) {
        None => true,
        Some(b'.' | b'-' | b'+' | b'%' | b'\'') => !is_word(beyond),
        Some(b'@') => false,
        Some(_) => !is_word(Some(edge)),
    }
}

fn digits_of(run: &[u8], span: Range<usize>) -> Vec<u8> {
    run.get(span)
        .unwrap_or_default()
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .map(|byte| byte & 0x0f)
        .collect()
}
