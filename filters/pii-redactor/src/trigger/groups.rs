//! The bytes that a string ends with or that are looked at, and the pairs with which secrets begin, as
//! tables that a vector instruction looks up.
//!
//! A byte is looked up by its high and its low four bits; the bits that both tables have for it are
//! the groups that it is in. Two bytes are such a pair if the first is in a group as a first and the
//! second in the same group as a second. A few other pairs are in a group as well, of bytes that have
//! their halves from different members; none that counts is missed.

/// What a byte is looked up in: by its high four bits, and by its low ones.
pub(super) struct Halves {
    pub(super) high: [u8; 16],
    pub(super) low: [u8; 16],
}

/// The groups that a byte is in as a first.
pub(super) const FIRST: Halves =
    halves([b"-kti", b"e", b"\xefI", b"RGI", b"x", b"pk", b"B", b":G"]);
/// The groups that a byte is in as a second.
pub(super) const SECOND: Halves =
    halves([b"-", b"y", b"\xbcAD", b"Oz", b"oa", b".", b"ae", b":. \"'"]);

/// Bytes by themselves: digits, `@`, `_`, `=`; and what a string may end with.
pub(super) const SINGLE: Halves = halves([b"0123456789", b"@", b"_", b"=", b"", b"", b"\\", b"\""]);
/// The groups of [`SINGLE`] that are looked at.
pub(super) const MARKS: u8 = 0b1111;
pub(super) const BACKSLASH: u8 = 0b0100_0000;
#[cfg(test)]
const QUOTE: u8 = 0b1000_0000;

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs while compiling"
)]
const fn halves(groups: [&[u8]; 8]) -> Halves {
    let mut halves = Halves {
        high: [0; 16],
        low: [0; 16],
    };
    let mut group = 0;
    while group < groups.len() {
        let mut member = 0;
        while member < groups[group].len() {
            let byte = groups[group][member] as usize;
            halves.high[byte >> 4] |= 1 << group;
            halves.low[byte & 15] |= 1 << group;
            member += 1;
        }
        group += 1;
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Triggers;

    fn groups(halves: &Halves, byte: u8) -> u8 {
        halves.high[usize::from(byte >> 4)] & halves.low[usize::from(byte & 15)]
    }

    #[test]
    fn bytes_by_themselves_are_told_apart() {
        for byte in 0..=u8::MAX {
            let expected = match byte {
                b'0'..=b'9' => 1,
                b'@' => 2,
                b'_' => 4,
                b'=' => 8,
                b'\\' => BACKSLASH,
                b'"' => QUOTE,
                _ => 0,
            };
            assert_eq!(groups(&SINGLE, byte), expected, "{byte}");
        }
    }

    #[test]
    fn no_pair_is_missed_and_few_are_added() {
        let mut added = 0;
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let is_marked = groups(&FIRST, first) & groups(&SECOND, second) != 0
                    || groups(&SINGLE, first) & MARKS != 0;
                // A string ends with a backslash, for the tables.
                let counts =
                    second != b'\\' && !Triggers::of_beginning(&[first, second], 1).is_empty(true);
                assert!(is_marked || !counts, "{first} {second}");
                added += u32::from(is_marked && !counts);
            }
        }
        assert!(added < 100, "{added}");
    }
}
