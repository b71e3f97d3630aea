//! Strings of JSON, whose characters may be escaped.

use super::TextScanner;
use crate::bytes::{Position as _, at, part, rest};
use crate::lexicon::Announcement;
use crate::spelled::Sink;

impl TextScanner {
    /// Takes bytes of a JSON string, or of what was one, up to `end`. Returns how many were taken;
    /// fewer than there are if `end` is next.
    pub(crate) fn push_json(
        &mut self,
        bytes: &[u8],
        end: u8,
        announcement: &Announcement,
        sink: &mut Sink<'_>,
    ) -> usize {
        let mut position = 0;
        while position < bytes.len() {
            let byte = at(bytes, position);
            match self.escape.len() {
                0 => {
                    let plain = memchr::memchr2(end, b'\\', rest(bytes, position));
                    let stop = plain.map_or(bytes.len(), |offset| position.plus(offset));
                    self.push(part(bytes, position, stop), announcement, sink);
                    position = stop;
                    if at(bytes, position) == end && position < bytes.len() {
                        return position;
                    }
                    if position < bytes.len() {
                        self.escape.push(b'\\');
                        position = position.plus(1);
                    }
                }
                1 if byte == b'u' => {
                    self.escape.push(byte);
                    position = position.plus(1);
                }
                1 => {
                    let raw = [b'\\', byte];
                    self.escape.clear();
                    self.push_spelled(&[short_escape(byte)], &raw, announcement, sink);
                    position = position.plus(1);
                }
                _ if byte.is_ascii_hexdigit() => {
                    self.escape.push(byte);
                    position = position.plus(1);
                    if self.escape.len() == LONG_ESCAPE_BYTES {
                        self.end_escape(announcement, sink);
                    }
                }
                _ => self.end_escape(announcement, sink),
            }
        }
        position
    }

    /// An escape is complete, or breaks off.
    pub(crate) fn end_escape(&mut self, announcement: &Announcement, sink: &mut Sink<'_>) {
        if self.escape.is_empty() {
            return;
        }
        let raw = std::mem::take(&mut self.escape);
        let code = std::str::from_utf8(rest(&raw, 2))
            .ok()
            .filter(|_| raw.len() == LONG_ESCAPE_BYTES)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let mut buffer = [0; 4];
        let decoded = match code {
            // Halves of a pair are no characters by themselves, and nothing that is looked for.
            Some(code) => char::from_u32(code)
                .unwrap_or(char::REPLACEMENT_CHARACTER)
                .encode_utf8(&mut buffer)
                .as_bytes(),
            None => OPAQUE,
        };
        let mut copy = [0_u8; 4];
        let length = decoded.len();
        for (to, from) in copy.iter_mut().zip(decoded) {
            *to = *from;
        }
        self.push_spelled(part(&copy, 0, length), &raw, announcement, sink);
        self.escape = raw;
        self.escape.clear();
    }
}

const fn short_escape(byte: u8) -> u8 {
    match byte {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

/// Stands for a broken escape: no character that is looked for.
const OPAQUE: &[u8] = &[0xff];
const LONG_ESCAPE_BYTES: usize = 6;
