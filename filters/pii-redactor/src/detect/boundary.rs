//! Where a number or an id may begin and end.

use crate::bytes::{Position as _, at, before, count_while, count_while_back, part};

/// How much stands behind a match, and so how much may stand beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    /// A form alone: a sign that joins numbers (a time, a path, a fraction) makes it something longer.
    Form,
    /// A check digit or a rigid grammar: only what would be more of the same does.
    Checked,
}

/// Whether nothing before `start` makes what begins there part of something longer: a word, a
/// decimal, a version, a UUID, a time.
pub(crate) fn starts_free(text: &[u8], start: usize, strength: Strength) -> bool {
    let edge = before(text, start);
    if edge == b',' {
        return !is_thousands(text, start.less(1));
    }
    is_free(edge, before(text, start.less(1)), strength)
}

/// Whether nothing behind `end` does.
pub(crate) fn ends_free(text: &[u8], end: usize, strength: Strength) -> bool {
    let edge = at(text, end);
    if edge == b',' {
        return !is_thousands(text, end);
    }
    if edge == b'.' && is_whole(text, end) {
        return true;
    }
    is_free(edge, at(text, end.plus(1)), strength)
}

/// Whether a long number goes on with nothing but `.0`: programs write whole numbers so that they have
/// read as floating point ones.
fn is_whole(text: &[u8], end: usize) -> bool {
    let zeros = count_while(part(text, 0, end.plus(4)), end.plus(1), |byte| byte == b'0');
    let behind = end.plus(1).plus(zeros);
    let head = part(text, end.less(DIGITS_OF_A_LONG_NUMBER), end);
    zeros > 0
        && head.len() == DIGITS_OF_A_LONG_NUMBER
        && head.iter().all(u8::is_ascii_digit)
        && is_free(at(text, behind), at(text, behind.plus(1)), Strength::Form)
}

const DIGITS_OF_A_LONG_NUMBER: usize = 8;

/// A letter, digit or underscore joins; a sign may join if there is more beyond it.
fn is_free(edge: u8, beyond: u8, strength: Strength) -> bool {
    match (edge, strength) {
        // A decimal, a version, an id in several parts: more digits, where digits are what counts.
        (b'.' | b'-', Strength::Checked) => !beyond.is_ascii_digit(),
        (b'.' | b'-' | b'+' | b'%' | b'~', Strength::Form) => !is_word(beyond),
        (b':' | b'/', Strength::Form) => !beyond.is_ascii_digit(),
        _ => !is_word(edge),
    }
}

/// Whether a comma stands between the thousands of one number: three digits behind it, and one to
/// three before.
fn is_thousands(text: &[u8], comma: usize) -> bool {
    let behind = count_while(part(text, 0, comma.plus(5)), comma.plus(1), |byte| {
        byte.is_ascii_digit()
    });
    let head = part(text, comma.less(4), comma);
    let ahead = count_while_back(head, head.len(), |byte| byte.is_ascii_digit());
    let goes_on = matches!(at(text, comma.plus(4)), b'-' | b' ' | b'/' | b'.')
        && at(text, comma.plus(5)).is_ascii_digit();
    behind == 3 && (1..=3).contains(&ahead) && !goes_on
}

pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A sign between values, in text and in data, that is in none of them: a quote, a bracket, a comma, a semicolon or a bar.
pub(crate) const fn separates_values(byte: u8) -> bool {
    matches!(
        byte,
        b',' | b';' | b'|' | b'"' | b'\'' | b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'{' | b'}'
    )
}
