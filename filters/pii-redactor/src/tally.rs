//! What was found in one message: counts, never values.

use crate::plan::Plan;

/// What a count is about, besides the kinds of data.
pub const FIELD: u8 = 254;
/// A member that no rule lets through.
pub const MINIMIZED: u8 = 255;

/// The counts of one message, and on request where each finding was.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Vec<Count>,
    /// A finding says that the message goes no further.
    pub blocks: bool,
    /// The findings one by one, for trying rules out; `None` does not keep them.
    pub findings: Option<Vec<Finding>>,
}

/// So many findings of a kind by a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The kind; [`FIELD`] and [`MINIMIZED`] for members.
    pub entity: u8,
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// What became of the values.
    pub became: Became,
    /// How many.
    pub number: u64,
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It stayed: the rule only counts.
    Stayed,
    /// Something else stands in its place.
    Masked,
    /// It is gone, perhaps with its member.
    Removed,
    /// The message goes no further because of it.
    Blocked,
}

/// One finding. The text is what was in the message: this is for a command line only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it begins, in bytes of the (decoded) body.
    pub offset: u64,
    /// How many bytes it has there.
    pub length: u64,
    /// The kind; [`FIELD`] and [`MINIMIZED`] for members.
    pub entity: u8,
    /// The rule, by its place in the plan.
    pub rule: u8,
    /// What stood there, as far as it was held.
    pub old: Vec<u8>,
    /// What stands there now; `None` if it stays.
    pub new: Option<Vec<u8>>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, entity: u8, rule: u8, became: Became) {
        self.add_many(Count {
            entity,
            rule,
            became,
            number: 1,
        });
    }

    fn add_many(&mut self, more: Count) {
        let what = |count: &Count| (count.entity, count.rule, count.became);
        let known = self
            .counts
            .iter_mut()
            .find(|count| what(count) == what(&more));
        match known {
            Some(count) => count.number = count.number.saturating_add(more.number),
            None => self.counts.push(more),
        }
    }

    /// Keeps a finding, if findings are kept.
    pub fn explain(&mut self, finding: impl FnOnce() -> Finding) {
        if let Some(findings) = &mut self.findings {
            findings.push(finding());
        }
    }

    /// An empty one that keeps findings if this one does, for a text that may have to be read again.
    pub(crate) fn beside(&self) -> Self {
        Self {
            findings: self.findings.as_ref().map(|_| Vec::new()),
            ..Self::default()
        }
    }

    /// Takes what was counted in a text of its own; its findings are where that text is.
    pub(crate) fn merge(&mut self, inner: Self, offset: u64, length: u64) {
        for count in inner.counts {
            self.add_many(count);
        }
        self.blocks |= inner.blocks;
        if let (Some(findings), Some(more)) = (&mut self.findings, inner.findings) {
            findings.extend(more.into_iter().map(|finding| Finding {
                offset,
                length,
                ..finding
            }));
        }
    }

    /// Everything that was counted.
    #[must_use]
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// The word for a kind in metrics and records.
    #[must_use]
    pub fn word(plan: &Plan, entity: u8) -> &str {
        match entity {
            FIELD => "FIELD",
            MINIMIZED => "MINIMIZED",
            other => plan.name(other),
        }
    }
}
