//! Where a number or an id may begin and end.

use crate::bytes::{Position as _, at, before};

/// Whether nothing before `start` makes what begins there part of something longer: a word, a
/// decimal, a version, a UUID, a time.
pub(crate) fn starts_free(text: &[u8], start: usize) -> bool {
    let edge = before(text, start);
    is_free(edge, before(text, start.less(1)))
}

/// Whether nothing behind `end` does.
pub(crate) fn ends_free(text: &[u8], end: usize) -> bool {
    is_free(at(text, end), at(text, end.plus(1)))
}

/// A letter, digit or underscore joins; a sign joins if a letter or digit is beyond it.
fn is_free(edge: u8, beyond: u8) -> bool {
    match edge {
        b'.' | b'-' | b'+' | b'%' | b'~' => !is_word(beyond),
        b':' | b'/' | b',' => !beyond.is_ascii_digit(),
        b'@' | b'#' => false,
        _ => !is_word(edge),
    }
}

pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
