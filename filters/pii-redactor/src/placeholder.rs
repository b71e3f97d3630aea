//! Placeholders: the labels and pseudonyms that stand where a redaction took a value away. A second
//! redaction recognizes them, so that it changes nothing.

use std::borrow::Cow;

use crate::bytes::{Position as _, at, count_while, part, rest};
use crate::pseudonym::is_any_pseudonym;

/// A name with something else in the place of the labels and pseudonyms in it: they have the words of
/// their kinds, but announce nothing.
pub(crate) fn without_replacements<'n>(name: &'n [u8], stands_in: &[u8]) -> Cow<'n, [u8]> {
    if !name.iter().any(|byte| matches!(byte, b'[' | b'_')) {
        return Cow::Borrowed(name);
    }
    let mut left = Vec::with_capacity(name.len());
    let mut position = 0;
    while position < name.len() {
        let length = label_length(rest(name, position));
        if length > 0 {
            left.extend_from_slice(stands_in);
            position = position.plus(length);
            continue;
        }
        let length = count_while(name, position, is_word).max(1);
        let word = part(name, position, position.plus(length));
        left.extend_from_slice(if is_any_pseudonym(word) {
            stands_in
        } else {
            word
        });
        position = position.plus(length);
    }
    Cow::Owned(left)
}

/// The length of the label that a text begins with; 0 if it begins with none.
pub(crate) fn label_length(text: &[u8]) -> usize {
    let length = count_while(text, 1, is_kind);
    let is_label = at(text, 0) == b'[' && length > 0 && at(text, length.plus(1)) == b']';
    if is_label { length.plus(2) } else { 0 }
}

/// Whether a whole value is a label or a pseudonym.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    match value.first() {
        Some(b'[') => label_length(value) == value.len(),
        Some(first) if first.is_ascii_uppercase() => is_any_pseudonym(value),
        _ => false,
    }
}

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
        for (name, left) in [
            ("birth_date", "birth_date"),
            ("[EMAIL]", " "),
            ("mail of [EMAIL] and [US_SSN]", "mail of   and  "),
            ("[email] [] [A", "[email] [] [A"),
            (&format!("EMAIL_{letters}"), " "),
            (&format!("to US_SSN_{letters}, x"), "to  , x"),
            (&format!("a{letters}"), &format!("a{letters}")),
            (&format!("email_{letters}"), &format!("email_{letters}")),
            ("", ""),
        ] {
            let got = without_replacements(name.as_bytes(), NOTHING);
            assert_eq!(String::from_utf8_lossy(&got), left, "{name}");
        }
    }
}
