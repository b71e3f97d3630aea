//! Whether a filter acts, and what it does when it cannot decide.

use crate::config::Node;

/// `"enforce"` acts; `"report"` does all the work, changes nothing in the traffic, and counts and
/// logs what it would have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "said above")]
pub enum Mode {
    #[default]
    Enforce,
    Report,
}

impl Mode {
    /// Reads a `mode` key.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[("enforce", Self::Enforce), ("report", Self::Report)])
    }

    /// The mode of a rule inside a filter: it enforces only if both do.
    #[must_use]
    pub const fn and(self, rule: Self) -> Self {
        match (self, rule) {
            (Self::Enforce, Self::Enforce) => Self::Enforce,
            _ => Self::Report,
        }
    }

    /// Whether this mode acts.
    #[must_use]
    pub const fn enforces(self) -> bool {
        matches!(self, Self::Enforce)
    }
}

/// What happens to a request about which the filter cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum OnError {
    Deny,
    Allow,
}

impl OnError {
    /// Reads an `on_error` key.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[("deny", Self::Deny), ("allow", Self::Allow)])
    }
}
