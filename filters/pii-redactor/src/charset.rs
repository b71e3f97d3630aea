//! UTF-16 and UTF-32: decoded to UTF-8 for the search, and encoded again as they came.
//!
//! Every code unit survives, also halves of surrogate pairs that stand alone: they pass through as
//! the three bytes that UTF-8 would have for them.

use crate::bytes::{at, part};
use crate::media::{Charset, Wide};

/// Decodes one body, and encodes it again after redaction.
#[derive(Debug)]
pub(crate) struct Transcoder {
    wide: Wide,
    /// The beginning of a code unit.
    unit: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u32>,
    /// The beginning of a character that is being encoded.
    character: Vec<u8>,
}

impl Transcoder {
    pub(crate) const fn new(wide: Wide) -> Self {
        Self {
            wide,
            unit: Vec::new(),
            high: None,
            character: Vec::new(),
        }
    }

    /// Decodes what is complete of these bytes.
    pub(crate) fn decode(&mut self, bytes: &[u8], text: &mut Vec<u8>) {
        let width = if self.wide.is_32 { 4 } else { 2 };
        for byte in bytes {
            self.unit.push(*byte);
            if self.unit.len() < width {
                continue;
            }
            let fold = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
            let value = if self.wide.is_little_endian {
                self.unit.iter().rev().fold(0, fold)
            } else {
                self.unit.iter().fold(0, fold)
            };
            self.unit.clear();
            self.decode_unit(value, text);
        }
    }

    fn decode_unit(&mut self, value: u32, text: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            if !self.wide.is_32 && (0xdc00..0xe000).contains(&value) {
                let code = (high & 0x3ff) << 10 | value & 0x3ff;
                return write_utf8(code.saturating_add(0x1_0000), text);
            }
            write_utf8(high, text);
        }
        if !self.wide.is_32 && (0xd800..0xdc00).contains(&value) {
            self.high = Some(value);
        } else {
            write_utf8(value, text);
        }
    }

    /// The body is complete: what is left of it that is no whole character. It is not text, and
    /// leaves as it came.
    pub(crate) fn finish(&mut self, text: &mut Vec<u8>) -> Vec<u8> {
        if let Some(high) = self.high.take() {
            write_utf8(high, text);
        }
        std::mem::take(&mut self.unit)
    }

    /// Encodes text in the charset of the body.
    pub(crate) fn encode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for byte in text {
            let begins = byte & 0xc0 != 0x80;
            if begins {
                self.encode_rest(out);
            }
            self.character.push(*byte);
            if self.character.len() == length_of(at(&self.character, 0)) {
                self.encode_rest(out);
            }
        }
    }

    /// Encodes the character that has been read.
    pub(crate) fn encode_rest(&mut self, out: &mut Vec<u8>) {
        if self.character.is_empty() {
            return;
        }
        let first = at(&self.character, 0);
        let length = length_of(first);
        let value = if length == self.character.len() {
            let lead = if length == 1 {
                u32::from(first)
            } else {
                u32::from(first) & (0x7f >> length)
            };
            part(&self.character, 1, length)
                .iter()
                .fold(lead, |value, byte| value << 6 | u32::from(byte & 0x3f))
        } else {
            u32::from(char::REPLACEMENT_CHARACTER)
        };
        self.character.clear();
        if self.wide.is_32 {
            return self.write_unit(value, 4, out);
        }
        match value.checked_sub(0x1_0000) {
            Some(above) => {
                self.write_unit(0xd800 | above >> 10, 2, out);
                self.write_unit(0xdc00 | above & 0x3ff, 2, out);
            }
            None => self.write_unit(value, 2, out),
        }
    }

    fn write_unit(&self, value: u32, width: usize, out: &mut Vec<u8>) {
        let bytes = value.to_le_bytes();
        let bytes = part(&bytes, 0, width);
        if self.wide.is_little_endian {
            out.extend_from_slice(bytes);
        } else {
            out.extend(bytes.iter().rev());
        }
    }

    /// Bytes that have been read and have not left.
    pub(crate) fn held(&self) -> usize {
        let high = if self.high.is_some() { 2_usize } else { 0 };
        self.unit.len().saturating_add(high)
    }
}

/// UTF-8, also for halves of surrogate pairs, and as far as it once went for what is no character at
/// all, so that nothing is lost.
fn write_utf8(code: u32, text: &mut Vec<u8>) {
    let low = |shift: u32| {
        let bits = code >> shift & 0x3f;
        0x80 | u8::try_from(bits).unwrap_or(0)
    };
    let high = |shift: u32, mark: u8| mark | u8::try_from(code >> shift).unwrap_or(0);
    match code {
        0..0x80 => text.push(high(0, 0)),
        0x80..0x800 => text.extend([high(6, 0xc0), low(0)]),
        0x800..0x1_0000 => text.extend([high(12, 0xe0), low(6), low(0)]),
        0x1_0000..0x20_0000 => text.extend([high(18, 0xf0), low(12), low(6), low(0)]),
        0x20_0000..0x400_0000 => {
            text.extend([high(24, 0xf8), low(18), low(12), low(6), low(0)]);
        }
        0x400_0000..0x8000_0000 => {
            text.extend([high(30, 0xfc), low(24), low(18), low(12), low(6), low(0)]);
        }
        _ => text.extend([0xfe, low(30), low(24), low(18), low(12), low(6), low(0)]),
    }
}

const fn length_of(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0xfe.. => 7,
        0xfc.. => 6,
        0xf8.. => 5,
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// So many bytes show how a text is encoded, if its type or its first bytes leave a doubt.
pub(crate) const FIRST_BYTES: usize = 64;

/// Whether there are enough bytes to tell UTF-16 and UTF-32 from the rest.
pub(crate) fn is_shown(said: Charset, first: &[u8]) -> bool {
    let is_marked = matches!(first, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    if is_marked || !matches!(said, Charset::AsciiCompatible) {
        return first.len() >= FIRST_BYTES;
    }
    match first {
        [] | [_] => false,
        [left, right, ..] if first.len() < 4 => is_plain(*left) && is_plain(*right),
        _ => true,
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// Whether bytes are plainly ASCII and its relatives: every character of ASCII in UTF-16 and UTF-32
/// has a zero, and seven of eight printable bytes in a row are no accident.
fn is_narrow(bytes: &[u8]) -> bool {
    let plain = bytes.iter().filter(|byte| is_plain(**byte)).count();
    let is_mostly_plain = plain.saturating_mul(8) >= bytes.len().saturating_mul(7);
    !bytes.is_empty() && is_mostly_plain && !bytes.contains(&0)
}

/// How a text is encoded, by what its type says and by its first bytes, as many as
/// [`is_shown`] asks for. Bytes that are plainly no UTF-16 or UTF-32 are read as they are, whatever
/// the type or a byte order mark says: otherwise a mark would hide what follows. Without
/// a charset and a byte order mark, `is_text` says that two characters of ASCII are enough; else
/// only what JSON and XML begin with.
pub(crate) fn detect(said: Charset, first: &[u8], is_text: bool) -> Option<Wide> {
    let wide = |is_32, is_little_endian| {
        Some(Wide {
            is_32,
            is_little_endian,
        })
    };
    let begins = |byte: u8| matches!(byte, b'{' | b'[' | b'<' | b'"');
    let is_pair = |left: u8, right: u8| is_text && is_plain(left) && is_plain(right);
    let is_mark = |rest: &[u8]| !is_narrow(rest);
    match *first {
        [0xff, 0xfe, 0, 0, ..] => return wide(true, true),
        [0, 0, 0xfe, 0xff, ..] => return wide(true, false),
        [0xff, 0xfe, ref rest @ ..] if is_mark(rest) => return wide(false, true),
        [0xfe, 0xff, ref rest @ ..] if is_mark(rest) => return wide(false, false),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return None,
        [0, 0, 0, byte, ..] if begins(byte) || is_text && is_plain(byte) => {
            return wide(true, false);
        }
        [byte, 0, 0, 0, ..] if begins(byte) || is_text && is_plain(byte) => {
            return wide(true, true);
        }
        [0, byte, 0, next, ..] if begins(byte) && is_plain(next) || is_pair(byte, next) => {
            return wide(false, false);
        }
        [byte, 0, next, 0, ..] if begins(byte) && is_plain(next) || is_pair(byte, next) => {
            return wide(false, true);
        }
        _ => {}
    }
    if is_narrow(first) {
        return None;
    }
    match said {
        Charset::Wide(wide) => Some(wide),
        // RFC 2781 section 4.3.
        Charset::WideUnspecified { is_32 } => wide(is_32, false),
        Charset::AsciiCompatible | Charset::Undecodable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_unit_comes_back() {
        for is_32 in [false, true] {
            for is_little_endian in [false, true] {
                let wide = Wide {
                    is_32,
                    is_little_endian,
                };
                let mut body = Vec::new();
                let mut encoder = Transcoder::new(wide);
                encoder.encode(
                    "\u{feff}a\u{e4}\u{20ac}\u{1f600}\u{10ffff}".as_bytes(),
                    &mut body,
                );
                encoder.encode_rest(&mut body);
                if !is_32 {
                    // Halves that stand alone.
                    for half in [0xd83d_u32, 0x41, 0xdc00] {
                        encoder.write_unit(half, 2, &mut body);
                    }
                }
                body.push(0x41);
                for size in 1..=5 {
                    let mut transcoder = Transcoder::new(wide);
                    let mut out = Vec::new();
                    for chunk in body.chunks(size) {
                        let mut text = Vec::new();
                        transcoder.decode(chunk, &mut text);
                        for piece in text.chunks(size) {
                            transcoder.encode(piece, &mut out);
                        }
                    }
                    let mut text = Vec::new();
                    let rest = transcoder.finish(&mut text);
                    transcoder.encode(&text, &mut out);
                    transcoder.encode_rest(&mut out);
                    out.extend(rest);
                    assert_eq!(out, body, "{wide:?} by {size}");
                }
            }
        }
    }

    #[test]
    fn first_bytes_say_more_than_the_type() {
        let unspecified = Charset::WideUnspecified { is_32: false };
        let utf16 = |is_little_endian| {
            Some(Wide {
                is_32: false,
                is_little_endian,
            })
        };
        for (said, first, expected) in [
            (unspecified, &b"\xff\xfe{\0"[..], utf16(true)),
            (unspecified, b"\0{\0\"", utf16(false)),
            (unspecified, b"{\0\"\0", utf16(true)),
            (Charset::AsciiCompatible, b"{\0\"\0", utf16(true)),
            (unspecified, b"{\"a\"", None),
            (
                Charset::AsciiCompatible,
                b"\xff\xfe jane@example.com \xc3",
                None,
            ),
            (
                unspecified,
                b"\xc3\xa4 is a letter of UTF-8, whatever is said",
                None,
            ),
            (unspecified, b"\x04\x18\x04\x32", utf16(false)),
            (Charset::AsciiCompatible, b"\xc3\xa4bc", None),
            (Charset::AsciiCompatible, b"\x08\0\0\0", None),
            (unspecified, b"\x65\x87\x4e\x00", utf16(false)),
        ] {
            assert_eq!(detect(said, first, true), expected, "{first:?}");
        }
        assert_eq!(
            detect(Charset::AsciiCompatible, b"a\0b\0", true),
            utf16(true)
        );
        assert_eq!(detect(Charset::AsciiCompatible, b"a\0b\0", false), None);
    }

    #[test]
    fn a_text_in_utf_32_without_a_mark_is_recognized() {
        for is_little_endian in [false, true] {
            let wide = Wide {
                is_32: true,
                is_little_endian,
            };
            let mut body = Vec::new();
            let mut encoder = Transcoder::new(wide);
            encoder.encode(b"id,mail\n1,jane@example.com\n", &mut body);
            encoder.encode_rest(&mut body);
            let found = detect(Charset::AsciiCompatible, &body, true);
            assert!(
                found
                    .is_some_and(|found| found.is_32 && found.is_little_endian == is_little_endian)
            );
            assert!(detect(Charset::AsciiCompatible, &body, false).is_none());
        }
    }
}
