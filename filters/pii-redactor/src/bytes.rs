//! Positions in bytes, without anything that can overflow or miss.

use crate::steps::step;

/// Arithmetic on positions that saturates where it would overflow.
pub(crate) trait Position: Copy {
    /// The position `count` further on.
    fn plus(self, count: usize) -> usize;
    /// So many back, at the least 0.
    fn less(self, count: usize) -> usize;
}

impl Position for usize {
    #[inline(always)]
    fn plus(self, count: usize) -> usize {
        self.saturating_add(count)
    }

    #[inline(always)]
    fn less(self, count: usize) -> usize {
        self.saturating_sub(count)
    }
}

/// The byte at a position; 0 beyond the end.
#[inline(always)]
pub(crate) fn at(text: &[u8], position: usize) -> u8 {
    step(1);
    text.get(position).copied().unwrap_or(0)
}

/// The byte before a position; 0 at the beginning.
#[inline(always)]
pub(crate) fn before(text: &[u8], position: usize) -> u8 {
    position.checked_sub(1).map_or(0, |index| at(text, index))
}

/// The bytes from one position to another; none where there are none.
#[inline(always)]
pub(crate) fn part(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end.min(text.len())).unwrap_or_default()
}

/// The bytes from a position to the end.
#[inline(always)]
pub(crate) fn rest(text: &[u8], start: usize) -> &[u8] {
    text.get(start..).unwrap_or_default()
}

/// How many bytes from `position` on are of a kind.
#[inline(always)]
pub(crate) fn count_while(text: &[u8], position: usize, is: impl Fn(u8) -> bool) -> usize {
    counted(rest(text, position).iter(), is)
}

/// How many bytes before `position` are of a kind.
#[inline(always)]
pub(crate) fn count_while_back(text: &[u8], position: usize, is: impl Fn(u8) -> bool) -> usize {
    counted(part(text, 0, position).iter().rev(), is)
}

#[inline(always)]
fn counted<'b>(bytes: impl Iterator<Item = &'b u8>, is: impl Fn(u8) -> bool) -> usize {
    let count = bytes.take_while(|byte| is(**byte)).count();
    step(count.plus(1));
    count
}

/// The value of an ASCII digit.
#[inline(always)]
pub(crate) const fn digit(byte: u8) -> u32 {
    (byte & 0x0f) as u32
}

/// The number that digits spell; saturating.
#[inline]
pub(crate) fn number(digits: &[u8]) -> u64 {
    // Saturating takes WebAssembly a multiplication of 128 bits.
    if digits.len() <= MOST_DIGITS {
        return digits.iter().fold(0_u64, |value, byte| {
            value.wrapping_mul(10).wrapping_add(u64::from(digit(*byte)))
        });
    }
    digits.iter().fold(0_u64, |value, byte| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit(*byte)))
    })
}

/// So many digits spell a number that 64 bits have room for, whatever they are.
const MOST_DIGITS: usize = 18;

/// Whether a byte is an ASCII letter or digit, by a table.
#[inline(always)]
pub(crate) const fn is_alphanumeric(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        loop {
            #[allow(clippy::indexing_slicing, reason = "runs while compiling")]
            {
                table[byte as usize] = byte.is_ascii_alphanumeric();
            }
            if byte == u8::MAX {
                break;
            }
            byte = byte.wrapping_add(1);
        }
        table
    };
    #[allow(clippy::indexing_slicing, reason = "there is an entry for every byte")]
    TABLE[byte as usize]
}

/// Whether two short texts are the same; eight bytes at a time.
#[inline]
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let (left_words, left_rest) = left.as_chunks::<8>();
    let (right_words, right_rest) = right.as_chunks::<8>();
    let words = left_words.iter().zip(right_words);
    let rest = left_rest.iter().zip(right_rest);
    words.fold(0, |differs, (left, right)| {
        differs | (u64::from_ne_bytes(*left) ^ u64::from_ne_bytes(*right))
    }) == 0
        && rest.fold(0, |differs, (left, right)| differs | (left ^ right)) == 0
}

/// The position of the first quote or backslash.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[inline(always)]
pub(crate) fn find_quote(text: &[u8]) -> Option<usize> {
    use std::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128_or};
    let mut position = 0_usize;
    while let Some(block) = rest(text, position).first_chunk::<16>() {
        let bits = u128::from_le_bytes(*block);
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of it")]
        let block = u64x2(bits as u64, (bits >> 64) as u64);
        let quotes = u8x16_eq(block, u8x16_splat(b'"'));
        let escapes = u8x16_eq(block, u8x16_splat(b'\\'));
        let found = u8x16_bitmask(v128_or(quotes, escapes));
        if found != 0 {
            let place = usize::try_from(found.trailing_zeros()).unwrap_or(0);
            return Some(position.plus(place));
        }
        position = position.plus(16);
    }
    let far = rest(text, position)
        .iter()
        .position(|byte| is_quote(*byte))?;
    Some(position.plus(far))
}

/// The position of the first quote or backslash. Most strings are short: a few bytes are looked at
/// before a search is set up.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline(always)]
pub(crate) fn find_quote(text: &[u8]) -> Option<usize> {
    const FEW: usize = 16;
    match text.iter().take(FEW).position(|byte| is_quote(*byte)) {
        Some(near) => Some(near),
        None => memchr::memchr2(b'"', b'\\', rest(text, FEW)).map(|far| far.plus(FEW)),
    }
}

#[inline(always)]
pub(crate) const fn is_quote(byte: u8) -> bool {
    byte == b'"' || byte == b'\\'
}

/// How many brackets, quotes or signs of emphasis a value has before it, and as many behind it: `[123]`
/// is a code in brackets.
pub(crate) fn enclosing_bytes(value: &[u8]) -> usize {
    let closing = |byte: u8| match byte {
        b'[' => b']',
        b'(' => b')',
        b'{' => b'}',
        b'<' => b'>',
        b'"' | b'\'' | b'`' | b'*' | b'_' => byte,
        _ => 0,
    };
    let pairs = value
        .iter()
        .zip(value.iter().rev())
        .take(MAX_ENCLOSING_BYTES);
    let count = pairs
        .take_while(|(first, last)| closing(**first) == **last)
        .count();
    count.min(value.len().less(1) / 2)
}

const MAX_ENCLOSING_BYTES: usize = 4;

/// Decodes `%41`; a broken escape stays as it is.
pub(crate) fn percent_decoded(spelled: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(spelled.len());
    let mut position = 0;
    while position < spelled.len() {
        let digits = part(spelled, position.plus(1), position.plus(3));
        let code = hexadecimal(digits).filter(|_| at(spelled, position) == b'%');
        text.push(code.unwrap_or(at(spelled, position)));
        position = position.plus(if code.is_some() { 3 } else { 1 });
    }
    text
}

/// The byte that two hexadecimal digits stand for.
pub(crate) fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    let are_digits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| are_digits)
}
