//! The content of a part in base64 (RFC 2045 section 6.8): decoded, so that it can be searched, and
//! encoded again in lines as long as they were.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};

use crate::bytes::{Position as _, part, rest};

/// Decodes and encodes one part.
#[derive(Debug, Default)]
pub(super) struct Base64Lines {
    /// Letters that do not fill a group yet.
    letters: Vec<u8>,
    layout: Layout,
    /// Letters of the line that is being read.
    line_letters: usize,
    after_cr: bool,
    /// The end of a line that nothing has come behind.
    last_end: &'static [u8],
    /// What is to be encoded and does not fill a group, or waits for the layout.
    pending: Vec<u8>,
    /// Letters that have been written of a line.
    written_letters: usize,
}

/// How long the lines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Layout {
    /// The first one is not over.
    #[default]
    Unknown,
    /// All base64 is on one line.
    Unbroken,
    /// So many letters, and what ends them.
    Lines(usize, &'static [u8]),
}

impl Base64Lines {
    /// Decodes bytes up to one that base64 does not have. Returns how many bytes those are.
    pub(super) fn decode(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> usize {
        for (position, byte) in bytes.iter().enumerate() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => self.letter(*byte, text),
                // The letters of URLs (RFC 4648 section 5).
                b'-' => self.letter(b'+', text),
                b'_' => self.letter(b'/', text),
                b'=' => {
                    self.line_letters = self.line_letters.plus(1);
                    self.end_group(text);
                }
                b'\n' => self.end_line(),
                b'\r' | b' ' | b'\t' => {}
                _ => return position,
            }
            self.after_cr = *byte == b'\r';
        }
        bytes.len()
    }

    fn letter(&mut self, letter: u8, text: &mut Vec<u8>) {
        self.last_end = b"";
        self.line_letters = self.line_letters.plus(1);
        if self.layout == Layout::Unknown && self.line_letters > MAX_LINE_LETTERS {
            self.layout = Layout::Unbroken;
        }
        self.letters.push(letter);
        if self.letters.len() == GROUP_LETTERS {
            self.end_group(text);
        }
    }

    fn end_line(&mut self) {
        let end: &[u8] = if self.after_cr { b"\r\n" } else { b"\n" };
        if self.line_letters > 0 {
            self.last_end = end;
            if self.layout == Layout::Unknown {
                self.layout = Layout::Lines(self.line_letters, end);
            }
        }
        self.line_letters = 0;
    }

    /// What a group of letters says; one letter alone says nothing.
    fn end_group(&mut self, text: &mut Vec<u8>) {
        let mut bytes = [0; GROUP_LETTERS];
        let count = LENIENT.decode_slice(&self.letters, &mut bytes).unwrap_or(0);
        text.extend_from_slice(part(&bytes, 0, count));
        self.letters.clear();
    }

    /// Encodes what takes the place of what was decoded.
    pub(super) fn encode(&mut self, new: &[u8], out: &mut Vec<u8>) {
        self.pending.extend_from_slice(new);
        if self.layout != Layout::Unknown {
            let whole_groups = self.pending.len().less(self.pending.len() % GROUP_BYTES);
            self.write_letters(whole_groups, out);
        }
    }

    /// The part is over: what is left of the text.
    pub(super) fn decode_rest(&mut self, text: &mut Vec<u8>) {
        self.end_group(text);
    }

    /// The part is over: writes what is pending.
    pub(super) fn encode_rest(&mut self, out: &mut Vec<u8>) {
        self.write_letters(self.pending.len(), out);
        out.extend_from_slice(self.last_end);
    }

    fn write_letters(&mut self, bytes: usize, out: &mut Vec<u8>) {
        let encoded = STANDARD.encode(part(&self.pending, 0, bytes));
        self.pending.drain(..bytes.min(self.pending.len()));
        let mut ahead = encoded.as_bytes();
        let Layout::Lines(letters, end) = self.layout else {
            return out.extend_from_slice(ahead);
        };
        while !ahead.is_empty() {
            if self.written_letters >= letters {
                out.extend_from_slice(end);
                self.written_letters = 0;
            }
            let line = part(ahead, 0, letters.less(self.written_letters));
            out.extend_from_slice(line);
            self.written_letters = self.written_letters.plus(line.len());
            ahead = rest(ahead, line.len());
        }
    }

    /// Bytes that are held at the moment.
    pub(super) const fn held(&self) -> usize {
        self.letters.len().saturating_add(self.pending.len())
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    NO_PAD.with_decode_allow_trailing_bits(true),
);
const GROUP_LETTERS: usize = 4;
const GROUP_BYTES: usize = 3;
/// A longer first line is the only one (RFC 2045 allows 76 letters, and others write them all on one).
const MAX_LINE_LETTERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn through(encoded: &[u8], size: usize) -> (Vec<u8>, Vec<u8>) {
        let mut lines = Base64Lines::default();
        let (mut all, mut out) = (Vec::new(), Vec::new());
        for chunk in encoded.chunks(size) {
            let mut text = Vec::new();
            assert_eq!(lines.decode(chunk, &mut text), chunk.len());
            lines.encode(&text, &mut out);
            all.extend(text);
        }
        let mut text = Vec::new();
        lines.decode_rest(&mut text);
        lines.encode(&text, &mut out);
        lines.encode_rest(&mut out);
        all.extend(text);
        (all, out)
    }

    #[test]
    fn what_is_not_changed_is_spelled_as_before() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(2_000).collect();
        for length in [0, 1, 2, 3, 56, 57, 58, 114, 200, 2_000] {
            let text = &bytes[..length];
            let unbroken = STANDARD.encode(text).into_bytes();
            for end in ["\r\n", "\n"] {
                for letters in [4, 64, 76, 4_000] {
                    let lines: Vec<&[u8]> = unbroken.chunks(letters).collect();
                    let encoded = lines.join(end.as_bytes());
                    for encoded in [encoded.clone(), [&*encoded, end.as_bytes()].concat()] {
                        if encoded == end.as_bytes() {
                            continue;
                        }
                        for size in [1, 2, 3, 5, 77, 10_000] {
                            let (all, out) = through(&encoded, size);
                            assert_eq!(all, text);
                            let what = String::from_utf8_lossy(&out);
                            assert_eq!(out, encoded, "{what:?} by {size}, {letters} letters");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn spellings_of_careless_writers() {
        for (encoded, text) in [
            ("amFuZQ==", "jane"),
            ("amFuZQ", "jane"),
            ("am Fu\r\n\r\nZQ==", "jane"),
            ("amFuZR==", "jane"),
            ("amE=amE=", "jaja"),
            ("-_-_", "\u{fffd}\u{fffd}\u{fffd}"),
            ("a", ""),
        ] {
            let (all, _) = through(encoded.as_bytes(), 1);
            assert_eq!(String::from_utf8_lossy(&all), text, "{encoded}");
        }
        let mut text = Vec::new();
        assert_eq!(Base64Lines::default().decode(b"amFu{", &mut text), 4);
    }
}
