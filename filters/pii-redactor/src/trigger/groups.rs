//! The pairs of bytes with which secrets begin, as tables that a vector instruction looks up.
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
pub(super) const FIRST: Halves = halves([b"-kti", b"e", b"I", b"RGI", b"x", b"p", b"B", b":G"]);
/// And as a second.
pub(super) const SECOND: Halves = halves([b"-", b"y", b"AD", b"Oz", b"oa", b".", b"ae", b":."]);

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
    fn no_pair_is_missed_and_few_are_added() {
        let mut added = 0;
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let is_marked = groups(&FIRST, first) & groups(&SECOND, second) != 0
                    || first.is_ascii_digit()
                    || matches!(first, b'@' | b'_');
                let counts = !Triggers::of_beginning(&[first, second], 1).is_empty();
                assert!(is_marked || !counts, "{first} {second}");
                added += u32::from(is_marked && !counts);
            }
        }
        assert!(added < 50, "{added}");
    }
}
