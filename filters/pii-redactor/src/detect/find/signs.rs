//! What is found by a sign or a prefix of its own: addresses, and secrets of programs.

use super::Search;
use crate::budget::Looks;
use crate::bytes::{Position as _, at, before, part, rest};
use crate::detect::Confidence;
use crate::detect::contact::{email, ip, mac};
use crate::detect::kind::{EMAIL, IP_ADDRESS, MAC_ADDRESS, URL_PASSWORD};
use crate::detect::secret;
use crate::steps::step;

impl Search<'_, '_> {
    pub(super) fn signs(&mut self) {
        let text = self.text;
        if text.wanted.has(EMAIL) {
            let signs = email::find(text.bytes, text.from, |start, end| {
                self.push(EMAIL, start, end, Confidence::High);
            });
            self.looks.add(signs);
        }
        step(text.bytes.len() / 8);
        if text.wanted.has(URL_PASSWORD) && memchr::memmem::find(text.bytes, b"://").is_some() {
            for sign in memchr::memchr_iter(b'@', text.bytes) {
                self.looks.add(1);
                if let Some((start, end)) = secret::url_password::find(text.bytes, sign) {
                    self.push(URL_PASSWORD, start, end, Confidence::High);
                }
            }
        }
    }

    pub(super) fn literals(&mut self) {
        let text = self.text;
        if text.shapes.has_secrets() {
            let looks: &Looks = self.looks;
            let prefixes =
                secret::find(text.bytes, text.from, text.wanted, |entity, start, end| {
                    self.push(entity, start, end, Confidence::High);
                });
            looks.add(prefixes.saturating_mul(LOOKS_OF_A_SECRET));
        }
        // Addresses that have no digit at all: `fe::ab:cd`.
        if text.wanted.has(IP_ADDRESS) {
            let mut position = text.from;
            while let Some(offset) = memchr::memmem::find(rest(text.bytes, position), b"::") {
                step(offset / 8);
                self.looks.add(1);
                let place = position.plus(offset);
                position = place.plus(2);
                if let Some(end) = self.ip6(place) {
                    position = end.max(position);
                }
            }
            self.colons_to = 0;
        }
    }

    pub(super) fn ip4(&mut self, start: usize) {
        let Some(end) = ip::version4(self.text.bytes, start) else {
            return;
        };
        // A version of four numbers looks the same.
        if self.is_plausible(IP_ADDRESS, start, end) {
            self.push(IP_ADDRESS, start, end, Confidence::High);
        }
    }

    /// An address around a place between colons. All of what hangs together is looked at once.
    fn ip6(&mut self, place: usize) -> Option<usize> {
        if place < self.colons_to {
            return Some(self.colons_to);
        }
        let (begin, end) = ip::colons_around(self.text.bytes, place);
        self.colons_to = end;
        if begin >= self.text.from
            && let Some((begin, end)) = ip::version6(self.text.bytes, begin, end)
        {
            self.push(IP_ADDRESS, begin, end, Confidence::High);
        }
        Some(end)
    }

    /// A word of hexadecimal digits that may be part of an address of hardware or of version 6.
    pub(super) fn hexadecimal(&mut self, start: usize, end: usize) {
        let bytes = self.text.bytes;
        let word = part(bytes, start, end);
        if word.len() > 4 || !word.iter().all(u8::is_ascii_hexdigit) {
            return;
        }
        let length = word.len();
        let signs = (at(bytes, end), before(bytes, start));
        if self.text.wanted.has(MAC_ADDRESS)
            && mac::may_have(length, signs)
            && let Some((begin, end)) = mac::around(bytes, self.text.from, start, length, signs)
        {
            self.push(MAC_ADDRESS, begin, end, Confidence::High);
            return;
        }
        if self.text.wanted.has(IP_ADDRESS) && (signs.0 == b':' || signs.1 == b':') {
            self.ip6(start);
        }
    }
}

/// The letters behind the prefix of a secret are read, and some of them are decoded.
const LOOKS_OF_A_SECRET: usize = 4;
