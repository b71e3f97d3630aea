//! The characters of a JSON string (RFC 8259 section 7), one at a time.

/// Puts escapes together.
#[derive(Debug, Default)]
pub struct Decoder {
    /// An escape that is not complete: at most `\uXXX`.
    pending: Vec<u8>,
}

/// What a byte of a string means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Part of an escape; more is needed.
    Incomplete,
    /// A character, decoded if it is ASCII, with its spelling.
    Character(Option<u8>, Vec<u8>),
    /// What was pending is no escape; this is its spelling, and the byte must be offered again.
    Broken(Vec<u8>),
}

impl Decoder {
    /// Takes a byte that is in an escape or begins one.
    pub fn push(&mut self, byte: u8) -> Piece {
        match (self.pending.len(), byte) {
            (0, b'\\') | (1, b'u') => self.pending.push(byte),
            (0, _) => return Piece::Character(byte.is_ascii().then_some(byte), vec![byte]),
            (1, _) => {
                self.pending.push(byte);
                return Piece::Character(short_escape(byte), std::mem::take(&mut self.pending));
            }
            (_, digit) if digit.is_ascii_hexdigit() => {
                self.pending.push(digit);
                if self.pending.len() == LONG_ESCAPE_BYTES {
                    let spelling = std::mem::take(&mut self.pending);
                    return Piece::Character(long_escape(&spelling), spelling);
                }
            }
            _ => return Piece::Broken(std::mem::take(&mut self.pending)),
        }
        Piece::Incomplete
    }

    /// Whether the next byte belongs to an escape.
    #[must_use]
    pub const fn is_inside_escape(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What is pending, because nothing follows.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// Bytes that are pending.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.pending.len()
    }
}

const fn short_escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte),
        b'b' => Some(8),
        b'f' => Some(12),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        _ => None,
    }
}

/// `\u0040` as `@`; `None` for what is not ASCII, halves of surrogate pairs among it.
fn long_escape(spelling: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(spelling.get(2..)?).ok()?;
    let code = u16::from_str_radix(digits, 16).ok()?;
    u8::try_from(code).ok().filter(u8::is_ascii)
}

const LONG_ESCAPE_BYTES: usize = 6;
