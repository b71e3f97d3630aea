//! Secrets that are longer than a window: the rest of a token or a key is swallowed as it comes.

use super::TextScanner;
use crate::bytes::{Position as _, before, count_while, rest};
use crate::detect::{JWT, KeyLine, PRIVATE_KEY, Span, open_key, rest_of_key};
use crate::spelled::Sink;

/// What goes on with the rest of a secret that began before this window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swallow {
    Nothing,
    /// The letters of a token.
    Token,
    /// A key over lines, behind a line of this kind.
    Key(KeyLine),
}

impl TextScanner {
    /// Writes what ends a line. Behind a line of a key it waits: the next line takes it along, or brings it
    /// back if it is none of the key.
    pub(crate) fn end_line(&mut self, end: &[u8], out: &mut Vec<u8>) {
        if self.is_in_key() {
            self.line_ends.extend_from_slice(end);
        } else {
            out.extend_from_slice(end);
        }
    }

    /// What follows is no line of a key, whatever it is.
    pub(crate) fn leave_key(&mut self, out: &mut Vec<u8>) {
        if self.is_in_key() {
            self.swallowing = Swallow::Nothing;
            out.append(&mut self.line_ends);
        }
    }

    /// Whether a key is being swallowed that may go on in the next text. The end of this line stays away
    /// then: the next line brings it back if it is none of the key.
    pub(crate) const fn is_in_key(&self) -> bool {
        matches!(self.swallowing, Swallow::Key(_))
    }

    /// A secret fills the text to its end: what follows may still be part of it.
    pub(super) fn run_on(&mut self, span: Span, last: bool) {
        if span.entity == PRIVATE_KEY {
            if let Some(line) = open_key(&self.text, span.start, span.end) {
                self.swallowing = Swallow::Key(line);
                self.swallowed_bytes = 0;
                self.line_ends.clear();
                if before(&self.text, span.end) == b'\r' {
                    self.line_ends.push(b'\r');
                }
            }
        } else if span.entity == JWT && !last {
            self.swallowing = Swallow::Token;
        }
    }

    /// Takes the rest of a secret away. Returns whether there is nothing else.
    pub(super) fn swallow(&mut self, last: bool, sink: &mut Sink<'_>) -> bool {
        let held = rest(&self.text, self.from);
        let (end, is_over) = match self.swallowing {
            Swallow::Nothing => return false,
            Swallow::Token => {
                let token =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
                let end = count_while(held, 0, token);
                (end, end < held.len())
            }
            Swallow::Key(line) => self.swallow_key(line, last, sink),
        };
        let cut = self.from.plus(end);
        let raw_cut = self.raw_position(cut);
        self.leave(cut, raw_cut);
        self.swallowed_bytes = self.swallowed_bytes.plus(end);
        // A beginning without an end must not take the rest of a body with it.
        let is_endless = self.is_in_key() && self.swallowed_bytes > MAX_KEY_BYTES;
        if is_over || is_endless {
            self.swallowing = Swallow::Nothing;
            self.swallowed_bytes = 0;
        }
        !(is_over || is_endless) || self.text.len() == self.from
    }

    /// How much of what is held belongs to a key, and whether the key is over. What stands between its
    /// lines goes with them.
    fn swallow_key(&mut self, line: KeyLine, last: bool, sink: &mut Sink<'_>) -> (usize, bool) {
        let held = rest(&self.text, self.from);
        let body = rest_of_key(held, line);
        let left = held.len().less(body.end);
        // The line that ends a key may be cut in two: its beginning stays for the next window.
        let is_cut = !last && body.end > 0 && left < KEY_END_BYTES;
        let is_blank = body.end == 0 && !body.is_over;
        if body.end == 0 && body.is_over || is_blank && self.line_ends.len() > MAX_LINE_ENDS {
            sink.out.append(&mut self.line_ends);
            return (0, true);
        }
        if body.end > 0 {
            self.line_ends.clear();
        }
        self.swallowing = Swallow::Key(body.line);
        if body.is_over && !is_cut {
            return (body.end, true);
        }
        if is_cut {
            return (body.end, false);
        }
        // Nothing but blanks is behind it.
        self.line_ends.extend_from_slice(rest(held, body.end));
        (held.len(), false)
    }
}

/// Longer than any key.
const MAX_KEY_BYTES: usize = 32 * 1024;
/// More blank lines are not within a key.
const MAX_LINE_ENDS: usize = 8;
/// Longer than the line that ends a key.
const KEY_END_BYTES: usize = 64;
