//! Percent-escapes (RFC 3986 section 2.1).

use super::PathError;
use crate::hex;

/// Decodes all percent escapes once.
pub(super) fn decode(text: &str) -> Result<String, PathError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = rest.next().zip(rest.next());
            let byte = digits.and_then(|(high, low)| hex::value([high, low]));
            byte.ok_or(PathError::BrokenEscape)?
        } else if byte == b' ' {
            // No client can send one that is not escaped, except over HTTP/2.
            return Err(PathError::ControlCharacter);
        } else {
            byte
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| PathError::NotUtf8)?;
    if decoded.chars().any(char::is_control) {
        return Err(PathError::ControlCharacter);
    }
    Ok(decoded)
}

/// The bytes that are escaped in `text`, in order.
pub(super) fn escaped(text: &str) -> impl Iterator<Item = u8> {
    Pieces(text.as_bytes()).filter_map(|piece| match piece {
        Piece::Escape { byte, .. } => Some(byte),
        Piece::Plain(_) => None,
    })
}

/// Replaces each escape by what `change` makes of it; `None` if there is none that it changes. What
/// is no escape stays: after a first decoding, `100%` is a text like any other.
pub(crate) fn replace(text: &[u8], change: impl Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    if !text.contains(&b'%') {
        return None;
    }
    let mut replaced = Vec::with_capacity(text.len());
    let mut any = false;
    for piece in Pieces(text) {
        match piece {
            Piece::Plain(byte) => replaced.push(byte),
            Piece::Escape { byte, digits } => {
                if let Some(byte) = change(byte) {
                    any = true;
                    replaced.push(byte);
                } else {
                    replaced.push(b'%');
                    replaced.extend_from_slice(&digits);
                }
            }
        }
    }
    any.then_some(replaced)
}

/// Characters that never need an escape (RFC 3986 section 2.3).
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

struct Pieces<'t>(&'t [u8]);

enum Piece {
    Plain(u8),
    Escape { byte: u8, digits: [u8; 2] },
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let (first, rest) = self.0.split_first()?;
        if *first == b'%'
            && let Some((digits, after)) = rest.split_first_chunk::<2>()
            && let Some(byte) = hex::value(*digits)
        {
            self.0 = after;
            return Some(Piece::Escape {
                byte,
                digits: *digits,
            });
        }
        self.0 = rest;
        Some(Piece::Plain(*first))
    }
}
