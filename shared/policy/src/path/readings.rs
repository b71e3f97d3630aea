//! All the ways in which servers read one path.
//!
//! A server is a series of choices, in this order:
//!
//! 1. where the path ends: at a raw `?`, or also at a raw `#` or `;`;
//! 2. whether `//x/` in front names a host (the URL standard, Python's `urlsplit`), or is `/x/`;
//! 3. what is done on the wire, by a proxy in front and then by a parser of URLs: escaped slashes
//!    decoded, `\` as `/`, parameters cut off, empty segments merged, dot segments resolved, `%2e`
//!    among them or not, and merged again;
//! 4. what the server does: parameters cut off, the rest decoded, with `%2F` as a separator or
//!    within its segment, with or without the escapes that no client needs; then whether a `?` or
//!    `#` that was escaped ends the path, `\` as `/`, parameters cut off, empty segments merged, dots
//!    and blanks at the end of the path or of its segments dropped, dot segments resolved, segments that
//!    hold a session dropped;
//! 5. whether what is left of escapes is decoded again, by the application, and read as in 4.
//!
//! Every choice that makes a difference to the path at hand doubles the texts that it may be taken
//! for, and equal texts are one. So an ordinary path costs one look at each choice, and one that is
//! made to have very many readings is given up, [`PathError::TooAmbiguous`], after work that is
//! linear in its length.

use super::escapes::{is_unreserved, replace};
use super::{MAX_READINGS, PathError, Reading};

/// Adds the readings of `path`, which has no query, to those at hand.
pub(super) fn add_all(
    path: &str,
    readings: &mut Vec<Reading>,
    work: &mut Work,
) -> Result<(), PathError> {
    if path.len() > MAX_BYTES {
        return Err(PathError::TooAmbiguous);
    }
    // A server that takes `\\` for a character has no use for a path that begins with it.
    let mut text = path.as_bytes().to_vec();
    if let Some(first) = text.first_mut() {
        *first = b'/';
    }
    let mut texts = Texts {
        all: vec![text],
        work,
    };
    texts.branch(|text| [before(text, b"#"), before(text, b";")])?;
    // Each has an idea of its own: a proxy in front, and the parser of URLs in the server.
    on_the_wire(&mut texts)?;
    on_the_wire(&mut texts)?;
    texts.branch(|text| [without_parameters(text), without_last_parameters(text)])?;
    texts.decode_first()?;
    of_decoded(&mut texts)?;
    for _ in 0..levels_of_escapes(path)? {
        texts.branch(|text| [replace(text, Some), replace(text, within)])?;
        of_decoded(&mut texts)?;
    }
    for text in &texts.all {
        for wildcard_takes_empty in [false, true] {
            let reading = Reading::of_text(text, wildcard_takes_empty);
            let has_empty = reading.segments.iter().any(String::is_empty);
            if !readings.contains(&reading) && (has_empty || !wildcard_takes_empty) {
                readings.push(reading);
            }
        }
    }
    match readings.len() > MAX_READINGS {
        true => Err(PathError::TooAmbiguous),
        false => Ok(()),
    }
}

/// What a proxy in front of a server does with a path, or the parser of URLs within the server.
fn on_the_wire(texts: &mut Texts<'_>) -> Result<(), PathError> {
    texts.branch(|text| {
        [replace(text, |byte| {
            matches!(byte, b'/' | b'\\').then_some(byte)
        })]
    })?;
    texts.branch(|text| [without_host(text), without_netloc(text), one_in_front(text)])?;
    texts.branch(|text| [with_slashes(text)])?;
    texts.branch(|text| [without_parameters(text)])?;
    texts.branch(|text| [merged(text)])?;
    texts.branch(|text| [resolved(text, raw_dots), resolved(text, escaped_dots)])?;
    texts.branch(in_front)
}

/// What a server does with what it has decoded.
fn of_decoded(texts: &mut Texts<'_>) -> Result<(), PathError> {
    // A proxy in front may have decoded the `;` at which the server ends the path.
    texts.branch(|text| [before(text, b"?#"), before(text, b";")])?;
    // A server that minds both may do either first.
    texts.branch(|text| [without_parameters(text)])?;
    texts.branch(|text| [with_slashes(text)])?;
    texts.branch(|text| [without_parameters(text)])?;
    texts.branch(in_front)?;
    texts.branch(|text| {
        [
            trimmed(text),
            without_single_dots(text),
            with_trimmed_segments(text),
            without_blanks(text),
        ]
    })?;
    // What a proxy has decoded is an escape again to the server behind it.
    texts.branch(|text| [resolved(text, raw_dots), resolved(text, escaped_dots)])?;
    texts.branch(|text| [without_sessions(text, false), without_sessions(text, true)])
}

/// How empty segments are read: those in front may name a host.
fn in_front(text: &[u8]) -> [Option<Vec<u8>>; 4] {
    [
        merged(text),
        one_in_front(text),
        without_host(text),
        without_netloc(text),
    ]
}

/// How much text has been looked at, in all paths of a request.
#[derive(Default)]
pub(super) struct Work {
    bytes: usize,
}

impl Work {
    const fn add(&mut self, bytes: usize) -> Result<(), PathError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_WORK_BYTES {
            return Err(PathError::TooAmbiguous);
        }
        Ok(())
    }
}

/// The texts that a path may be taken for at some point of its way.
struct Texts<'w> {
    all: Vec<Vec<u8>>,
    work: &'w mut Work,
}

impl Texts<'_> {
    /// Keeps each text and what each of the changes makes of it.
    fn branch<const N: usize>(
        &mut self,
        change: impl Fn(&[u8]) -> [Option<Vec<u8>>; N],
    ) -> Result<(), PathError> {
        self.work.add(self.all.iter().map(Vec::len).sum())?;
        let changed: Vec<Vec<u8>> = self
            .all
            .iter()
            .flat_map(|text| change(text).into_iter().flatten())
            .collect();
        for text in changed {
            self.add(text)?;
        }
        Ok(())
    }

    fn add(&mut self, text: Vec<u8>) -> Result<(), PathError> {
        if self.all.contains(&text) {
            return Ok(());
        }
        if self.all.len() >= MAX_TEXTS {
            return Err(PathError::TooAmbiguous);
        }
        self.all.push(text);
        Ok(())
    }

    /// Decodes each text in the ways of servers. Unlike in [`Texts::branch`], what a server decodes
    /// is not there before, so no text stays that has something to decode.
    fn decode_first(&mut self) -> Result<(), PathError> {
        let needed = |byte| !is_unreserved(byte);
        for text in std::mem::take(&mut self.all) {
            let decoded = [
                replace(&text, Some),
                replace(&text, within),
                replace(&text, |byte| needed(byte).then_some(byte)),
                replace(&text, |byte| needed(byte).then_some(within(byte)?)),
            ];
            self.work.add(text.len().saturating_mul(decoded.len()))?;
            for decoded in decoded {
                self.add(decoded.unwrap_or_else(|| text.clone()))?;
            }
        }
        Ok(())
    }
}

/// How many times what was decoded once can be decoded again.
fn levels_of_escapes(path: &str) -> Result<usize, PathError> {
    let mut levels = 0_usize;
    let mut text = replace(path.as_bytes(), Some);
    while let Some(decoded) = text {
        text = replace(&decoded, Some);
        levels = levels.saturating_add(usize::from(text.is_some()));
        if levels > MAX_LEVELS {
            return Err(PathError::TooAmbiguous);
        }
    }
    Ok(levels)
}

impl Reading {
    fn of_text(text: &[u8], wildcard_takes_empty: bool) -> Self {
        let mut segments: Vec<String> = text
            .split(|byte| *byte == b'/')
            .skip(1)
            .map(|segment| {
                let slash = |byte: &u8| if *byte == SLASH_WITHIN { b'/' } else { *byte };
                crate::text::lossy(&segment.iter().map(slash).collect::<Vec<u8>>()).into_owned()
            })
            .collect();
        while segments.last().is_some_and(String::is_empty) {
            segments.pop();
        }
        Self {
            wildcard_takes_empty,
            ..Self::new(segments)
        }
    }
}

/// What comes before the first of these bytes.
fn before(text: &[u8], ends: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().position(|byte| ends.contains(byte))?;
    text.get(..end).map(<[u8]>::to_vec)
}

/// The path of `//host/path` as the URL standard reads it: any number of slashes of either kind,
/// then a host.
fn without_host(text: &[u8]) -> Option<Vec<u8>> {
    let is_slash = |byte: &u8| matches!(byte, b'/' | b'\\');
    let slashes = text.iter().position(|byte| !is_slash(byte))?;
    (slashes > 1).then(|| after_host(text, slashes, is_slash))
}

/// As Python's `urlsplit` reads it: two slashes, then a host, which may be empty.
fn without_netloc(text: &[u8]) -> Option<Vec<u8>> {
    text.starts_with(b"//")
        .then(|| after_host(text, 2, |byte| *byte == b'/'))
}

fn after_host(text: &[u8], host: usize, is_slash: impl Fn(&u8) -> bool) -> Vec<u8> {
    let rest = text.get(host..).unwrap_or_default();
    let path = rest.iter().position(is_slash);
    path.and_then(|start| rest.get(start..))
        .unwrap_or(b"/")
        .to_vec()
}

fn with_slashes(text: &[u8]) -> Option<Vec<u8>> {
    let slash = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
    text.contains(&b'\\')
        .then(|| text.iter().map(slash).collect())
}

/// Without the parameters of all segments (Java: RFC 3986 section 3.3 leaves them to the server).
fn without_parameters(text: &[u8]) -> Option<Vec<u8>> {
    if !text.contains(&b';') {
        return None;
    }
    let names = text.split(|byte| *byte == b'/').map(|segment| {
        segment
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or(segment)
    });
    Some(joined(names))
}

/// Without the parameters of the last segment (Python's `urlparse`).
fn without_last_parameters(text: &[u8]) -> Option<Vec<u8>> {
    let last = text.split(|byte| *byte == b'/').next_back()?;
    let parameters = last
        .len()
        .checked_sub(last.iter().position(|byte| *byte == b';')?)?;
    let end = text.len().checked_sub(parameters)?;
    text.get(..end).map(<[u8]>::to_vec)
}

/// Without the segments that ASP.NET takes for the session or ticket of a client without cookies, as `(S(x))`, or
/// without the last one of them.
fn without_sessions(text: &[u8], last_only: bool) -> Option<Vec<u8>> {
    if !text.windows(2).any(|pair| pair == b"/(") {
        return None;
    }
    let segments: Vec<&[u8]> = text.split(|byte| *byte == b'/').collect();
    let last = segments.iter().rposition(|segment| is_session(segment))?;
    let kept = segments
        .iter()
        .enumerate()
        .filter(|(place, segment)| *place != last && (last_only || !is_session(segment)));
    Some(joined(kept.map(|(_, segment)| *segment)))
}

/// Whether a segment is parentheses around a series of a capital letter with parentheses of its own.
fn is_session(segment: &[u8]) -> bool {
    let inner = segment.strip_prefix(b"(");
    let Some(mut rest) = inner.and_then(|inner| inner.strip_suffix(b")")) else {
        return false;
    };
    let is_some = !rest.is_empty();
    while let [letter, b'(', value @ ..] = rest {
        let end = value.iter().position(|byte| matches!(byte, b'(' | b')'));
        match end.and_then(|end| value.get(end..)) {
            Some([b')', behind @ ..]) if letter.is_ascii_uppercase() => rest = behind,
            _ => return false,
        }
    }
    is_some && rest.is_empty()
}

/// Without empty segments, but for one at the end.
fn merged(text: &[u8]) -> Option<Vec<u8>> {
    if !text.windows(2).any(|pair| pair == b"//") {
        return None;
    }
    let mut merged = Vec::with_capacity(text.len());
    let mut before = 0;
    for byte in text {
        if *byte != b'/' || before != b'/' {
            merged.push(*byte);
        }
        before = *byte;
    }
    Some(merged)
}

/// Without dots and blanks at its end (Caddy), and without the slashes after them (Windows).
fn trimmed(text: &[u8]) -> Option<Vec<u8>> {
    let open = before_last(text, |byte| *byte == b'/');
    let kept = before_last(open, is_trimmed);
    (kept.len() < open.len()).then(|| kept.to_vec())
}

/// Without the one dot at the end of a segment, and without all dots and blanks at the end of the
/// path (Windows).
fn without_single_dots(text: &[u8]) -> Option<Vec<u8>> {
    if !text.contains(&b'.') {
        return None;
    }
    let names = text.split(|byte| *byte == b'/').map(|name| {
        name.strip_suffix(b".")
            .filter(|before| !before.ends_with(b"."))
            .unwrap_or(name)
    });
    let without = joined(names);
    let without = trimmed(&without).unwrap_or(without);
    (without.len() < text.len()).then_some(without)
}

/// Without dots and blanks at the end of each segment. One in the middle with nothing else in it is a
/// name.
fn with_trimmed_segments(text: &[u8]) -> Option<Vec<u8>> {
    if !text.iter().any(is_trimmed) {
        return None;
    }
    let segments = text.split(|byte| *byte == b'/').map(|segment| {
        let kept = before_last(segment, is_trimmed);
        if kept.is_empty() { segment } else { kept }
    });
    let trimmed = joined(segments);
    let kept = before_last(&trimmed, |byte| is_trimmed(byte) || *byte == b'/');
    (kept.len() < text.len()).then(|| kept.to_vec())
}

/// `text` up to the last byte for which `is_left_off` does not hold.
fn before_last(text: &[u8], is_left_off: impl Fn(&u8) -> bool) -> &[u8] {
    let kept = text.iter().rposition(|byte| !is_left_off(byte));
    kept.and_then(|last| text.get(..=last)).unwrap_or_default()
}

const fn is_trimmed(byte: &u8) -> bool {
    matches!(byte, b'.' | b' ')
}

/// Without blanks around segments, and without segments of nothing else (Spring before 4.3).
fn without_blanks(text: &[u8]) -> Option<Vec<u8>> {
    if !text.contains(&b' ') {
        return None;
    }
    let segments = text.split(|byte| *byte == b'/');
    let kept = segments.filter(|segment| segment.is_empty() || !segment.trim_ascii().is_empty());
    let without = joined(kept.map(<[u8]>::trim_ascii));
    (without.len() < text.len()).then_some(without)
}

/// With one slash in front for any number of them (Python's `http.server`).
fn one_in_front(text: &[u8]) -> Option<Vec<u8>> {
    let slashes = text.iter().position(|byte| *byte != b'/')?;
    (slashes > 1).then(|| text.get(slashes.saturating_sub(1)..).map(<[u8]>::to_vec))?
}

/// Moves along dot segments (RFC 3986 section 5.2.4). `..` takes back an empty segment like any
/// other, and nothing at the top.
fn resolved(text: &[u8], dots: fn(&[u8]) -> Dots) -> Option<Vec<u8>> {
    let may_move = |pair: &[u8]| matches!(pair, b"/." | b"/%");
    if !text.windows(2).any(may_move) {
        return None;
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut moved = false;
    let mut ends_open = false;
    for segment in text.split(|byte| *byte == b'/').skip(1) {
        let dots = dots(segment);
        ends_open = dots != Dots::No;
        moved |= ends_open;
        match dots {
            Dots::Here => {}
            Dots::Up => {
                kept.pop();
            }
            Dots::No => kept.push(segment),
        }
    }
    if ends_open {
        kept.push(b"");
    }
    let root: &[u8] = b"";
    moved.then(|| joined(std::iter::once(root).chain(kept)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dots {
    No,
    /// The segment `.`.
    Here,
    /// The segment `..`.
    Up,
}

fn raw_dots(segment: &[u8]) -> Dots {
    match segment {
        b"." => Dots::Here,
        b".." => Dots::Up,
        _ => Dots::No,
    }
}

/// Dot segments as the URL standard knows them: each dot may be escaped.
fn escaped_dots(segment: &[u8]) -> Dots {
    // Six bytes are the longest: `%2e%2e`.
    if segment.len() > 6 {
        return Dots::No;
    }
    match replace(segment, |byte| (byte == b'.').then_some(byte)) {
        Some(decoded) => raw_dots(&decoded),
        None => raw_dots(segment),
    }
}

fn joined<'t>(segments: impl Iterator<Item = &'t [u8]>) -> Vec<u8> {
    let mut text = Vec::new();
    for (place, segment) in segments.enumerate() {
        if place > 0 {
            text.push(b'/');
        }
        text.extend_from_slice(segment);
    }
    text
}

/// An escape that is decoded, but does not separate.
#[expect(
    clippy::unnecessary_wraps,
    reason = "what is replaced and by what is one question"
)]
const fn within(byte: u8) -> Option<u8> {
    Some(if byte == b'/' { SLASH_WITHIN } else { byte })
}

/// A slash within a segment. No path has this byte: it is in no UTF-8.
const SLASH_WITHIN: u8 = 0xff;

/// A longer path that servers may disagree about is not looked at.
const MAX_BYTES: usize = 2048;

/// The texts that a path may be taken for at most.
const MAX_TEXTS: usize = MAX_READINGS;

/// How much text is looked at for one request at most. Honest paths need a twentieth of it.
const MAX_WORK_BYTES: usize = 256 * 1024;

/// How many times what was decoded may be decoded again.
const MAX_LEVELS: usize = 2;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
