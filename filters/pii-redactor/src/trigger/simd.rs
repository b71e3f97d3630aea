//! The end of a string and the first look at it in one go, 16 bytes at a time.

use std::arch::wasm32::{
    i8x16_swizzle, u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_shr, u8x16_splat, u8x16_sub, u64x2,
    v128, v128_and, v128_or,
};

use super::BLOCK;
use super::groups::{FIRST, Halves, SECOND};
use crate::bytes::at;

/// The length of the text up to the first quote, if no backslash comes before it, and whether there
/// is surely nothing to look at in it.
#[inline(always)]
pub(crate) fn string_end(ahead: &[u8]) -> Option<(usize, bool)> {
    let mut seen = 0;
    let mut blocks = ahead;
    let mut done = 0_usize;
    loop {
        let (ends, marks) = match blocks.first_chunk::<{ BLOCK + 1 }>() {
            Some(block) => look(block),
            None => {
                let mut last = [0_u8; BLOCK + 1];
                for (to, from) in last.iter_mut().zip(blocks) {
                    *to = *from;
                }
                look(&last)
            }
        };
        if ends != 0 {
            let place = ends.trailing_zeros();
            // What is before the end counts.
            seen |= marks & (ends & ends.wrapping_neg()).wrapping_sub(1);
            let length = done.saturating_add(usize::try_from(place).unwrap_or(0));
            return (at(ahead, length) == b'"').then_some((length, seen == 0));
        }
        seen |= marks;
        blocks = blocks.get(BLOCK..)?;
        done = done.saturating_add(BLOCK);
    }
}

/// Where quotes and backslashes are, and where there may be something to look at.
#[inline(always)]
fn look(block: &[u8; BLOCK + 1]) -> (u32, u32) {
    let [first @ .., _] = block;
    let [_, second @ ..] = block;
    let (first, second) = (vector(first), vector(second));
    let is = |byte: u8| u8x16_eq(first, u8x16_splat(byte));
    let ends = v128_or(is(b'"'), is(b'\\'));
    let digits = u8x16_lt(u8x16_sub(first, u8x16_splat(b'0')), u8x16_splat(10));
    let signs = v128_or(is(b'@'), is(b'_'));
    let pairs = v128_and(groups(first, &FIRST), groups(second, &SECOND));
    let pairs = u8x16_lt(u8x16_splat(0), pairs);
    let marks = v128_or(v128_or(digits, signs), pairs);
    (bits(ends), bits(marks))
}

fn bits(mask: v128) -> u32 {
    u32::from(u8x16_bitmask(mask))
}

/// The groups of pairs that each byte is part of, one bit for each.
#[inline(always)]
fn groups(bytes: v128, halves: &Halves) -> v128 {
    v128_and(
        i8x16_swizzle(vector(&halves.high), u8x16_shr(bytes, 4)),
        i8x16_swizzle(vector(&halves.low), v128_and(bytes, u8x16_splat(15))),
    )
}

#[inline(always)]
fn vector(bytes: &[u8; BLOCK]) -> v128 {
    let bits = u128::from_le_bytes(*bytes);
    #[allow(clippy::cast_possible_truncation, reason = "the two halves of it")]
    u64x2(bits as u64, (bits >> 64) as u64)
}
