//! The first look at a text: whether anything in it can be personal data at all.
//!
//! Most strings of a body have no digit, no `@` and nothing that begins like a secret, and need no
//! closer look. The loops below have no branch for each byte, so that the compiler turns them into
//! vector instructions (SIMD128 in a proxy).

use crate::bytes::rest;
use crate::steps::step;

/// What a text has, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Triggers(u8);

impl Triggers {
    /// A digit: numbers of every kind.
    pub(crate) const DIGIT: u8 = 1;
    /// The text has `@`, so it may have addresses.
    pub(crate) const AT: u8 = 2;
    /// A beginning of a secret, `=` between a name and one, or `::` of an address of the Internet protocol.
    pub(crate) const LITERAL: u8 = 4;
    /// `=`, or `:` with a blank or a quote behind it: values that a text gives a name.
    pub(crate) const ASSIGNMENT: u8 = 8;

    /// Finds the triggers that a text has.
    #[inline]
    pub(crate) fn of(text: &[u8]) -> Self {
        Self::of_beginning(text, text.len())
    }

    /// Looks at the first `length` bytes of a text. What stands behind them need not be copied away.
    #[inline]
    pub(crate) fn of_beginning(text: &[u8], length: usize) -> Self {
        step((length.min(text.len()) / 8).saturating_add(1));
        let mut bits = 0_u8;
        let mut blocks = text;
        let mut left = length.min(text.len());
        // Each block is seen with the byte behind it, so that no beginning hides at an edge.
        while left > 0 {
            let Some(block) = blocks.first_chunk::<{ BLOCK + 1 }>() else {
                let mut last = [0_u8; BLOCK + 1];
                for (to, from) in last.iter_mut().zip(blocks) {
                    *to = *from;
                }
                bits |= of_block(&last, left);
                break;
            };
            bits |= of_block(block, left);
            blocks = rest(blocks, BLOCK);
            left = left.saturating_sub(BLOCK);
        }
        Self(bits)
    }

    /// Whether any of these is there.
    #[inline]
    pub(crate) const fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// Whether there is nothing to look at. Assignments alone are something only where values are known by
    /// what names them in a text.
    #[inline]
    pub(crate) const fn is_empty(self, assigns: bool) -> bool {
        let counted = if assigns { u8::MAX } else { !Self::ASSIGNMENT };
        self.0 & counted == 0
    }
}

/// Two bytes with which secrets and the like begin, wherever they stand: `ey` of a token, `--` of a
/// key, `_` of the prefixes with which providers begin theirs, the first bytes of full-width digits and
/// signs, and so on. What follows is compared
/// in full by the detector.
#[inline(always)]
fn of_block(block: &[u8; BLOCK + 1], length: usize) -> u8 {
    let within = u8::try_from(length.min(BLOCK)).unwrap_or(0);
    let (mut digits, mut signs, mut literals, mut assignments) = (0_u8, 0_u8, 0_u8, 0_u8);
    let seconds = rest(block, 1);
    for ((first, second), place) in block.iter().zip(seconds).zip(PLACES) {
        let inside = u8::from(place < within);
        let is = |left: u8, right: u8| u8::from(*first == left) & u8::from(*second == right);
        digits |= inside & u8::from(first.wrapping_sub(b'0') < 10);
        signs |= inside & u8::from(*first == b'@');
        literals |= inside
            & (u8::from(*first == b'_')
                | u8::from(*first == b'=')
                | is(b'-', b'-')
                | is(b'k', b'-')
                | is(b't', b'-')
                | is(b'e', b'y')
                | is(b'I', b'A')
                | is(b'I', b'z')
                | is(b'I', b'D')
                | is(b'R', b'O')
                | is(b'x', b'o')
                | is(b'x', b'a')
                | is(b'i', b'-')
                | is(b'p', b'.')
                | is(b'9', b'.')
                | is(b'k', b'.')
                | is(0xef, 0xbc)
                | is(b'G', b'.')
                | is(b'G', b'O')
                | is(b'B', b'a')
                | is(b'B', b'e')
                | is(b':', b':'));
        assignments |= inside
            & (u8::from(*first == b'=')
                | is(b':', b' ')
                | is(b':', b'"')
                | is(b':', b'\'')
                | is(b':', b'\\'));
    }
    digits | signs << 1 | literals << 2 | assignments << 3
}

/// What the bytes of a string are looked up in, where that pays off.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(crate) struct ByteTables;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
impl ByteTables {
    #[inline(always)]
    pub(crate) const fn new() -> &'static Self {
        &Self
    }

    /// The length of the text up to the first quote, if no backslash comes before it, and whether
    /// there is surely nothing to look at in it.
    #[inline(always)]
    pub(crate) fn string_end(&self, ahead: &[u8]) -> Option<(usize, bool)> {
        use crate::bytes::{at, find_quote};
        let length = find_quote(ahead)?;
        let is_plain = || Triggers::of_beginning(ahead, length).is_empty(true);
        (at(ahead, length) == b'"').then(|| (length, is_plain()))
    }
}

/// The position of the first digit from `from` on.
#[inline]
pub(crate) fn find_digit(text: &[u8], from: usize) -> Option<usize> {
    step(2);
    // Where there is one there often are more.
    let near = rest(text, from)
        .iter()
        .take(BLOCK)
        .position(u8::is_ascii_digit);
    if let Some(near) = near {
        return Some(from.saturating_add(near));
    }
    let mut position = from.saturating_add(BLOCK);
    while let Some(block) = rest(text, position).first_chunk::<BLOCK>() {
        let mut any = 0_u8;
        for byte in block {
            any |= u8::from(byte.wrapping_sub(b'0') < 10);
        }
        if any != 0 {
            break;
        }
        step(2);
        position = position.saturating_add(BLOCK);
    }
    let found = rest(text, position).iter().position(u8::is_ascii_digit)?;
    Some(position.saturating_add(found))
}

#[cfg(any(test, all(target_arch = "wasm32", target_feature = "simd128")))]
mod groups;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use simd::ByteTables;

const BLOCK: usize = 16;
const PLACES: [u8; BLOCK] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_seen() {
        for length in 2..70 {
            for place in 0..length {
                let mut text = vec![b'.'; length];
                assert!(Triggers::of(&text).is_empty(true));
                text[place] = b'7';
                assert!(Triggers::of(&text).has(Triggers::DIGIT), "{length} {place}");
                assert_eq!(find_digit(&text, 0), Some(place));
                assert_eq!(find_digit(&text, place + 1), None);
                text[place] = b'@';
                assert!(Triggers::of(&text).has(Triggers::AT), "{length} {place}");
                if place + 1 < length {
                    text[place] = b'e';
                    text[place + 1] = b'y';
                    assert!(
                        Triggers::of(&text).has(Triggers::LITERAL),
                        "{length} {place}"
                    );
                }
            }
        }
        assert!(Triggers::of(b"").is_empty(true));
    }
}
