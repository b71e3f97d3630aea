//! The first look at a text: whether anything in it can be personal data at all.
//!
//! Most strings of a body have no digit, no `@` and nothing that begins like a secret, and need no
//! closer look. The loops below have no branch for each byte, so that the compiler turns them into
//! vector instructions (SIMD128 in a proxy).

use crate::bytes::rest;

/// What a text has, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Triggers(u8);

impl Triggers {
    /// A digit: numbers of every kind.
    pub(crate) const DIGIT: u8 = 1;
    /// `@`: addresses.
    pub(crate) const AT: u8 = 2;
    /// A beginning of a secret, or `::` of an address of the Internet protocol.
    pub(crate) const LITERAL: u8 = 4;

    /// Looks at a text.
    #[inline]
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut bits = 0_u8;
        let mut blocks = text;
        // Each block is seen with the two bytes behind it, so that no beginning hides at an edge.
        while let Some(block) = blocks.first_chunk::<{ BLOCK + 2 }>() {
            bits |= of_block(block);
            blocks = rest(blocks, BLOCK);
        }
        if !blocks.is_empty() {
            let mut last = [0_u8; BLOCK + 2];
            for (to, from) in last.iter_mut().zip(blocks) {
                *to = *from;
            }
            bits |= of_block(&last);
            // At most BLOCK + 1 bytes are left: the last one alone can only be a digit or a sign.
            if let Some(last) = blocks.get(BLOCK) {
                bits |= u8::from(last.is_ascii_digit()) | (u8::from(*last == b'@') << 1);
            }
        }
        Self(bits)
    }

    /// Whether any of these is there.
    #[inline]
    pub(crate) const fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// Whether there is nothing to look at.
    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Two bytes with which secrets and the like begin, wherever they stand: `ey` of a token, `--` of a
/// key, `_` of the prefixes with which providers begin theirs, and so on. What follows is compared
/// in full by the detector.
#[inline(always)]
fn of_block(block: &[u8; BLOCK + 2]) -> u8 {
    let mut digits = 0_u8;
    let mut signs = 0_u8;
    let mut literals = 0_u8;
    let seconds = rest(block, 1);
    for ((first, second), _) in block.iter().zip(seconds).zip(0..BLOCK) {
        digits |= u8::from(first.wrapping_sub(b'0') < 10);
        signs |= u8::from(*first == b'@');
        literals |= u8::from(*first == b'_')
            | (u8::from(*first == b'-') & u8::from(*second == b'-'))
            | (u8::from(*first == b'k') & u8::from(*second == b'-'))
            | (u8::from(*first == b't') & u8::from(*second == b'-'))
            | (u8::from(*first == b'e') & u8::from(*second == b'y'))
            | (u8::from(*first == b'I') & (u8::from(*second == b'A') | u8::from(*second == b'z')))
            | (u8::from(*first == b'G') & (u8::from(*second == b'.') | u8::from(*second == b'O')))
            | (u8::from(*first == b'B') & (u8::from(*second == b'a') | u8::from(*second == b'e')))
            | (u8::from(*first == b':') & u8::from(*second == b':'));
    }
    (digits & 1) | ((signs & 1) << 1) | ((literals & 1) << 2)
}

/// The position of the first digit from `from` on.
#[inline]
pub(crate) fn find_digit(text: &[u8], from: usize) -> Option<usize> {
    let mut position = from;
    while let Some(block) = rest(text, position).first_chunk::<BLOCK>() {
        let mut any = 0_u8;
        for byte in block {
            any |= u8::from(byte.wrapping_sub(b'0') < 10);
        }
        if any != 0 {
            break;
        }
        position = position.saturating_add(BLOCK);
    }
    let found = rest(text, position).iter().position(u8::is_ascii_digit)?;
    Some(position.saturating_add(found))
}

const BLOCK: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_seen() {
        for length in 2..70 {
            for place in 0..length {
                let mut text = vec![b'.'; length];
                assert!(Triggers::of(&text).is_empty());
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
        assert!(Triggers::of(b"").is_empty());
    }
}
