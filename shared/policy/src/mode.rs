//! Whether a filter acts, and what it does when it cannot decide.

use crate::config::{Fields, Node};

/// Whether a rule acts. `"enforce"` acts; `"report"` does all the work, changes nothing in the
/// traffic, and counts and logs what it would have done.
///
/// The `mode` of a filter is the default of its rules (and limits, and of `default` where a filter
/// has one). A rule that names a mode of its own has that mode, whatever the filter's is. So a
/// filter goes live in steps: first `"mode": "report"` for all of it, then `"mode": "enforce"` in
/// one rule after the other, at last `"mode": "enforce"` for the filter and none in the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The filter acts on what it decides.
    #[default]
    Enforce,
    /// It only counts and logs.
    Report,
}

impl Mode {
    /// The key `mode` of a whole filter: what its rules do that say nothing else.
    #[must_use]
    pub fn of_filter(fields: &mut Fields<'_>) -> Self {
        Self::of_rule(fields, Self::Enforce)
    }

    /// The key `mode` of a rule, in a filter with this mode.
    #[must_use]
    pub fn of_rule(fields: &mut Fields<'_>, filter: Self) -> Self {
        fields.or("mode", filter, |node| Self::read(&node))
    }

    /// Reads the value of a `mode` key.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[("enforce", Self::Enforce), ("report", Self::Report)])
    }

    /// The mode of what is about no rule, or of which it is not clear which rule is about it: as soon as
    /// any rule enforces, it does, or such a request would walk around the rule that enforces.
    #[must_use]
    pub fn strictest(mut of_rules: impl Iterator<Item = Self>) -> Self {
        if of_rules.any(Self::enforces) {
            Self::Enforce
        } else {
            Self::Report
        }
    }

    /// Whether decisions take effect in this mode.
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
    /// Reads an `on_error` key from the configuration.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&[("deny", Self::Deny), ("allow", Self::Allow)])
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::config;

    /// The modes of a filter with two rules.
    fn modes(text: &str) -> Vec<Mode> {
        let read = config::read(text, |node| {
            node.object(|fields| {
                let filter = Mode::of_filter(fields);
                let rules = fields.required("rules", "rules")?;
                rules.list(|rule| rule.object(|fields| Some(Mode::of_rule(fields, filter))))
            })
        });
        read.unwrap()
    }

    #[test]
    fn the_mode_of_the_filter_is_the_default_of_its_rules() {
        use Mode::{Enforce, Report};
        for (text, expected) in [
            (r#"{"rules":[{},{"mode":"report"}]}"#, [Enforce, Report]),
            (
                r#"{"mode":"report","rules":[{},{"mode":"enforce"}]}"#,
                [Report, Enforce],
            ),
            (
                r#"{"mode":"enforce","rules":[{"mode":"enforce"},{"mode":"report"}]}"#,
                [Enforce, Report],
            ),
        ] {
            assert_eq!(modes(text), expected, "{text}");
        }
    }
}
