//! INTERNAL_URL: an address that leads a server into its own network, or to its files.
//!
//! Libraries read such addresses in different ways, and that is how filters are walked around. So an
//! address counts under every reading: with a backslash for a slash, with `@` before or behind what
//! ends the host elsewhere, with numbers in any base, with letters spelled by percent signs or in
//! full width.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::bytes::{Position as _, at, count_while, count_while_back, part, rest};
use crate::detect::checksum::begins_with;
use crate::steps::step;

/// Tells where the addresses are that lead inside.
pub(crate) fn find(text: &[u8], from: usize, mut found: impl FnMut(usize, usize)) {
    let mut done = from;
    // Up to here the readings have looked that go on where the host ends for others.
    let mut seen = 0;
    for colon in memchr::memchr_iter(b':', text) {
        step(1);
        let head = part(text, colon.less(LONGEST_SCHEME_BYTES), colon);
        let is_letter =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let begin = colon.less(count_while_back(head, head.len(), is_letter));
        if begin < done {
            continue;
        }
        let scheme = part(text, begin, colon).to_ascii_lowercase();
        let slashes = count_while(text, colon.plus(1), is_slash);
        let host = colon.plus(1).plus(slashes);
        let is_whole = text.trim_ascii_start().len() == rest(text, begin).len();
        let is_inside = if INSIDE_SCHEMES.contains(&scheme.as_slice()) {
            slashes > 0 || scheme == b"jar"
        } else {
            // `http:/localhost` is read as an address everywhere, `http:localhost` where it stands by
            // itself. Behind other schemes there is a path then, as in `C:\\Users`.
            let needed = match WEB_SCHEMES.contains(&scheme.as_slice()) {
                true if is_whole => 0,
                true => 1,
                false => 2,
            };
            if slashes < needed || begin == colon {
                continue;
            }
            let ahead = part(text, host, host.plus(MAX_HOST_BYTES));
            let (is_inside, end) = leads_inside(ahead, host >= seen);
            seen = seen.max(host.plus(end));
            is_inside
        };
        if is_inside {
            done = end_of(text, host);
            found(begin, done);
        }
    }
    // Without a scheme: that of the page.
    let space = text.len().less(text.trim_ascii_start().len());
    let slashes = count_while(text, space, is_slash);
    let host = space.plus(slashes);
    let ahead = part(text, host, host.plus(MAX_HOST_BYTES));
    if from == 0 && slashes == 2 && leads_inside(ahead, true).0 {
        found(space, end_of(text, host));
    }
}

const fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// What no address has inside.
const fn ends_address(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'|')
}

fn end_of(text: &[u8], host: usize) -> usize {
    let ahead = part(text, host, host.plus(MAX_HOST_BYTES));
    host.plus(count_while(ahead, 0, |byte| !ends_address(byte)))
}

/// Whether what stands behind the slashes of an address is a host inside, under any reading, and how
/// far the readings went.
/// `is_all`: also those that go on where the host ends for others.
fn leads_inside(text: &[u8], is_all: bool) -> (bool, usize) {
    let until = |from: usize, is_end: &dyn Fn(u8) -> bool| {
        from.plus(count_while(text, from, |byte| {
            !ends_address(byte) && !is_end(byte)
        }))
    };
    let mut end = until(0, &ends_host);
    let authority = part(text, 0, end);
    // Who decodes first finds an earlier end.
    let is_inside = is_host_inside(authority)
        || spelled_end(authority).is_some_and(|end| is_host_inside(part(authority, 0, end)));
    if is_inside || !is_all {
        return (is_inside, end);
    }
    for (goes_on_behind, ends) in [(&b"\\"[..], &b"/?#"[..]), (b"?#", b"/")] {
        if !goes_on_behind.contains(&at(text, end)) {
            continue;
        }
        end = until(end, &|byte| ends.contains(&byte));
        if is_host_inside(part(text, 0, end)) {
            return (true, end);
        }
    }
    (false, end)
}

/// What the host of an address ends at.
const fn ends_host(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | b'?' | b'#')
}

/// Where a host ends by what is spelled with a percent sign.
fn spelled_end(authority: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'%', authority).find(|sign| {
        let (byte, length) = plain_byte(rest(authority, *sign));
        length > 1 && (ends_host(byte) || ends_address(byte))
    })
}

/// Whether the host of `user@host:port` is inside.
fn is_host_inside(authority: &[u8]) -> bool {
    let sign = memchr::memrchr(b'@', authority).map_or(0, |sign| sign.plus(1));
    is_inside(&host_of(rest(authority, sign)))
}

/// The host of `host:port`, in lower case and plain letters.
fn host_of(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut position = 0;
    while position < text.len() {
        let (byte, length) = plain_byte(rest(text, position));
        match byte {
            // Who decodes first has a user before it.
            b'@' => plain.clear(),
            byte => plain.push(byte.to_ascii_lowercase()),
        }
        position = position.plus(length);
    }
    let length = match plain.first() {
        Some(b'[') => count_while(&plain, 0, |byte| byte != b']').plus(1),
        _ => count_while(&plain, 0, |byte| byte != b':'),
    };
    plain.truncate(length);
    while plain.last() == Some(&b'.') {
        plain.pop();
    }
    plain
}

/// The letter that a text begins with, however it is spelled, and how many bytes that takes.
fn plain_byte(text: &[u8]) -> (u8, usize) {
    let number = |digits: &[u8], radix| {
        let digits = std::str::from_utf8(digits).ok()?;
        u8::from_str_radix(digits, radix).ok()
    };
    match *text {
        [b'%', high, low, ..] => match number(&[high, low], 16) {
            Some(byte) => (byte, 3),
            None => (b'%', 1),
        },
        // Full width, and the dots of other scripts.
        [0xef, 0xbc, low @ 0x81..=0xbf, ..] => (low.wrapping_sub(0x60), 3),
        [0xef, 0xbd, low @ 0x80..=0x9e, ..] => (low.wrapping_sub(0x20), 3),
        [0xe3, 0x80, 0x82, ..] | [0xef, 0xbd, 0xa1, ..] => (b'.', 3),
        // Digits in circles.
        [0xe2, 0x91, low @ 0xa0..=0xa8, ..] => (low.wrapping_sub(0x6f), 3),
        [0xe2, 0x93, 0xaa, ..] => (b'0', 3),
        [first, ..] => (first, 1),
        [] => (0, 1),
    }
}

fn is_inside(host: &[u8]) -> bool {
    if let [b'[', address @ ..] = host {
        let address = address.strip_suffix(b"]").unwrap_or(address);
        let zone = memchr::memchr(b'%', address).unwrap_or(address.len());
        return is_inside_6(part(address, 0, zone));
    }
    if host.is_empty() || begins_with(host, &[b"."]) {
        return false;
    }
    if let Some(is_inside) = is_inside_4(host) {
        return is_inside;
    }
    // A name without a dot is one of the network around.
    let has_dot = memchr::memchr(b'.', host).is_some();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    host.iter().all(is_name) && (!has_dot || INSIDE_NAMES.iter().any(|name| is_below(host, name)))
}

/// Whether a host is one of this name or below it.
fn is_below(host: &[u8], name: &[u8]) -> bool {
    let above = host.strip_suffix(name);
    above.is_some_and(|above| above.is_empty() || above.ends_with(b"."))
}

/// Whether an address of version 4 leads inside, in any base; `None` for what is no address.
fn is_inside_4(host: &[u8]) -> Option<bool> {
    let mut octal = Vec::new();
    let mut decimal = Vec::new();
    for text in host.split(|byte| *byte == b'.') {
        let text = std::str::from_utf8(text).ok()?;
        let hexadecimal = text.strip_prefix("0x");
        if let Some(digits) = hexadecimal {
            let number = match digits {
                "" => 0,
                digits => u64::from_str_radix(digits, 16).ok()?,
            };
            octal.push(number);
            decimal.push(number);
            continue;
        }
        // A zero in front: some read the rest in base eight, some do not.
        let in_ten = text
            .parse::<u64>()
            .ok()
            .filter(|_| !text.starts_with('+'))?;
        decimal.push(in_ten);
        octal.push(if text.len() > 1 && text.starts_with('0') {
            u64::from_str_radix(text, 8).unwrap_or(in_ten)
        } else {
            in_ten
        });
        if octal.len() > 4 {
            return None;
        }
    }
    let addresses = [address_of(&octal), address_of(&decimal)];
    Some(addresses.into_iter().flatten().any(is_inside_address))
}

/// The address of one to four numbers, the last of which takes what is left.
fn address_of(numbers: &[u64]) -> Option<Ipv4Addr> {
    let (last, first) = numbers.split_last()?;
    let mut address = 0_u64;
    for number in first {
        address = address
            .checked_mul(256)?
            .checked_add(*number)
            .filter(|_| *number < 256)?;
    }
    let left = 4_u32.checked_sub(u32::try_from(first.len()).ok()?)?;
    let room = 256_u64.checked_pow(left)?;
    let address = address.checked_mul(room)?.checked_add(*last);
    let address = address.filter(|_| *last < room)?;
    Some(Ipv4Addr::from(u32::try_from(address).ok()?))
}

const fn is_inside_address(address: Ipv4Addr) -> bool {
    matches!(
        address.octets(),
        [0 | 10 | 127, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0, _]
            | [198, 18 | 19, ..]
            | [255, 255, 255, 255]
    )
}

fn is_inside_6(address: &[u8]) -> bool {
    let text = std::str::from_utf8(address).ok();
    let Some(address) = text.and_then(|text| text.parse::<Ipv6Addr>().ok()) else {
        return false;
    };
    let [a, b, c, d, .., high, low] = address.segments();
    let of = |high: u16, low: u16| {
        let [first, second] = high.to_be_bytes();
        let [third, fourth] = low.to_be_bytes();
        Ipv4Addr::new(first, second, third, fourth)
    };
    let is_mapped = matches!(address.segments(), [0, 0, 0, 0, 0, 0 | 0xffff, _, _])
        || matches!(address.segments(), [0, 0, 0, 0, 0xffff, 0, _, _])
        || (a, b, c, d) == (0x64, 0xff9b, 0, 0);
    address.is_loopback()
        || is_mapped && is_inside_address(of(high, low))
        || a == 0x2002 && is_inside_address(of(b, c))
        || matches!(a & 0xffc0, 0xfe80 | 0xfec0)
        || a & 0xfe00 == 0xfc00
}

/// Schemes that lead to files, or to servers that speak no HTTP, wherever the host is.
const INSIDE_SCHEMES: [&[u8]; 11] = [
    b"file", b"gopher", b"dict", b"ldap", b"ldaps", b"tftp", b"jar", b"netdoc", b"phar", b"smb",
    b"unix",
];
/// Schemes that need no slashes.
const WEB_SCHEMES: [&[u8]; 5] = [b"http", b"https", b"ws", b"wss", b"ftp"];
/// Names that no public name server knows, and public names of addresses inside.
const INSIDE_NAMES: [&[u8]; 14] = [
    b"localhost",
    b"localdomain",
    b"local",
    b"internal",
    b"intranet",
    b"private",
    b"corp",
    b"lan",
    b"home.arpa",
    b"svc",
    b"nip.io",
    b"sslip.io",
    b"localtest.me",
    b"lvh.me",
];
const LONGEST_SCHEME_BYTES: usize = 12;
/// So much of an address is looked at and taken; longer than any host.
const MAX_HOST_BYTES: usize = 400;

#[cfg(test)]
mod tests {
    use super::find;

    fn found(text: &str) -> usize {
        let mut count = 0;
        find(text.as_bytes(), 0, |_, _| count += 1);
        count
    }

    #[test]
    fn another_spelling_of_a_host_is_no_way_around() {
        for text in [
            "http://%31%32%37.0.0.1/",
            "http://example.com\\@127.0.0.1/",
            "http://example.com\\@127.0.0.1#x",
            "see http://a@b@10.0.0.1:80?x for more",
            "http:localhost",
            "https:/localhost",
            "\\\\127.0.0.1\\share",
            "http://127.0.0.1%2f@example.com/",
            "http://127.0.0.1%5C@example.com/",
            "http://127.0.0.1%23@example.com/",
            "http://10.0.0.1:80%3f@example.com/",
            "http://127.0.0.1%00.example.com/",
            "http://user%40127.0.0.1/",
            "http://user:word%40localhost/",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_leads_nowhere() {
        for text in [
            "C:\\Users\\ada",
            "volume:/data",
            "see http:localhost for more",
            "https://example.com/%2f@127.0.0.1",
            "https://example.com%2fpath",
            "https://user%40example.com/",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
