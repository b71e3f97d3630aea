//! Other spellings of ASCII characters: spaces and dashes of typography, full-width letters and
//! digits, percent encoding, and character references of XML and HTML.
//!
//! A text is searched as it stands and, if it has any of these, once more with each of them replaced by
//! the character that it stands for. So no detector needs to know about them, and no mixture of them
//! hides anything.

use crate::bytes::{Position as _, at, part, rest};
use crate::lexicon::{Seam, char_at};
use crate::spelled::raw_position;
use crate::steps::step;

/// A text in plain spelling, and where everything in it came from.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub(crate) bytes: Vec<u8>,
    /// Places of the plain text and of the original, from which on both go on alike.
    breaks: Vec<(usize, usize)>,
    /// The place of the plain text that corresponds to where matches may begin.
    pub(crate) from: usize,
}

impl Folded {
    /// How many characters were spelled otherwise.
    pub(crate) const fn units(&self) -> usize {
        self.breaks.len() / 2
    }

    /// Reads a text. Returns whether there is anything in it that is spelled otherwise.
    pub(crate) fn read(&mut self, text: &[u8], from: usize) -> bool {
        self.bytes.clear();
        self.breaks.clear();
        self.from = 0;
        step(text.len() / 8);
        if memchr::memchr3(0xc2, 0xe2, 0xef, text).is_none()
            && memchr::memchr3(b'%', b'&', 0xe3, text).is_none()
            && memchr::memchr(b'\\', text).is_none()
        {
            return false;
        }
        let mut done = 0;
        let mut position = 0;
        while position < text.len() {
            step(1);
            let Some((plain, length)) = unit(text, position) else {
                position = position.plus(1);
                continue;
            };
            self.copy(text, done, position, from);
            self.breaks.push((self.bytes.len(), position));
            self.bytes.extend(plain);
            done = position.plus(length);
            self.breaks.push((self.bytes.len(), done));
            if position < from {
                self.from = self.bytes.len();
            }
            position = done;
        }
        self.copy(text, done, text.len(), from);
        !self.breaks.is_empty()
    }

    /// Reads a text with a space at each of these seams.
    pub(crate) fn separate(&mut self, text: &[u8], from: usize, seams: &[Seam]) {
        self.bytes.clear();
        self.breaks.clear();
        self.from = 0;
        step(text.len() / 8);
        let mut done = 0;
        for place in seams.iter().map(|seam| seam.place) {
            step(2);
            self.copy(text, done, place, from);
            self.breaks.push((self.bytes.len(), place));
            self.bytes.push(b' ');
            self.breaks.push((self.bytes.len(), place));
            done = place;
        }
        self.copy(text, done, text.len(), from);
    }

    fn copy(&mut self, text: &[u8], start: usize, end: usize, from: usize) {
        if (start..=end).contains(&from) {
            self.from = self.bytes.len().plus(from.less(start));
        }
        self.bytes.extend_from_slice(part(text, start, end));
    }

    /// The place in the plain text, of one in the original.
    pub(crate) fn place_of(&self, original: usize) -> usize {
        let behind = self.breaks.partition_point(|(_, place)| *place <= original);
        let last = behind.checked_sub(1).and_then(|last| self.breaks.get(last));
        last.map_or(original, |(plain, place)| plain.plus(original.less(*place)))
    }

    /// The place in the original.
    pub(crate) fn original(&self, place: usize) -> usize {
        raw_position(&self.breaks, place)
    }
}

/// A character in another spelling at a position: the byte that it stands for, none for what is not
/// seen, and how many bytes the spelling has.
#[inline]
fn unit(text: &[u8], position: usize) -> Option<(Option<u8>, usize)> {
    match at(text, position) {
        b'%' => percent(text, position).map(|(byte, length)| (Some(byte), length)),
        b'&' => reference(text, position),
        b'\\' => escape(text, position),
        0xc2 | 0xe2 | 0xe3 | 0xef => {
            let character = char_at(text, position)?;
            Some((plain(character)?, character.len_utf8()))
        }
        _ => None,
    }
}

/// The ASCII character that a character looks like; `Some(None)` for what has no width.
fn plain(character: char) -> Option<Option<u8>> {
    match character {
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Some(Some(b' '))
        }
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => Some(None),
        // Middle dots, and what domain names may have for a full stop (RFC 3490).
        '\u{b7}' | '\u{2024}' | '\u{2027}' | '\u{3002}' | '\u{ff61}' => Some(Some(b'.')),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' => Some(Some(b'-')),
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = u32::from(character).wrapping_sub(0xfee0);
            Some(u8::try_from(ascii).ok())
        }
        _ => None,
    }
}

/// `%40`, also where the percent sign itself is encoded: `%2540`.
fn percent(text: &[u8], position: usize) -> Option<(u8, usize)> {
    let byte_at = |place: usize| {
        let (high, low) = (
            hexadecimal(at(text, place))?,
            hexadecimal(at(text, place.plus(1)))?,
        );
        Some(high << 4 | low)
    };
    let mut length = 3;
    let mut byte = byte_at(position.plus(1))?;
    while byte == b'%' {
        match byte_at(position.plus(length)) {
            Some(next) => byte = next,
            None => break,
        }
        length = length.plus(2);
    }
    step(length);
    Some((byte, length))
}

const fn hexadecimal(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte & 15),
        b'a'..=b'f' | b'A'..=b'F' => Some((byte & 15).wrapping_add(9)),
        _ => None,
    }
}

/// `\u0040` and `\x40`, as programs spell characters.
fn escape(text: &[u8], position: usize) -> Option<(Option<u8>, usize)> {
    let digits = match at(text, position.plus(1)) {
        b'u' => 4,
        b'x' => 2,
        _ => return None,
    };
    let begin = position.plus(2);
    let mut code = 0_u32;
    for place in 0..digits {
        let digit = hexadecimal(at(text, begin.plus(place)))?;
        code = code << 4 | u32::from(digit);
    }
    let character = char::from_u32(code)?;
    let byte = match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => Some(byte),
        _ => plain(character)?,
    };
    Some((byte, digits.plus(2)))
}

/// `&#64;`, `&#x40;`, `&nbsp;` and the few names that matter here.
fn reference(text: &[u8], position: usize) -> Option<(Option<u8>, usize)> {
    let name = part(
        text,
        position.plus(1),
        position.plus(LONGEST_REFERENCE_BYTES),
    );
    let length = name.iter().position(|byte| *byte == b';')?;
    let name = part(name, 0, length);
    step(length.plus(1));
    let character = match name.split_first() {
        Some((b'#', digits)) => {
            let (digits, radix) = match digits.first() {
                Some(b'x' | b'X') => (rest(digits, 1), 16),
                _ => (digits, 10),
            };
            let digits = std::str::from_utf8(digits).ok()?;
            char::from_u32(u32::from_str_radix(digits, radix).ok()?)?
        }
        _ => match name {
            b"nbsp" | b"ensp" | b"emsp" | b"thinsp" => ' ',
            b"ndash" | b"mdash" | b"hyphen" | b"dash" | b"minus" => '-',
            b"commat" => '@',
            b"period" => '.',
            b"lowbar" => '_',
            b"plus" => '+',
            b"num" => '#',
            b"colon" => ':',
            b"amp" => '&',
            b"quot" => '"',
            b"apos" => '\'',
            _ => return None,
        },
    };
    let byte = match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => Some(byte),
        _ => plain(character)?,
    };
    Some((byte, length.plus(2)))
}

const LONGEST_REFERENCE_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_back_to_the_original() {
        for (text, plain) in [
            ("4111\u{a0}1111", "4111 1111"),
            ("a\u{2013}b\u{2009}c", "a-b c"),
            ("\u{ff14}\u{ff11}\u{ff20}x", "41@x"),
            ("jane%40example%2ecom", "jane@example.com"),
            ("jane%2540example", "jane@example"),
            ("jane&#64;x &#x40;&nbsp;&commat;", "jane@x @ @"),
            ("4\u{200b}1\u{ad}1", "411"),
            ("jane\\u0040x\\x2eorg", "jane@x.org"),
        ] {
            let mut folded = Folded::default();
            assert!(folded.read(text.as_bytes(), 0), "{text}");
            assert_eq!(String::from_utf8_lossy(&folded.bytes), plain);
            assert_eq!(folded.original(plain.len()), text.len(), "{text}");
            for from in 0..=text.len() {
                folded.read(text.as_bytes(), from);
                let back = folded.original(folded.from);
                assert!(back >= from && back <= from + 12, "{text} {from} {back}");
            }
        }
        for text in [
            "100 %",
            "a & b",
            "50%x",
            "caf\u{e9}",
            "\u{20ac} 5",
            "&foo;",
            "\\user",
            "",
        ] {
            assert!(!Folded::default().read(text.as_bytes(), 0), "{text}");
        }
    }
}
