//! MAC_ADDRESS: the hardware address of a network interface (EUI-48).

use crate::detect::prelude::*;

use crate::bytes::before;
use crate::detect::boundary::{Strength, ends_free, starts_free};

/// Whether a word of so many hexadecimal digits, with these signs behind and before it, may be a part.
pub(crate) const fn may_have(length: usize, (behind, ahead): (u8, u8)) -> bool {
    match length {
        2 => matches!(behind, b':' | b'-') || matches!(ahead, b':' | b'-'),
        4 => behind == b'.' || ahead == b'.',
        _ => false,
    }
}

/// The address that has the word of `length` digits at `start` as a part. The first parts may have no
/// digit, so it may have begun earlier.
pub(crate) fn around(
    text: &[u8],
    from: usize,
    start: usize,
    length: usize,
    (behind, ahead): (u8, u8),
) -> Option<(usize, usize)> {
    let (parts, stride) = if length == 2 { (6_usize, 3) } else { (3, 5) };
    // A part before it with a digit has been looked at already, and the whole address from there.
    let previous = part(text, start.less(stride), start.less(1));
    if behind == ahead && previous.iter().any(u8::is_ascii_digit) && start.less(stride) >= from {
        return None;
    }
    let mut signs = [behind, ahead].into_iter().filter(|sign| is_sign(*sign));
    signs.find_map(|sign| {
        let mut begin = start;
        for _ in 1..parts {
            if !is_joined(text, begin, sign, length) {
                break;
            }
            begin = begin.checked_sub(stride).filter(|begin| *begin >= from)?;
        }
        let end = find(text, begin, length, parts)?;
        (end > start).then_some((begin, end))
    })
}

const fn is_sign(byte: u8) -> bool {
    matches!(byte, b':' | b'-' | b'.')
}

/// Whether more of an address stands before a place.
fn is_joined(text: &[u8], start: usize, sign: u8, length: usize) -> bool {
    let group = start.less(length.plus(1));
    let is_group = part(text, group, start.less(1))
        .iter()
        .all(u8::is_ascii_hexdigit);
    // `mac:00:1A…`: the end of a word is no part.
    before(text, start) == sign
        && start > length
        && is_group
        && !before(text, group).is_ascii_alphanumeric()
}

/// The end of six pairs or three fours of hexadecimal digits with the same sign between.
fn find(text: &[u8], start: usize, length: usize, parts: usize) -> Option<usize> {
    let sign = at(text, start.plus(length));
    let is_sign = match length {
        2 => matches!(sign, b':' | b'-'),
        _ => sign == b'.',
    };
    if !is_sign || is_joined(text, start, sign, length) || !starts_free(text, start, Strength::Form)
    {
        return None;
    }
    let mut position = start;
    let mut same = true;
    for place in 0..parts {
        if place > 0 {
            if at(text, position) != sign {
                return None;
            }
            position = position.plus(1);
        }
        let group = part(text, position, position.plus(length));
        step(length);
        if group.len() != length || !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        same &= group == part(text, start, start.plus(length));
        position = position.plus(length);
    }
    let goes_on = at(text, position) == sign && at(text, position.plus(1)).is_ascii_hexdigit()
        || !ends_free(text, position, Strength::Form);
    (!same && !goes_on).then_some(position)
}
