//! Request paths as rules see them, so that no spelling walks around a rule.
//!
//! Proxies, frameworks and file systems disagree on what a path says: whether `%2F` separates,
//! whether `;x` belongs to a segment, whether `//` is `/`, how often to decode. A filter that picks
//! one reading is walked around by a spelling that its upstream reads differently. So a
//! [`RequestPath`] holds every plausible reading of the path (nearly always exactly one), and
//! [`crate::matching`] decides only when all readings lead to the same rule.
//!
//! The readings, beside the spelling that all agree on:
//! - *canonical*: decoded once, `\` and encoded separators separate, `;params` dropped, empty
//!   segments dropped, dot segments resolved (RFC 3986 section 5.2.4);
//! - *literal*: only a raw `/` separates, parameters stay, and an encoded dot is no dot segment;
//! - *half-way*: decoded, but separators that were encoded do not separate;
//! - *decoded again*, for upstreams that decode what is decoded already.
//!
//! What no reading can make sense of (a broken escape, a control character, bytes that are not
//! UTF-8, no leading slash) is an [`PathError`], which authentication refuses.

mod pattern;

pub use pattern::{PathPattern, PatternError};

/// A request path, in all its readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    readings: Vec<Reading>,
}

/// One way to read a path: its segments, without empty ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    segments: Vec<String>,
}

impl RequestPath {
    /// Reads the value of `:path`, with or without query.
    ///
    /// # Errors
    /// The path cannot be read at all; see [`PathError`].
    pub fn parse(raw: &[u8]) -> Result<Self, PathError> {
        let raw = std::str::from_utf8(raw).map_err(|_| PathError::NotUtf8)?;
        let path = without_query(without_origin(raw));
        if path == "*" {
            // OPTIONS * (RFC 9110 section 9.3.7) is about the server, not about a path.
            return Ok(Self {
                readings: vec![Reading {
                    segments: vec!["*".to_owned()],
                }],
            });
        }
        if !path.starts_with(['/', '\\']) {
            return Err(PathError::NotAbsolute);
        }
        if is_plain(path) {
            return Ok(Self {
                readings: vec![Reading::resolve(path.split('/').map(str::to_owned), false)],
            });
        }
        let canonical = Reading::canonical(&decode(path)?);
        let mut readings = vec![canonical];
        if is_ambiguous(path) {
            let mut also = |reading: Reading| {
                if !readings.contains(&reading) {
                    readings.push(reading);
                }
            };
            also(Reading::literal(path)?);
            also(Reading::half_way(path)?);
            also(Reading::canonical(&decode_again(path)?));
        }
        Ok(Self { readings })
    }

    /// The readings, the canonical one first.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The canonical reading as text, for records and logs: `/a/b`.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.readings
            .first()
            .map_or_else(String::new, Reading::to_text)
    }
}

impl Reading {
    /// The segments, decoded.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    fn to_text(&self) -> String {
        if self.segments.is_empty() {
            return "/".to_owned();
        }
        self.segments
            .iter()
            .flat_map(|segment| ["/", segment.as_str()])
            .collect()
    }

    /// Of a decoded path: both slashes separate, parameters go, empty segments do not count.
    fn canonical(decoded: &str) -> Self {
        let segments = decoded
            .split(['/', '\\'])
            .map(|segment| without_parameters(segment).to_owned());
        Self::resolve(segments, false)
    }

    /// Only the bytes on the wire count: a raw slash separates, a raw dot segment moves, the rest
    /// is decoded afterwards.
    fn literal(path: &str) -> Result<Self, PathError> {
        let raw = Self::resolve(path.split('/').map(str::to_owned), true);
        let segments = raw
            .segments
            .iter()
            .map(|segment| decode(segment))
            .collect::<Result<_, _>>();
        Ok(Self {
            segments: segments?,
        })
    }

    /// Decoded before dot segments move, but only a raw slash separates; parameters do not count.
    fn half_way(path: &str) -> Result<Self, PathError> {
        let segments: Vec<String> = path
            .split('/')
            .map(|segment| decode(without_parameters(segment)))
            .collect::<Result<_, _>>()?;
        Ok(Self::resolve(segments.into_iter(), false))
    }

    /// Moves along dot segments. With `empties`, an empty segment is one that `..` takes back.
    fn resolve(segments: impl Iterator<Item = String>, empties: bool) -> Self {
        let mut resolved: Vec<String> = Vec::new();
        // What stands before the first slash is no segment.
        for segment in segments.skip(1) {
            match segment.as_str() {
                "." => {}
                ".." => {
                    resolved.pop();
                }
                "" if !empties => {}
                _ => resolved.push(segment),
            }
        }
        resolved.retain(|segment| !segment.is_empty());
        Self { segments: resolved }
    }
}

/// Why a path cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The request has no `:path` (CONNECT).
    #[error("the request has no path")]
    Missing,
    /// Neither `/...` nor `*` nor an absolute URI.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// `%` without two hexadecimal digits.
    #[error("the path has a broken percent-escape")]
    BrokenEscape,
    /// A control character, raw or encoded.
    #[error("the path has a control character")]
    ControlCharacter,
    /// Bytes that are not UTF-8, raw or encoded: overlong forms hide characters.
    #[error("the path is not UTF-8")]
    NotUtf8,
}

impl PathError {
    /// A stable code for metrics, decisions and problem types.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "path_missing",
            Self::NotAbsolute => "path_not_absolute",
            Self::BrokenEscape => "path_broken_escape",
            Self::ControlCharacter => "path_control_character",
            Self::NotUtf8 => "path_not_utf8",
        }
    }
}

/// `http://host/path` as `/path` (RFC 9112 section 3.2.2).
fn without_origin(raw: &str) -> &str {
    let Some((scheme, rest)) = raw.split_once("://") else {
        return raw;
    };
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return raw;
    }
    match rest
        .find(['/', '\\'])
        .and_then(|slash| rest.split_at_checked(slash))
    {
        Some((_, path)) => path,
        None => "/",
    }
}

fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or(segment)
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

/// Whether servers may disagree on `path`. Nearly no path is.
fn is_ambiguous(path: &str) -> bool {
    path.contains([';', '\\', '%']) || path.contains("//")
}

/// Whether there is nothing in `path` to decode, to refuse or to disagree about: letters, digits,
/// single slashes and a few more, as in nearly all paths.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let doubled = byte == b'/' && before == b'/';
        before = byte;
        !doubled && (byte.is_ascii_alphanumeric() || b"/-_.~@:,+=!$&'()*".contains(&byte))
    })
}

/// Decodes percent-escapes once (RFC 3986 section 2.1).
fn decode(text: &str) -> Result<String, PathError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let high = rest
                .next()
                .and_then(hexadecimal)
                .ok_or(PathError::BrokenEscape)?;
            let low = rest
                .next()
                .and_then(hexadecimal)
                .ok_or(PathError::BrokenEscape)?;
            (high << 4) | low
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

/// Decodes until nothing is left to decode. A text that is no escape after the first decoding
/// (`100%25` is `100%`) stays as it is: only the first decoding can fail.
fn decode_again(text: &str) -> Result<String, PathError> {
    // Each decoding shortens the text, so this ends; the cap bounds the work on a long chain.
    const MAX_DECODINGS: usize = 8;
    let mut decoded = decode(text)?;
    for _ in 0..MAX_DECODINGS {
        match decode(&decoded) {
            Ok(again) if again != decoded => decoded = again,
            _ => break,
        }
    }
    Ok(decoded)
}

const fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit & 0x0f),
        b'a'..=b'f' | b'A'..=b'F' => Some((digit & 0x0f).wrapping_add(9)),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
