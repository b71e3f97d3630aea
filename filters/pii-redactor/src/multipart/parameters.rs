//! The parameters of a part's headers, in all spellings that readers know: quoted or not, in another
//! charset or over several parameters (RFC 2231, RFC 5987), and with words of MIME (RFC 2047) in them.

use std::borrow::Cow;

use base64::Engine as _;

use crate::bytes::{Position as _, at, hexadecimal, part, percent_decoded, rest};

/// The parameters of one header.
#[derive(Debug)]
pub(super) struct Parameters<'v>(Vec<Parameter<'v>>);

/// A parameter, perhaps one that is spelled in several pieces.
#[derive(Debug)]
pub(super) struct Parameter<'v> {
    /// In lower case, without the asterisk of an extended one.
    pub(super) name: String,
    spelling: Spelling,
    pieces: Vec<Piece<'v>>,
}

/// How the name of a parameter ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// `name=value`
    Plain,
    /// `name*=UTF-8''value` (RFC 5987)
    Extended,
    /// `name*0=val; name*1=ue` (RFC 2231, section 3)
    Continued,
}

/// A stretch of the header between semicolons.
#[derive(Debug)]
struct Piece<'v> {
    /// Where the semicolon before it is.
    before: usize,
    start: usize,
    value_start: usize,
    end: usize,
    value: &'v [u8],
    /// The value is spelled in percent-encoding.
    is_encoded: bool,
}

/// What takes the place of a stretch of the header.
pub(super) type Change = (usize, usize, Vec<u8>);

impl<'v> Parameters<'v> {
    /// Takes the value of a header apart.
    pub(super) fn of(value: &'v [u8]) -> Self {
        let mut parameters: Vec<Parameter<'v>> = Vec::new();
        for (start, end) in pieces(value) {
            let text = part(value, start, end);
            let Some(equals) = memchr::memchr(b'=', text) else {
                continue;
            };
            let name = policy::text::lossy(part(text, 0, equals).trim_ascii());
            let name = name.to_ascii_lowercase();
            let (name, suffix) = name.split_once('*').unwrap_or((&name, "-"));
            let spelling = match suffix {
                "-" => Spelling::Plain,
                "" => Spelling::Extended,
                _ => Spelling::Continued,
            };
            let behind = rest(text, equals.plus(1));
            let value_start = end.less(behind.trim_ascii_start().len());
            let value_end = value_start.plus(behind.trim_ascii().len());
            let piece = Piece {
                before: start.less(1),
                start: start.plus(text.len().less(text.trim_ascii_start().len())),
                value_start,
                end: value_end,
                value: part(value, value_start, value_end),
                is_encoded: suffix.is_empty() || suffix.ends_with('*'),
            };
            let begun = parameters.iter_mut().find(|known| {
                spelling == Spelling::Continued && known.spelling == spelling && known.name == name
            });
            match begun {
                Some(begun) => begun.pieces.push(piece),
                None => parameters.push(Parameter {
                    name: name.to_owned(),
                    spelling,
                    pieces: vec![piece],
                }),
            }
        }
        Self(parameters)
    }

    /// All parameters with this name.
    pub(super) fn named<'p>(&'p self, name: &str) -> impl Iterator<Item = &'p Parameter<'v>> {
        self.0
            .iter()
            .filter(move |parameter| parameter.name == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Parameter<'v>> {
        self.0.iter()
    }
}

impl Parameter<'_> {
    /// What it says. Browsers send `%22` for a quote, and others a backslash before it; a path of
    /// Windows has backslashes of its own.
    pub(super) fn text(&self) -> Vec<u8> {
        self.decoded(|byte| matches!(byte, b'"' | b'\\'))
    }

    /// What it says to readers that take every backslash for an escape (RFC 9110 section 5.6.4).
    pub(super) fn unescaped(&self) -> Vec<u8> {
        self.decoded(|_| true)
    }

    fn decoded(&self, is_escaped: impl Fn(u8) -> bool) -> Vec<u8> {
        let mut text = Vec::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            let value = piece.value;
            if let Some(inner) = value.strip_prefix(b"\"") {
                let mut position = 0;
                while position < inner.len() && at(inner, position) != b'"' {
                    let next = position.plus(1);
                    if at(inner, position) == b'\\'
                        && next < inner.len()
                        && is_escaped(at(inner, next))
                    {
                        position = next;
                    }
                    text.push(at(inner, position));
                    position = position.plus(1);
                }
            } else if piece.is_encoded {
                let prefix = if index == 0 { prefix_bytes(value) } else { 0 };
                text.extend(percent_decoded(rest(value, prefix)));
            } else {
                text.extend_from_slice(value);
            }
        }
        text.retain(|byte| !matches!(byte, b'\r' | b'\n'));
        text
    }

    /// The changes that make it say something else.
    pub(super) fn replaced(&self, text: &[u8]) -> Vec<Change> {
        let Some((first, others)) = self.pieces.split_first() else {
            return Vec::new();
        };
        if self.spelling == Spelling::Extended {
            let prefix = prefix_bytes(first.value);
            let mut spelled = Vec::with_capacity(text.len());
            for byte in text {
                if is_attribute(*byte) {
                    spelled.push(*byte);
                } else {
                    spelled.extend(format!("%{byte:02X}").into_bytes());
                }
            }
            return vec![(first.value_start.plus(prefix), first.end, spelled)];
        }
        let mut spelled = vec![b'"'];
        for byte in text {
            match byte {
                b'"' | b'\r' | b'\n' | b'\\' | b'%' => {
                    spelled.extend(format!("%{byte:02X}").into_bytes());
                }
                _ => spelled.push(*byte),
            }
        }
        spelled.push(b'"');
        if self.spelling == Spelling::Plain {
            return vec![(first.value_start, first.end, spelled)];
        }
        let whole = [self.name.as_bytes(), b"=", &spelled].concat();
        let gone = others
            .iter()
            .map(|piece| (piece.before, piece.end, Vec::new()));
        std::iter::once((first.start, first.end, whole))
            .chain(gone)
            .collect()
    }
}

/// Where the stretches behind semicolons are, outside of quoted strings.
fn pieces(value: &[u8]) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut in_quotes = false;
    let mut is_escaped = false;
    for (position, byte) in value.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_quotes => is_escaped = true,
            b'"' => in_quotes = !in_quotes,
            b';' if !in_quotes => {
                pieces.extend(start.map(|start| (start, position)));
                start = Some(position.plus(1));
            }
            _ => {}
        }
    }
    pieces.extend(start.map(|start| (start, value.len())));
    pieces
}

/// The length of `UTF-8'en'` before an extended value.
fn prefix_bytes(value: &[u8]) -> usize {
    let mut quotes = memchr::memchr_iter(b'\'', value);
    quotes.nth(1).map_or(0, |second| second.plus(1))
}

/// Whether the byte may stand unescaped in an extended value (`attr-char`, RFC 5987, section 3.2.1).
const fn is_attribute(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// A text without the encoding of its words (`=?utf-8?q?jane=40example.com?=`, RFC 2047); `None` if
/// it has none.
pub(super) fn words_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded: Vec<u8> = Vec::new();
    let mut ahead = text;
    let mut any = false;
    while let Some(start) = memchr::memmem::find(ahead, b"=?") {
        let Some((word, length)) = encoded_word(rest(ahead, start)) else {
            decoded.extend_from_slice(part(ahead, 0, start.plus(2)));
            ahead = rest(ahead, start.plus(2));
            continue;
        };
        // Space between two such words belongs to neither.
        let between = part(ahead, 0, start);
        if !any || !between.trim_ascii().is_empty() {
            decoded.extend_from_slice(between);
        }
        decoded.extend_from_slice(&word);
        any = true;
        ahead = rest(ahead, start.plus(length));
    }
    decoded.extend_from_slice(ahead);
    any.then_some(decoded)
}

/// The word that a text begins with, and how many bytes it has.
fn encoded_word(text: &[u8]) -> Option<(Cow<'_, [u8]>, usize)> {
    let inner = rest(text, 2);
    let charset_end = memchr::memchr(b'?', inner)?;
    let encoding = at(inner, charset_end.plus(1));
    let start = charset_end.plus(3);
    let encoded = rest(inner, start);
    let end = memchr::memmem::find(encoded, b"?=")?;
    let encoded = part(encoded, 0, end);
    let length = start.plus(end).plus(4);
    if at(inner, charset_end.plus(2)) != b'?' || charset_end > MAX_CHARSET_BYTES {
        return None;
    }
    let word = match encoding {
        b'B' | b'b' => {
            let engine = base64::engine::general_purpose::STANDARD;
            Cow::Owned(engine.decode(encoded).ok()?)
        }
        b'Q' | b'q' => {
            let mut word = Vec::with_capacity(encoded.len());
            let mut position = 0;
            while position < encoded.len() {
                let byte = at(encoded, position);
                let code = hexadecimal(part(encoded, position.plus(1), position.plus(3)));
                let code = code.filter(|_| byte == b'=');
                word.push(code.unwrap_or(if byte == b'_' { b' ' } else { byte }));
                position = position.plus(if code.is_some() { 3 } else { 1 });
            }
            Cow::Owned(word)
        }
        _ => return None,
    };
    Some((word, length))
}

const MAX_CHARSET_BYTES: usize = 40;
