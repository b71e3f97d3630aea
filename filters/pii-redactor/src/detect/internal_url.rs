//! INTERNAL_URL: an address that leads a server into its own network, or to its files.
//!
//! Libraries read such addresses in different ways, and that is how filters are walked around. So an
//! address counts under every reading: with a backslash for a slash, with `@` before or behind what
//! ends the host elsewhere, with numbers in any base, with letters spelled by percent signs or by
//! characters that are mapped to them, and, where it is a whole value, with tabs and line ends in it.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::host_characters;
use crate::bytes::{Position as _, at, count_while, count_while_back, part, rest};
use crate::detect::checksum::begins_with;
use crate::steps::step;

/// Tells where the addresses are that lead inside.
pub(crate) fn find(text: &[u8], from: usize, mut found: impl FnMut(usize, usize)) {
    let mut done = from;
    // Up to here the readings have looked that go on where the host ends for others.
    let mut seen = 0;
    if let Some((start, end)) = whole(text, from, &mut seen) {
        done = end;
        found(start, end);
    }
    for colon in memchr::memchr_iter(b':', text) {
        step(1);
        if colon < done {
            continue;
        }
        let begin = scheme_begin(text, colon);
        if begin < done || begin == colon {
            continue;
        }
        let scheme = Scheme::of(part(text, begin, colon));
        let behind = colon.plus(1);
        let slashes = count_while(text, behind, is_slash);
        let host = behind.plus(slashes);
        let mut read = host;
        let is_inside = match scheme {
            Scheme::File | Scheme::Inside => slashes > 0,
            Scheme::Jar => begins_with_scheme(rest(text, behind)),
            // `http:/localhost` is read as an address everywhere. Behind other schemes there is a path
            // then, as in `C:\Users`.
            Scheme::Http | Scheme::Web if slashes > MOST_SLASHES => true,
            Scheme::Http | Scheme::Web | Scheme::Other => {
                let needed = if scheme == Scheme::Other { 2 } else { 1 };
                if slashes < needed {
                    continue;
                }
                let (is_inside, end) = Reading {
                    has_short_names: scheme != Scheme::Other,
                    goes_on: host >= seen,
                    takes_all: false,
                }
                .leads_inside(rest(text, host));
                read = host.plus(end);
                seen = seen.max(read);
                is_inside || scheme != Scheme::Other && is_open(text, host, read)
            }
        };
        if is_inside {
            done = end_of(text, read);
            found(begin, done);
        }
    }
}

/// Where the address is that a text begins with, as it is read by who takes the text for an address:
/// without what is blank before it and without tabs and line ends, perhaps without slashes or without
/// a scheme (that of the page).
fn whole(text: &[u8], from: usize, seen: &mut usize) -> Option<(usize, usize)> {
    let begin = blank(text);
    if begin < from && !is_slash(at(text, begin)) {
        return None;
    }
    let raw = rest(text, begin);
    // Most texts are no address.
    let is_relative = is_slash(at(raw, 0));
    if !is_relative && memchr::memchr2(b':', b'/', raw).is_none() {
        return None;
    }
    let plain = without_dropped(raw);
    // Where a place of the address is in the text.
    let place_of = |plain_place: usize| {
        if matches!(plain, Cow::Borrowed(_)) {
            return begin.plus(plain_place);
        }
        step(raw.len());
        let kept = raw
            .iter()
            .enumerate()
            .filter(|(_, byte)| !is_dropped(**byte));
        begin.plus(
            kept.skip(plain_place)
                .map(|(place, _)| place)
                .next()
                .unwrap_or(raw.len()),
        )
    };
    if begin >= from
        && let Some(end) = bare(&plain)
    {
        return Some((begin, end_of(text, place_of(end))));
    }
    let letters = match is_relative {
        true => 0,
        false => memchr::memchr(b':', &plain).unwrap_or(0),
    };
    let scheme = part(&plain, 0, letters);
    let has_scheme = (1..=LONGEST_SCHEME_BYTES).contains(&letters)
        && begin >= from
        && scheme.iter().copied().all(is_of_scheme);
    if !has_scheme && !is_relative {
        return None;
    }
    let scheme = match has_scheme {
        true => Scheme::of(scheme),
        false => Scheme::Other,
    };
    let behind = if has_scheme { letters.plus(1) } else { 0 };
    let slashes = count_while(&plain, behind, is_slash);
    let host = behind.plus(slashes);
    let address = rest(&plain, host);
    let is_web = matches!(scheme, Scheme::Http | Scheme::Web);
    let mut read = host;
    let is_inside = match scheme {
        Scheme::File => slashes > 0 || leads_to_file(address),
        Scheme::Inside => slashes > 0,
        Scheme::Jar => begins_with_scheme(address),
        _ if !is_web && slashes < 2 => false,
        _ => {
            let reading = Reading {
                // `ws:open` is an event.
                has_short_names: scheme == Scheme::Http || is_web && slashes > 0,
                goes_on: true,
                takes_all: is_web,
            };
            let (is_inside, end) = reading.leads_inside(address);
            read = host.plus(end);
            *seen = place_of(read);
            let place = place_of(host);
            let is_open = is_open(text, place, *seen) && memchr::memchr(b' ', address).is_none();
            is_inside || is_web && (is_open || place.less(begin) > MOST_SLASHES)
        }
    };
    if !is_inside || place_of(host) < from {
        return None;
    }
    Some((begin.max(from), end_of(text, place_of(read))))
}

/// The end of the host of an address without a scheme that is all of a text: `localhost:8080/admin`.
/// There is a port or a path, for a host alone, or a network such as `10.0.0.0/8`, is no address.
fn bare(text: &[u8]) -> Option<usize> {
    let end = count_while(text, 0, |byte| !ends_host(byte) && !ends_address(byte));
    let authority = part(text, 0, end);
    let colon = memchr::memrchr(b':', authority);
    let port = colon.map_or(&b""[..], |colon| rest(authority, colon.plus(1)));
    let has_port = !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    let has_path = at(text, end) == b'/' && at(text, end.plus(1)).is_ascii_alphabetic();
    let (host, _) = hosts_of(authority);
    let dots = host.iter().filter(|byte| **byte == b'.').count();
    let is_whole = host.iter().any(u8::is_ascii_alphabetic) || dots == 3 || at(&host, 0) == b'[';
    let is_address = (has_port || has_path) && is_whole && is_inside(&host, false);
    let all = || count_while(text, 0, |byte| !ends_address(byte)) == text.len();
    (is_address && all()).then_some(end)
}

/// Whether a text that is cut off ends with an address whose host may stand behind the cut.
pub(crate) fn is_cut(text: &[u8]) -> bool {
    let plain = without_dropped(rest(text, blank(text)));
    // Behind a slash that follows its host, an address has none.
    let least = memchr::memrchr(b'/', &plain).map_or(0, |slash| slash.plus(1));
    let slashes = count_while(&plain, 0, is_slash);
    if slashes >= 2 && slashes >= least {
        return true;
    }
    memchr::memchr_iter(b':', &plain).any(|colon| {
        step(1);
        let behind = colon.plus(1);
        let begin = scheme_begin(&plain, colon);
        let needed = match Scheme::of(part(&plain, begin, colon)) {
            _ if begin == colon => return false,
            Scheme::Http | Scheme::Web => usize::from(begin > 0),
            Scheme::File => return begin == 0 && behind == plain.len(),
            _ => 2,
        };
        let slashes = count_while(part(&plain, 0, behind.plus(MOST_SLASHES)), behind, is_slash);
        slashes >= needed && behind.plus(slashes) >= least
    })
}

/// Where the scheme before a colon begins.
fn scheme_begin(text: &[u8], colon: usize) -> usize {
    let head = part(text, colon.less(LONGEST_SCHEME_BYTES), colon);
    colon.less(count_while_back(head, head.len(), is_of_scheme))
}

/// An address without what its readers take out of it.
fn without_dropped(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr3(b'\t', b'\n', b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    step(raw.len());
    Cow::Owned(
        raw.iter()
            .copied()
            .filter(|byte| !is_dropped(*byte))
            .collect(),
    )
}

/// Whether an authority goes on beyond what is held, so that its host is not known.
const fn is_open(text: &[u8], begin: usize, end: usize) -> bool {
    end == text.len() && text.len() >= HELD_BYTES && end.saturating_sub(begin) > LONGEST_USER_BYTES
}

/// How many bytes at the beginning of a text are blank: nobody takes them for a part of an address.
fn blank(text: &[u8]) -> usize {
    let mut begin = 0;
    loop {
        begin = begin.plus(count_while(text, begin, |byte| byte <= b' '));
        // Blanks beyond ASCII, and the mark of the byte order.
        begin = match *rest(text, begin) {
            [0xc2, 0x85 | 0xa0, ..] => begin.plus(2),
            [0xe2, 0x80, 0x80..=0x8b | 0xa8 | 0xa9 | 0xaf, ..]
            | [0xe2, 0x81, 0x9f | 0xa0, ..]
            | [0xe3, 0x80, 0x80, ..]
            | [0xe1, 0x9a, 0x80, ..]
            | [0xef, 0xbb, 0xbf, ..] => begin.plus(3),
            _ => return begin,
        };
    }
}

/// What an address may lead to, by its scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// `http:` and `https:`, which clients also take without slashes.
    Http,
    /// `ws:` and `wss:`, which clients also take without slashes.
    Web,
    /// Leads to files, also without slashes.
    File,
    /// Leads to what is behind another scheme.
    Jar,
    /// Leads to files, or to servers that speak no HTTP, wherever the host is.
    Inside,
    Other,
}

impl Scheme {
    fn of(scheme: &[u8]) -> Self {
        match scheme.to_ascii_lowercase().as_slice() {
            b"http" | b"https" => Self::Http,
            b"ws" | b"wss" | b"ftp" => Self::Web,
            b"file" | b"netdoc" => Self::File,
            b"jar" => Self::Jar,
            scheme if INSIDE_SCHEMES.contains(&scheme) => Self::Inside,
            _ => Self::Other,
        }
    }
}

const fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

fn begins_with_scheme(text: &[u8]) -> bool {
    let letters = count_while(part(text, 0, LONGEST_SCHEME_BYTES), 0, is_of_scheme);
    letters > 0 && at(text, letters) == b':'
}

/// Whether what stands behind `file:` is a path, and no words.
fn leads_to_file(path: &[u8]) -> bool {
    let spaces = count_while(path, 0, |byte| byte == b' ');
    match at(path, spaces) {
        0 => false,
        byte if is_slash(byte) => true,
        _ if spaces == 0 => true,
        // The way up from what looks like words.
        _ => {
            step(path.len());
            let mut pairs = path.windows(2);
            pairs.any(|pair| matches!(pair, [b'/' | b'\\', b'.' | b'%']))
        }
    }
}

const fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// What readers of addresses take out of them.
const fn is_dropped(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r')
}

/// What no address has inside a text.
const fn ends_address(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'|')
}

/// Where an address ends that has been read up to here.
fn end_of(text: &[u8], read: usize) -> usize {
    let ahead = part(text, read, read.plus(MAX_ADDRESS_BYTES));
    read.plus(count_while(ahead, 0, |byte| !ends_address(byte)))
}

/// What a host ends at.
const fn ends_host(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | b'?' | b'#')
}

/// How what stands behind the slashes of an address is read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// A name without a dot is one of the network around.
    has_short_names: bool,
    /// Also those that go on where the host ends for others.
    goes_on: bool,
    /// Blanks and quotes are in the address as well: users may have them.
    takes_all: bool,
}

impl Reading {
    /// Whether a host inside stands there, under any reading, and how far the readings went.
    fn leads_inside(self, text: &[u8]) -> (bool, usize) {
        let mut end = count_while(text, 0, |byte| {
            (self.takes_all || !ends_address(byte)) && !ends_host(byte)
        });
        let authority = part(text, 0, end);
        // `https://example.com, says @bob` is a sentence.
        let is_sentence = self.takes_all && authority.iter().any(|byte| ends_address(*byte));
        let has_short_names = self.has_short_names && !is_sentence;
        // Who decodes first finds an earlier end.
        let (host, earlier) = hosts_of(authority);
        let leads_inside = is_inside(&host, has_short_names)
            || earlier.is_some_and(|host| is_inside(&host, has_short_names));
        if leads_inside || !self.goes_on {
            return (leads_inside, end);
        }
        let until = |from: usize, ends: &[u8]| {
            from.plus(count_while(text, from, |byte| {
                !ends_address(byte) && !ends.contains(&byte)
            }))
        };
        for (goes_on_behind, ends) in [(&b"\\"[..], &b"/?#"[..]), (b"?#", b"/")] {
            let sign = at(text, end);
            if !goes_on_behind.contains(&sign) {
                continue;
            }
            end = until(end, ends);
            let (host, _) = hosts_of(part(text, 0, end));
            // `?via=@bob` is no host.
            if is_inside(&host, self.has_short_names && sign == b'\\') {
                return (true, end);
            }
        }
        (false, end)
    }
}

/// The host of `user@host:port`, in lower case and plain letters; and what it is to those who decode an
/// address before they look where its host ends.
fn hosts_of(authority: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut decoded = Vec::new();
    let mut earlier = None;
    let mut position = 0;
    for sign in memchr::memchr_iter(b'%', authority) {
        let digits = std::str::from_utf8(part(authority, sign.plus(1), sign.plus(3)));
        let digits = digits.ok().filter(|digits| digits.len() == 2);
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            continue;
        };
        decoded.extend_from_slice(part(authority, position, sign));
        if earlier.is_none() && (ends_host(byte) || ends_address(byte)) {
            earlier = Some(host_of(&decoded));
        }
        decoded.push(byte);
        position = sign.plus(3);
    }
    if position == 0 {
        return (host_of(authority), None);
    }
    decoded.extend_from_slice(rest(authority, position));
    (host_of(&decoded), earlier)
}

/// The host of `user@host:port`, mapped.
fn host_of(decoded: &[u8]) -> Vec<u8> {
    step(decoded.len());
    let mut host = Vec::new();
    // Programs take blanks of any sort away before they read an address.
    let is_blank = |character: char| character.is_whitespace() || character == '\u{feff}';
    let decoded = std::str::from_utf8(decoded)
        .map_or(decoded, |text| text.trim_end_matches(is_blank).as_bytes());
    for chunk in decoded.utf8_chunks() {
        for character in chunk.valid().chars() {
            host_characters::map(character, &mut host);
            if host.last() == Some(&b'@') {
                host.clear();
            }
        }
        host.extend_from_slice(chunk.invalid());
    }
    let length = match host.first() {
        Some(b'[') => memchr::memchr(b']', &host).map(|end| end.plus(1)),
        _ => memchr::memchr(b':', &host),
    };
    host.truncate(length.unwrap_or(host.len()));
    while host.last() == Some(&b'.') {
        host.pop();
    }
    host
}

/// Whether a host is inside; `has_short_names`: also a name without a dot.
fn is_inside(host: &[u8], has_short_names: bool) -> bool {
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
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    host.iter().all(is_name)
        && match memchr::memchr(b'.', host) {
            Some(_) => INSIDE_NAMES.iter().any(|name| is_below(host, name)),
            None => has_short_names || host == b"localhost",
        }
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
    // `443` would be 0.0.1.187, where no server is.
    if first.is_empty() && (1..1 << 24).contains(last) {
        return None;
    }
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
            | [224..=239, ..]
            | [255, 255, 255, 255]
            // The one that serves the machines of Azure.
            | [168, 63, 129, 16]
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
        || a & 0xff00 == 0xff00
}

/// The schemes of [`Scheme::Inside`].
#[rustfmt::skip]
const INSIDE_SCHEMES: [&[u8]; 14] = [
    b"gopher", b"dict", b"ldap", b"ldaps", b"tftp", b"phar", b"smb", b"unix",
    // What PHP opens like files.
    b"php", b"expect", b"glob", b"rar", b"ssh2", b"compress.zlib",
];
/// Names that no public name server knows, and public names of addresses inside.
const INSIDE_NAMES: [&[u8]; 16] = [
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
    b"consul",
    b"metadata.goog",
    b"nip.io",
    b"sslip.io",
    b"localtest.me",
    b"lvh.me",
];
const LONGEST_SCHEME_BYTES: usize = 16;
/// So much of an address is taken behind its host.
const MAX_ADDRESS_BYTES: usize = 400;
/// More slashes, or tabs, than anybody writes.
const MOST_SLASHES: usize = 64;
/// Longer than users are. The scanner holds so much more than this behind the beginning of an address
/// that it has not looked at to the end.
const LONGEST_USER_BYTES: usize = 480;
/// A shorter text is all that there is.
const HELD_BYTES: usize = 2048;

#[cfg(test)]
mod tests;
