//! Lists of values: what announces the first announces those behind it.

use crate::bytes::{Position as _, part, rest};
use crate::entity::EntitySet;

/// What was announced for the item before this one, if they are items of one list.
pub(super) fn listed<'l>(
    last: Option<&'l (usize, EntitySet)>,
    text: &[u8],
    start: usize,
) -> Option<&'l EntitySet> {
    let (end, kinds) = last?;
    let gap = part(text, *end, start);
    (*end < start && start.less(*end) <= MAX_GAP_BYTES && is_between_items(gap)).then_some(kinds)
}

/// Whether a text between two values makes them items of one list.
fn is_between_items(gap: &[u8]) -> bool {
    let is_line = memchr::memchr(b'\n', gap).is_some();
    let gap = without_notes(gap.trim_ascii());
    let words: [&[u8]; 10] = [
        b"u.", b"or", b"and", b"und", b"oder", b"et", b"ou", b"y", b"e", b"and/or",
    ];
    match gap {
        [b'<', .., b'>'] => is_markup(gap),
        _ if gap.len() > MAX_SIGN_BYTES => false,
        [] | [b',' | b';' | b'/' | b'|' | b'&' | b'+'] => true,
        [b'-' | b'*'] | b"\xe2\x80\xa2" => is_line,
        // `1.`, `12)`
        [number @ .., b'.' | b')'] if is_line && number.iter().all(u8::is_ascii_digit) => {
            (1..=2).contains(&number.len())
        }
        _ => words.iter().any(|word| gap.eq_ignore_ascii_case(word)),
    }
}

/// Whether there are only tags in a gap: `</li><li>`, `<br>`.
fn is_markup(gap: &[u8]) -> bool {
    gap.split(|byte| *byte == b'<').all(|piece| {
        let end = memchr::memchr(b'>', piece).map_or(0, |end| end.plus(1));
        rest(piece, end)
            .iter()
            .all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b','))
    })
}

/// What stands between two items without what is noted about either: `(home), (work):`.
fn without_notes(gap: &[u8]) -> &[u8] {
    let is_note = |note: &[u8]| {
        note.iter()
            .all(|byte| !byte.is_ascii_digit() && !matches!(byte, b'(' | b')' | b'\n'))
    };
    let mut left = gap;
    if let Some(inner) = left.strip_prefix(b"(")
        && let Some(end) = memchr::memchr(b')', inner)
        && is_note(part(inner, 0, end))
    {
        left = rest(inner, end.plus(1)).trim_ascii_start();
    }
    let closed = left.strip_suffix(b":").unwrap_or(left);
    if let Some(inner) = closed.strip_suffix(b")")
        && let Some(begin) = memchr::memrchr(b'(', inner)
        && is_note(rest(inner, begin.plus(1)))
    {
        left = part(inner, 0, begin).trim_ascii_end();
    }
    left
}

/// The longest text between two items of a list, with what is noted about them.
const MAX_GAP_BYTES: usize = 40;
/// The longest sign or word between two items of a list.
const MAX_SIGN_BYTES: usize = 6;
