//! What most of a body is, in loops that need few variables: names that have come before, words,
//! short numbers, literals. Where something else comes they end.

use crate::bytes::{Position as _, at, count_while, find_quote, part, rest};
use crate::detect::is_impersonal;
use crate::json::is_space;
use crate::json::numbers::LEAST_DIGITS;
use crate::names::NameCache;
use crate::swar::not_digits;
use crate::trigger::ByteTables;

/// A function of its own, so that what it needs stays in registers. Nothing from `limit` on is read, only looked
/// at. Returns the place behind the members, and the mark of the last.
#[inline(never)]
pub(super) fn plain_members(
    chunk: &[u8],
    (mut position, limit): (usize, usize),
    mut is_first: bool,
    (names, parent, mut last, mut hint): (&NameCache, u32, u16, u16),
) -> (usize, u16) {
    let tables = ByteTables::new();
    while let Some(here) = next_child(chunk, (position, limit), is_first)
        && at(chunk, here) == b'"'
        && let start = here.plus(1)
        && let Some(link) = names.guess(hint, parent, rest(chunk, start))
        && link.is_plain
        && let value = past_space(chunk, start.plus(link.length), limit)
        && let Some(end) = plain_value(tables, chunk, value)
        && end <= limit
    {
        (position, is_first) = (end, false);
        (last, hint) = (hint, link.behind);
    }
    (position, last)
}

/// The same for items of an array.
#[inline(never)]
pub(super) fn plain_items(
    chunk: &[u8],
    (mut position, limit): (usize, usize),
    mut is_first: bool,
) -> usize {
    let tables = ByteTables::new();
    while let Some(here) = next_child(chunk, (position, limit), is_first)
        && let Some(end) = plain_value(tables, chunk, here)
        && end <= limit
    {
        (position, is_first) = (end, false);
    }
    position
}

/// Where the next child may begin.
#[inline(always)]
fn next_child(chunk: &[u8], (position, limit): (usize, usize), is_first: bool) -> Option<usize> {
    let here = past_space(chunk, position, limit);
    if is_first {
        return Some(here);
    }
    (at(chunk, here) == b',').then(|| past_space(chunk, here.plus(1), limit))
}

/// The end of a scalar that nothing announces and in which there is nothing.
#[inline(always)]
pub(super) fn plain_value(tables: &ByteTables, chunk: &[u8], position: usize) -> Option<usize> {
    if at(chunk, position) != b'"' {
        let length = short_token(rest(chunk, position))?;
        return Some(position.plus(length));
    }
    let start = position.plus(1);
    let ahead = rest(chunk, start);
    let (length, has_nothing) = tables.string_end(ahead)?;
    let is_plain = has_nothing || is_impersonal(part(ahead, 0, length));
    is_plain.then(|| start.plus(length).plus(1))
}

/// The length of a name without an escape, if all of it is here, and its colon right behind it.
pub(super) fn plain_name(ahead: &[u8]) -> Option<usize> {
    let length = find_quote(ahead)?;
    (at(ahead, length) == b'"' && at(ahead, length.plus(1)) == b':').then_some(length)
}

#[inline(always)]
pub(super) fn past_space(chunk: &[u8], position: usize, limit: usize) -> usize {
    if at(chunk, position) > b' ' {
        position
    } else {
        past_much_space(part(chunk, 0, limit), position)
    }
}

#[inline(never)]
fn past_much_space(chunk: &[u8], position: usize) -> usize {
    position.plus(count_while(chunk, position, is_space))
}

/// The length of a literal, or of a number that is too short for personal data that nothing
/// announces; with what ends it behind it.
#[inline(always)]
fn short_token(ahead: &[u8]) -> Option<usize> {
    let word = u64::from_le_bytes(*ahead.first_chunk::<8>()?);
    let length = match word & 0xffff_ffff {
        TRUE | NULL => 4,
        FALSE if at(ahead, 4) == b'e' => 5,
        _ => short_number(word)?,
    };
    matches!(at(ahead, length), b',' | b'}' | b']' | b'\n').then_some(length)
}

/// The length of the number that these bytes begin with, if it is digits alone or with a point
/// between them, and short.
#[inline(always)]
fn short_number(word: u64) -> Option<usize> {
    let others = not_digits(word);
    let digits = others.trailing_zeros() >> 3;
    if digits == 0 {
        return None;
    }
    let mut end = digits;
    if word.checked_shr(digits << 3)? & 0xff == u64::from(b'.') {
        end = (others & others.wrapping_sub(1)).trailing_zeros() >> 3;
        if end == digits.wrapping_add(1) {
            return None;
        }
    }
    usize::try_from(end).ok().filter(|end| *end < LEAST_DIGITS)
}

const TRUE: u64 = u32::from_le_bytes(*b"true") as u64;
const FALSE: u64 = u32::from_le_bytes(*b"fals") as u64;
const NULL: u64 = u32::from_le_bytes(*b"null") as u64;
/// A quote and a colon.
pub(super) const NAME_END_BYTES: usize = 2;
