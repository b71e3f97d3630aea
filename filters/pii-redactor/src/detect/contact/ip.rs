//! IP_ADDRESS: an IPv4 or IPv6 address.

use crate::detect::prelude::*;

use crate::bytes::{before, count_while, count_while_back};
use crate::detect::boundary::is_word;

/// The end of an IPv4 address that begins with the number at `start`.
pub(crate) fn version4(text: &[u8], start: usize) -> Option<usize> {
    let edge = before(text, start);
    // `v1.2.3.4` and `=1.2.3.4` differ: one is a version.
    if is_word(edge) || edge == b'.' || edge == b'-' && is_word(before(text, start.less(1))) {
        return None;
    }
    let mut position = start;
    let mut ends_in_zeros = true;
    for place in 0..4 {
        if place > 0 {
            if at(text, position) != b'.' {
                return None;
            }
            position = position.plus(1);
        }
        let length = count_while(text, position, |byte| byte.is_ascii_digit());
        let octet = part(text, position, position.plus(length));
        let leading_zero = length > 1 && octet.first() == Some(&b'0');
        if !(1..=3).contains(&length) || leading_zero || crate::bytes::number(octet) > 255 {
            return None;
        }
        ends_in_zeros &= place == 0 || octet == b"0";
        position = position.plus(length);
    }
    let follows = at(text, position);
    let goes_on = is_word(follows)
        || matches!(follows, b'.' | b'-') && at(text, position.plus(1)).is_ascii_alphanumeric();
    // `Chrome/120.0.0.0`, and `10.0.0.0/8`: no machine has such an address.
    (!ends_in_zeros && !goes_on).then_some(position)
}

/// What hangs together around a place: hexadecimal digits, colons and dots.
pub(crate) fn colons_around(text: &[u8], place: usize) -> (usize, usize) {
    // No further back than an address is long.
    let head = part(text, place.less(MAX_BYTES), place);
    let begin = place.less(count_while_back(head, head.len(), |byte| {
        byte.is_ascii_hexdigit() || byte == b':'
    }));
    let end = place.plus(count_while(text, place, |byte| {
        byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'
    }));
    (begin, end)
}

/// The span of an IPv6 address that is all of what hangs together.
pub(crate) fn version6(text: &[u8], begin: usize, end: usize) -> Option<(usize, usize)> {
    let mut end = end;
    // `ip:2001:db8::1`
    let is_named = at(text, begin) == b':' && at(text, begin.plus(1)) != b':';
    let begin = begin.plus(usize::from(is_named));
    if end.less(begin) > MAX_BYTES.plus(MAX_BYTES) {
        return None;
    }
    step(end.less(begin).saturating_mul(3));
    while end > begin && matches!(before(text, end), b'.') {
        end = end.less(1);
    }
    if is_word(before(text, begin)) || is_word(at(text, end)) || end.less(begin) < 3 {
        return None;
    }
    let candidate = part(text, begin, end);
    let colons = candidate.iter().filter(|byte| **byte == b':').count();
    // Seven colons, or two beside each other.
    let shortened = candidate.windows(2).any(|pair| pair == b"::");
    if !(2..=7).contains(&colons) || !shortened && colons != 7 {
        return None;
    }
    let text = std::str::from_utf8(candidate).ok()?;
    let address: std::net::Ipv6Addr = text.parse().ok()?;
    let trivial = address.is_unspecified() || address.is_loopback();
    // `::` and `a::b` of programs are no addresses: at least three groups or a long one.
    let groups = candidate
        .split(|byte| *byte == b':')
        .filter(|group| !group.is_empty())
        .count();
    (!trivial && groups >= 2 && candidate.iter().any(u8::is_ascii_digit) || groups >= 3)
        .then_some((begin, end))
}

/// The longest spelling: eight groups, or six and an IPv4 address.
const MAX_BYTES: usize = 46;
