//! The labels and pseudonyms of a plan, as far as they are met again in what is redacted twice.

use super::Plan;
use crate::bytes::part;
use crate::detect::named;
use crate::lexicon::Words;

impl Plan {
    /// Whether a whole value is a label of a known kind, or a pseudonym.
    pub(super) fn is_placeholder(&self, value: &[u8]) -> bool {
        let mut words = Words::new(value);
        words
            .next()
            .is_some_and(|word| word.end.saturating_sub(word.start) == value.len())
            && self.has_placeholder(value)
    }

    /// Whether there is one somewhere in a value.
    pub(super) fn has_placeholder(&self, value: &[u8]) -> bool {
        value.iter().any(|byte| matches!(byte, b'[' | b'_'))
            && Words::new(value)
                .filter(|word| word.is_placeholder)
                .any(|word| self.stands_for_a_kind(part(value, word.start, word.end)))
    }

    /// People write words in brackets too: `[VIP] Jane`.
    fn stands_for_a_kind(&self, placeholder: &[u8]) -> bool {
        let label = placeholder
            .strip_prefix(b"[")
            .and_then(|label| label.strip_suffix(b"]"));
        let Some(label) = label else {
            return true;
        };
        let name = std::str::from_utf8(label).unwrap_or_default();
        name == "FIELD"
            || named(name).is_some()
            || self.customs.iter().any(|custom| custom.name == name)
    }
}
