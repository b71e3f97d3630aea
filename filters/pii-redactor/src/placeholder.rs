//! Placeholders: the labels and pseudonyms that stand where a redaction took a value away. A second
//! redaction recognizes them, so that it changes nothing.
//!
//! They are recognized by the name of a kind, never by their form alone: `[4111111111111111]` is a card
//! number in brackets.

use std::borrow::Cow;

use crate::bytes::{Position as _, at, count_while, part, rest};
use crate::detect::is_kind_name;
use crate::pseudonym::code_start;
use crate::steps::step;

/// The names that labels and pseudonyms have: those of the built-in kinds, of the kinds of the
/// configuration, and that of members which rules name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    /// The names of kinds that the configuration defines, in order.
    customs: Vec<Box<str>>,
}

impl Labels {
    /// Those of the built-in kinds and these.
    pub(crate) fn with<'n>(customs: impl Iterator<Item = &'n str>) -> Self {
        let mut customs: Vec<Box<str>> = customs.map(Box::from).collect();
        policy::sort::by(&mut customs, Ord::cmp);
        Self { customs }
    }

    /// Whether a kind has this name.
    fn has(&self, name: &[u8]) -> bool {
        step(8);
        let custom = || {
            self.customs
                .binary_search_by(|custom| (**custom).as_bytes().cmp(name))
                .is_ok()
        };
        name == MEMBER.as_bytes() || is_kind_name(name) || custom()
    }

    /// The length of the label that a text begins with; 0 if it begins with none.
    pub(crate) fn length(&self, text: &[u8]) -> usize {
        if at(text, 0) != b'[' {
            return 0;
        }
        let length = count_while(part(text, 0, LONGEST_LABEL_BYTES), 1, is_kind);
        let is_label = at(text, length.plus(1)) == b']' && self.has(part(text, 1, length.plus(1)));
        if is_label { length.plus(2) } else { 0 }
    }

    /// Whether a text is a pseudonym of a kind.
    pub(crate) fn is_pseudonym(&self, text: &[u8]) -> bool {
        code_start(text).is_some_and(|code| self.has(part(text, 0, code.less(1))))
    }

    /// Whether a whole value is a label or a pseudonym.
    pub(crate) fn is_placeholder(&self, value: &[u8]) -> bool {
        match value.first() {
            Some(b'[') => self.length(value) == value.len(),
            Some(first) if is_kind(*first) => self.is_pseudonym(value),
            _ => false,
        }
    }

    /// A name with something else in the place of the labels and pseudonyms in it: they have the words of
    /// their kinds, but announce nothing.
    pub(crate) fn taken_from<'n>(&self, name: &'n [u8], stands_in: &[u8]) -> Cow<'n, [u8]> {
        if !name.iter().any(|byte| matches!(byte, b'[' | b'_')) {
            return Cow::Borrowed(name);
        }
        let mut left = Vec::with_capacity(name.len());
        let mut position = 0;
        while position < name.len() {
            let length = self.length(rest(name, position));
            if length > 0 {
                left.extend_from_slice(stands_in);
                position = position.plus(length);
                continue;
            }
            let length = count_while(name, position, is_word).max(1);
            let word = part(name, position, position.plus(length));
            left.extend_from_slice(if self.is_pseudonym(word) {
                stands_in
            } else {
                word
            });
            position = position.plus(length);
        }
        Cow::Owned(left)
    }
}

/// What stands in the label of a member that a rule names.
pub(crate) const MEMBER: &str = "FIELD";
/// Names of kinds have at most 48 bytes; a longer run of such letters in brackets is no label.
const LONGEST_LABEL_BYTES: usize = 50;

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A letter of the name of a kind.
pub(crate) fn is_kind(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// Nothing: what is left is read as if it stood together.
pub(crate) const NOTHING: &[u8] = b" ";
/// A word that is in no rule: what is left is not what it was called before.
pub(crate) const SOMETHING: &[u8] = " \u{16a0} ".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_pseudonyms_are_known_again() {
        let letters = "abcdefghijklmnopqrstuvw234";
        let labels = Labels::with(["STAFF_2"].into_iter());
        for (name, left) in [
            ("birth_date", "birth_date"),
            ("[EMAIL]", " "),
            ("mail of [EMAIL] and [US_SSN]", "mail of   and  "),
            ("[email] [] [A", "[email] [] [A"),
            ("[STAFF_2] [STAFF_3] [FIELD]", "  [STAFF_3]  "),
            ("[4111111111111111]", "[4111111111111111]"),
            (&format!("STAFF_2_{letters}"), " "),
            (&format!("PROD_{letters}"), &format!("PROD_{letters}")),
            (&format!("EMAIL_{letters}"), " "),
            (&format!("to US_SSN_{letters}, x"), "to  , x"),
            (&format!("a{letters}"), &format!("a{letters}")),
            (&format!("email_{letters}"), &format!("email_{letters}")),
            ("", ""),
        ] {
            let got = labels.taken_from(name.as_bytes(), NOTHING);
            assert_eq!(String::from_utf8_lossy(&got), left, "{name}");
        }
    }
}
