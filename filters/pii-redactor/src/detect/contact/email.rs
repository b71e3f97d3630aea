//! EMAIL: an e-mail address (RFC 5321, dot-atom form; RFC 6531 with other letters).

use crate::detect::prelude::*;

use super::tld::is_tld;
use crate::bytes::{before, count_while, count_while_back, rest};
use crate::lexicon::{char_at, char_before};

/// The addresses in a text, from `from` on. A local part that is longer than the standard allows is
/// matched as far as it is held, so that a long prefix does not hide an address. Returns how many signs
/// there are.
pub(crate) fn find(text: &[u8], from: usize, mut found: impl FnMut(usize, usize)) -> usize {
    let mut signs = 0_usize;
    let mut free_from = 0;
    let mut position = from;
    while let Some(offset) = memchr::memchr(b'@', rest(text, position)) {
        let sign = position.plus(offset);
        position = sign.plus(1);
        step(1);
        signs = signs.plus(1);
        let Some(start) = local_part(text, free_from, sign) else {
            continue;
        };
        if let Some(end) = domain(text, position).or_else(|| literal(text, position)) {
            free_from = end;
            position = end;
            if !is_repository(text, start, sign, end) {
                found(start, end);
            }
        }
    }
    signs
}

/// Whether this is the account of a Git server and the place of a repository: `git@github.com:o/r.git`,
/// `ssh://git@example.com/o/r`.
fn is_repository(text: &[u8], start: usize, sign: usize, end: usize) -> bool {
    let next = at(text, end.plus(1));
    part(text, start, sign) == b"git"
        && matches!(at(text, end), b':' | b'/')
        && (next.is_ascii_alphanumeric() || matches!(next, b'/' | b'~' | b'_' | b'.'))
}

/// The beginning of the name before the sign, without signs that only border it.
fn local_part(text: &[u8], from: usize, sign: usize) -> Option<usize> {
    let is_local = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
    };
    let mut start = sign;
    if before(text, sign) == b'"' {
        return quoted(text, from, sign);
    }
    // Chinese and the like is written without spaces, so before an ASCII name it is another word.
    let takes_all = char_before(text, sign).is_some_and(|character| character >= UNSPACED);
    loop {
        let name = part(text, from, start);
        start = start.less(count_while_back(name, name.len(), is_local));
        if start <= from || before(text, start) < 0x80 {
            break;
        }
        match char_before(text, start) {
            Some(letter) if is_letter(letter) && (letter < UNSPACED || takes_all) => {
                start = start.less(letter.len_utf8()).max(from);
            }
            _ => break,
        }
    }
    let border = |byte: u8| matches!(byte, b'.' | b'-' | b'\'');
    let start = start.plus(count_while(part(text, 0, sign), start, border));
    (start < sign).then_some(start)
}

/// The beginning of a quoted name: `"jane doe"@example.com` (RFC 5321 section 4.1.2).
fn quoted(text: &[u8], from: usize, sign: usize) -> Option<usize> {
    let close = sign.less(1);
    let head = part(text, from.max(close.less(MAX_QUOTED_BYTES)), close);
    let length = count_while_back(head, head.len(), |byte| byte != b'"' && byte >= b' ');
    let start = close.less(length);
    (length > 0 && before(text, start) == b'"' && start > from).then(|| start.less(1))
}

/// The end of an address of the Internet protocol in brackets: `jane@[192.0.2.1]`.
fn literal(text: &[u8], start: usize) -> Option<usize> {
    if at(text, start) != b'[' {
        return None;
    }
    let inner = start.plus(1);
    let length = count_while(
        part(text, 0, inner.plus(MAX_LITERAL_BYTES)),
        inner,
        |byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'I' | b'P' | b'v'),
    );
    let end = inner.plus(length);
    let address = std::str::from_utf8(part(text, inner, end)).ok()?;
    let is_address = match address.strip_prefix("IPv6:") {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => address.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    (is_address && at(text, end) == b']').then(|| end.plus(1))
}

/// The end of a domain: at least two labels, the last one a top-level domain.
fn domain(text: &[u8], start: usize) -> Option<usize> {
    // What follows the address in a sentence is not part of it: the longest beginning that is a
    // domain ends where a label ends.
    let mut end = None;
    let mut label_start = start;
    let mut labels = 0_usize;
    while label_start.less(start) < MAX_DOMAIN_BYTES {
        let (label_end, ascii_end) = label(text, label_start);
        let name = part(text, label_start, label_end);
        if name.is_empty() || name.len() > MAX_LABEL_BYTES || name.first() == Some(&b'-') {
            break;
        }
        labels = labels.plus(1);
        if labels >= 2
            && let Some(length) = top_level(part(text, label_start, label_end), ascii_end)
        {
            // `logo@2x.zip` is a picture for a screen of twice the resolution.
            let is_scale = labels == 2 && is_scale(part(text, start, label_start.less(1)));
            if !is_scale {
                end = Some(label_start.plus(length));
            }
        }
        if at(text, label_end) != b'.' {
            break;
        }
        label_start = label_end.plus(1);
    }
    end
}

/// The end of a label without dashes at its end, and how many of its bytes are ASCII in front.
fn label(text: &[u8], start: usize) -> (usize, usize) {
    let mut end = start;
    let mut ascii = None;
    loop {
        let length = count_while(
            part(text, 0, start.plus(MAX_LABEL_BYTES).plus(1)),
            end,
            |byte| byte.is_ascii_alphanumeric() || byte == b'-',
        );
        end = end.plus(length);
        match char_at(text, end) {
            Some(letter)
                if letter >= '\u{80}'
                    && is_letter(letter)
                    && end.less(start) <= MAX_LABEL_BYTES =>
            {
                ascii = ascii.or(Some(end.less(start)));
                end = end.plus(letter.len_utf8());
            }
            _ => break,
        }
    }
    let name = part(text, start, end);
    let dashes = count_while_back(name, name.len(), |byte| byte == b'-');
    let end = end.less(dashes);
    (end, ascii.unwrap_or_else(|| end.less(start)))
}

/// How many bytes of a label are a top-level domain. What is written right behind one, in another case
/// or another script, is the next word.
fn top_level(label: &[u8], ascii: usize) -> Option<usize> {
    let letters = count_while(part(label, 0, ascii), 0, |byte| byte.is_ascii_alphabetic());
    if ascii > 0 && letters < 2 {
        return None;
    }
    if is_tld(part(label, 0, ascii)) {
        return Some(ascii);
    }
    if ascii == 0 {
        // One of another script; some are written with a dash or a digit, none are checked further.
        let characters = std::str::from_utf8(label).ok()?.chars();
        let length = characters
            .take_while(|letter| !letter.is_ascii())
            .map(char::len_utf8)
            .sum();
        return (length >= 4).then_some(length);
    }
    // `example.comPlease`, `example.com1`: the longest beginning that is one, and ends its word.
    let small = count_while(part(label, 0, letters), 0, |byte| byte.is_ascii_lowercase());
    let great = count_while(part(label, 0, letters), 0, |byte| byte.is_ascii_uppercase());
    [letters, small, great]
        .into_iter()
        .find(|length| *length >= 2 && is_tld(part(label, 0, *length)))
}

/// Whether the domain is the scale of an image, as in `logo@2x.png`.
fn is_scale(domain: &[u8]) -> bool {
    let number = domain.strip_suffix(b"x").unwrap_or_default();
    !number.is_empty()
        && number.len() <= 3
        && number
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// A letter, a digit or a mark of any script.
fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric()
}

/// The first character of the scripts that are written without spaces.
const UNSPACED: char = '\u{2e80}';
const MAX_DOMAIN_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;
/// The longest quoted local part in bytes (RFC 5321, section 4.5.3.1.1).
const MAX_QUOTED_BYTES: usize = 64;
/// Longer than an address of version 6 with what is before it.
const MAX_LITERAL_BYTES: usize = 52;
