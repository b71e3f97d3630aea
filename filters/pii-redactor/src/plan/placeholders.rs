//! The labels and pseudonyms of a plan, as far as they are met again in what is redacted twice.

use super::Plan;
use crate::lexicon::Words;

impl Plan {
    /// Whether a whole value is a label of a known kind, or a pseudonym.
    pub(super) fn is_placeholder(&self, value: &[u8]) -> bool {
        self.lexicon.labels().is_placeholder(value)
    }

    /// Whether there is one somewhere in a value.
    pub(super) fn has_placeholder(&self, value: &[u8]) -> bool {
        value.iter().any(|byte| matches!(byte, b'[' | b'_'))
            && Words::new(value, self.lexicon.labels()).any(|word| word.is_placeholder)
    }
}
