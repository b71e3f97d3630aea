//! How far the letters of tokens go, looked at once for all the prefixes that may stand in them.

use crate::bytes::{Position as _, part};
use crate::steps::step;

/// The letters of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Letters and digits.
    Alphanumeric,
    /// Hexadecimal digits in lower case.
    Hex,
    /// The alphabet of base32 (RFC 4648, section 6).
    Base32,
    /// The alphabet of URL-safe base64 (RFC 4648, section 5).
    Base64Url,
    /// The alphabet of URL-safe base64, and dots.
    Dotted,
    /// And the slashes of a path.
    Path,
    /// Those of base64, with its padding.
    Base64,
    /// The alphabet of URL-safe base64, and `=` before a checksum.
    Checked,
}

impl Class {
    const COUNT: usize = 8;

    #[inline(always)]
    pub(crate) const fn has(self, byte: u8) -> bool {
        match self {
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Base32 => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
            Self::Path => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/'),
            Self::Checked => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        }
    }
}

/// The runs of letters in a text.
#[derive(Debug)]
pub(crate) struct Runs<'t> {
    text: &'t [u8],
    known: [Run; Class::COUNT],
    /// How many more bytes may be decoded to see what they are.
    decodable: usize,
}

/// A run of bytes of one class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    start: usize,
    /// The position behind its last byte.
    pub(crate) end: usize,
    /// The position behind its last digit.
    last_digit: usize,
    /// The position behind its last letter.
    last_letter: usize,
}

impl Run {
    /// How many bytes it has from a position on.
    pub(crate) fn length_from(self, position: usize) -> usize {
        self.end.less(position)
    }

    /// Whether there is a digit and a letter from a position on.
    pub(crate) const fn is_mixed_from(self, position: usize) -> bool {
        self.last_digit > position && self.last_letter > position
    }

    /// Whether there is a digit from a position on.
    pub(crate) const fn has_digit_from(self, position: usize) -> bool {
        self.last_digit > position
    }
}

impl<'t> Runs<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            known: [Run::default(); Class::COUNT],
            decodable: text.len().saturating_mul(2).plus(1024),
        }
    }

    pub(crate) const fn text(&self) -> &'t [u8] {
        self.text
    }

    /// The run that a position is in; an empty one if the byte there is of another class.
    pub(crate) fn at(&mut self, class: Class, position: usize) -> Run {
        let text = self.text;
        let Some(known) = self.known.get_mut(class as usize) else {
            return Run::default();
        };
        if position < known.start || position >= known.end {
            let mut run = Run {
                start: position,
                end: position,
                ..Run::default()
            };
            for byte in part(text, position, text.len()) {
                step(1);
                if !class.has(*byte) {
                    break;
                }
                run.end = run.end.plus(1);
                if byte.is_ascii_digit() {
                    run.last_digit = run.end;
                } else if byte.is_ascii_alphabetic() {
                    run.last_letter = run.end;
                }
            }
            *known = run;
        }
        *known
    }

    /// The end of exactly so many bytes of a class.
    pub(crate) fn exactly(&mut self, class: Class, start: usize, count: usize) -> Option<usize> {
        let run = self.at(class, start);
        (run.length_from(start) == count).then_some(run.end)
    }

    /// The end of so many bytes of a class or more.
    pub(crate) fn at_least(&mut self, class: Class, start: usize, count: usize) -> Option<usize> {
        let run = self.at(class, start);
        (run.length_from(start) >= count).then_some(run.end)
    }

    /// Asks to decode so many bytes. `false` when more has been decoded in this text than any honest one
    /// needs: who asks then takes what it cannot rule out for a match.
    pub(crate) fn may_decode(&mut self, count: usize) -> bool {
        step(count);
        match self.decodable.checked_sub(count) {
            Some(left) => {
                self.decodable = left;
                true
            }
            None => false,
        }
    }
}
