//! The end of a string and the first look at it in one go, 16 bytes at a time.

use std::arch::wasm32::{
    i8x16_swizzle, u8x16_add_sat, u8x16_bitmask, u16x8_shr, u64x2, v128, v128_and, v128_or,
};
use std::hint::black_box;

use super::BLOCK;
use super::groups::{BACKSLASH, FIRST, Halves, MARKS, SECOND, SINGLE};
use crate::bytes::at;

/// What the bytes are looked up in.
pub(crate) struct ByteTables {
    single: Halves,
    first: Halves,
    second: Halves,
    marks: [u8; BLOCK],
    backslash: [u8; BLOCK],
    any: [u8; BLOCK],
    nibble: [u8; BLOCK],
}

impl ByteTables {
    /// The tables, as if they were not known: what is read from memory takes one instruction, and a
    /// constant of 16 bytes takes V8 three for each string.
    #[inline(always)]
    pub(crate) fn new() -> &'static Self {
        black_box(&TABLES)
    }

    /// The length of the text up to the first quote, if no backslash comes before it, and whether
    /// there is surely nothing to look at in it. `None` as well if it ends too close to the end of
    /// what there is: without that case the loop keeps everything in registers.
    #[inline(always)]
    pub(crate) fn string_end(&self, ahead: &[u8]) -> Option<(usize, bool)> {
        let mut seen = 0;
        let mut blocks = ahead;
        loop {
            let (ends, marks) = self.look(blocks.first_chunk()?);
            if ends != 0 {
                // What is before the end counts.
                seen |= marks & (ends & ends.wrapping_neg()).wrapping_sub(1);
                let place = usize::try_from(ends.trailing_zeros()).unwrap_or(0);
                let length = ahead.len().wrapping_sub(blocks.len()).wrapping_add(place);
                return (at(blocks, place) == b'"').then_some((length, seen == 0));
            }
            seen |= marks;
            blocks = blocks.get(BLOCK..)?;
        }
    }

    /// Where quotes and backslashes are, and where there may be something to look at: a bit for each
    /// byte.
    #[inline(always)]
    fn look(&self, block: &[u8; BLOCK + 1]) -> (u32, u32) {
        let [bytes @ .., _] = block;
        let [_, next @ ..] = block;
        let (bytes, next) = (self.nibbles(bytes), self.nibbles(next));
        let single = bytes.find(&self.single);
        let pairs = v128_and(bytes.find(&self.first), next.find(&self.second));
        let marks = v128_or(pairs, v128_and(single, vector(&self.marks)));
        // The quote has the highest bit, and the backslash gets it; then whatever is not 0 gets it.
        let ends = u8x16_add_sat(single, vector(&self.backslash));
        let marks = u8x16_add_sat(marks, vector(&self.any));
        (
            u32::from(u8x16_bitmask(ends)),
            u32::from(u8x16_bitmask(marks)),
        )
    }

    #[inline(always)]
    fn nibbles(&self, bytes: &[u8; BLOCK]) -> Nibbles {
        let (bytes, nibble) = (vector(bytes), vector(&self.nibble));
        Nibbles {
            high: v128_and(u16x8_shr(bytes, 4), nibble),
            low: v128_and(bytes, nibble),
        }
    }
}

/// The high and the low four bits of 16 bytes.
struct Nibbles {
    high: v128,
    low: v128,
}

impl Nibbles {
    /// The groups that each byte is in, one bit for each.
    #[inline(always)]
    fn find(&self, halves: &Halves) -> v128 {
        v128_and(
            i8x16_swizzle(vector(&halves.high), self.high),
            i8x16_swizzle(vector(&halves.low), self.low),
        )
    }
}

#[inline(always)]
fn vector(bytes: &[u8; BLOCK]) -> v128 {
    let bits = u128::from_le_bytes(*bytes);
    #[allow(clippy::cast_possible_truncation, reason = "the two halves of it")]
    u64x2(bits as u64, (bits >> 64) as u64)
}

static TABLES: ByteTables = ByteTables {
    single: SINGLE,
    first: FIRST,
    second: SECOND,
    marks: [MARKS; BLOCK],
    backslash: [BACKSLASH; BLOCK],
    any: [0x7f; BLOCK],
    nibble: [0x0f; BLOCK],
};
