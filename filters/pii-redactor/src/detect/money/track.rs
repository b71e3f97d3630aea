//! CARD_TRACK: the magnetic stripe of a card: track 1 or track 2 (ISO/IEC 7813).

use crate::detect::prelude::*;

use super::card::is_card;
use crate::bytes::{before, count_while};
use crate::detect::boundary::is_word;

/// The span of a track around the card number at `start`, with its sentinels if it has any.
pub(crate) fn find(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let length = count_while(text, start, |byte| byte.is_ascii_digit());
    let end = start.plus(length);
    step(length);
    if !is_card(part(text, start, end)) {
        return None;
    }
    match (before(text, start), at(text, end)) {
        (b'B' | b'b', b'^') => track1(text, start, end),
        (_, b'=' | b'D' | b'd') => track2(text, start, end),
        _ => None,
    }
}

/// `%B`, the number, `^`, the name, `^`, and what the issuer writes.
fn track1(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let letter = start.less(1);
    let begin = match before(text, letter) {
        b'%' => letter.less(1),
        edge if is_word(edge) => return None,
        _ => letter,
    };
    let name = count_while(
        part(text, 0, end.plus(MAX_NAME_BYTES)),
        end.plus(1),
        |byte| !matches!(byte, b'^' | b'"' | b'\n'),
    );
    let data = end.plus(name).plus(1);
    if at(text, data) != b'^' {
        return None;
    }
    let rest = count_while(
        part(text, 0, data.plus(MAX_DATA_BYTES)),
        data.plus(1),
        |byte| byte.is_ascii_alphanumeric() || byte == b' ',
    );
    let close = data.plus(1).plus(rest);
    Some((begin, close.plus(usize::from(at(text, close) == b'?'))))
}

/// The number, a separator, year and month, and what the issuer writes; `;` and `?` around it on a
/// stripe, and an `F` to fill the last byte on a chip.
fn track2(text: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let data = end.plus(1);
    let rest = count_while(part(text, 0, data.plus(MAX_DATA_BYTES)), data, |byte| {
        byte.is_ascii_digit()
    });
    let month = slice_number(text, data.plus(2), data.plus(4));
    if rest < 4 || !(1..=12).contains(&month) {
        return None;
    }
    let edge = before(text, start);
    if is_word(edge) {
        return None;
    }
    let begin = start.less(usize::from(edge == b';'));
    let close = data.plus(rest);
    let filled = matches!(at(text, close), b'?' | b'F' | b'f');
    let close = close.plus(usize::from(filled));
    (filled || !is_word(at(text, close))).then_some((begin, close))
}

const MAX_NAME_BYTES: usize = 40;
const MAX_DATA_BYTES: usize = 60;
