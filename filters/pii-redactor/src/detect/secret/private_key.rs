//! PRIVATE_KEY: a private key in PEM.

use super::{Class, Runs};
use crate::bytes::{before, count_while, rest};
use crate::detect::prelude::*;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The end of a key whose `-----BEGIN` is at `start`: the line that begins it, and what follows as far
/// as that is lines of base64. A sentence that only names the line takes nothing else with it.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let body = read(text, start)?;
    // The other half of a line end.
    let is_cut = !body.is_over && at(text, body.end) == b'\r' && body.end.plus(1) == text.len();
    Some(body.end.plus(usize::from(is_cut)))
}

/// The end of a key in PEM that is in base64 once more, as `data` of Secrets of Kubernetes and `client-key-data` are.
pub(crate) fn base64_end(runs: &mut Runs<'_>, start: usize, _: &[u8]) -> Option<usize> {
    let run = runs.at(Class::Base64, start);
    let head = part(
        runs.text(),
        start,
        run.end.min(start.plus(FIRST_LINE_BYTES)),
    );
    if !runs.may_decode(head.len()) {
        return Some(run.end);
    }
    let line = STANDARD.decode(part(head, 0, head.len() & !3)).ok()?;
    memchr::memmem::find(&line, b"PRIVATE KEY").map(|_| run.end)
}

/// Enough of the first line of a key in base64 to say what it is.
const FIRST_LINE_BYTES: usize = 64;

/// Reads a key from its first line on.
pub(crate) fn read(text: &[u8], start: usize) -> Option<Body> {
    let line = part(text, start, start.plus(64));
    let name = line.strip_prefix(b"-----BEGIN ")?;
    let label = count_while(name, 0, |byte| byte != b'-');
    let label_text = part(name, 0, label);
    if !label_text.ends_with(b"PRIVATE KEY") && !label_text.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let dashes = start.plus(11).plus(label);
    let body = dashes.plus(count_while(part(text, 0, dashes.plus(5)), dashes, |byte| {
        byte == b'-'
    }));
    Some(go_on(text, body, Line::Short))
}

/// Whether more of a key may follow a match that ends with the text.
pub(crate) fn is_open(text: &[u8], start: usize, end: usize) -> bool {
    // The line that ends a key has five dashes at its end, and a word before them.
    let line = part(text, end.less(MAX_END_LINE_BYTES).max(start), end);
    let closed = before(text, end) == b'-' && memchr::memmem::rfind(line, END).is_some();
    !closed
}

/// What the last line of a key was: only behind a long line a short one may be its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Line {
    /// The line that begins the key, a header, or a line that may be the last.
    #[default]
    Short,
    /// A full line of base64.
    Long,
}

/// How far a key goes in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    /// The end of what belongs to the key.
    pub(crate) end: usize,
    /// The form of its last line so far.
    pub(crate) line: Line,
    /// It ends here: its last line was read, or something else follows.
    pub(crate) is_over: bool,
}

/// Reads a key on from a place in a text, behind a line of this kind.
pub(crate) fn go_on(text: &[u8], from: usize, mut line: Line) -> Body {
    let mut end = from;
    let mut position = from;
    loop {
        let mut blanks = blank_length(text, position);
        while blanks > 0 {
            position = position.plus(blanks);
            blanks = blank_length(text, position);
        }
        if position >= text.len() {
            // Blanks at the end of a line do not end the key.
            let end = if end == from && line == Line::Long {
                end
            } else {
                text.len()
            };
            return Body {
                end,
                line,
                is_over: false,
            };
        }
        if position.less(end) > MAX_UNSURE_BYTES {
            return Body {
                end,
                line,
                is_over: true,
            };
        }
        if part(text, position, position.plus(END.len())) == END {
            let end = closing_line(text, position);
            return Body {
                end,
                line,
                is_over: true,
            };
        }
        if let Some(header) = header_length(text, position) {
            position = position.plus(header);
            (end, line) = (position, Line::Short);
            continue;
        }
        let length = count_while(text, position, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
        });
        let behind = position.plus(length);
        let closes = part(text, behind, behind.plus(END.len())) == END;
        let is_line = behind >= text.len() || closes || blank_length(text, behind) > 0;
        // What is written right behind the first line can only be the key.
        let is_first = position == from && from > 0 && before(text, from) == b'-';
        let belongs = length >= LONG_LINE_BYTES || is_line && line == Line::Long || is_first;
        if length == 0 || !is_line && !belongs {
            return Body {
                end,
                line,
                is_over: true,
            };
        }
        position = behind;
        if !belongs {
            // Words look like short lines, unless the end of a key follows.
            continue;
        }
        line = if length >= LONG_LINE_BYTES {
            Line::Long
        } else {
            Line::Short
        };
        end = position;
    }
}

/// A blank, a line end, one that is spelled `\n`, also in a string in a string, or `<br>`, and what quotes or comments begin
/// lines with.
fn blank_length(text: &[u8], position: usize) -> usize {
    match at(text, position) {
        b' ' | b'\t' | b'\r' | b'\n' | b'>' | b'#' | b'*' | b'|' => 1,
        b'\\' => {
            let ahead = part(text, position, position.plus(8));
            let signs = count_while(ahead, 0, |byte| byte == b'\\');
            let is_end = matches!(at(ahead, signs), b'n' | b'r');
            if is_end { signs.plus(1) } else { 0 }
        }
        b'<' => {
            let ahead = part(text, position, position.plus(6)).to_ascii_lowercase();
            let tags = [&b"<br>"[..], b"<br/>", b"<br />"];
            let tag = tags.iter().find(|tag| ahead.starts_with(tag));
            tag.map_or(0, |tag| tag.len())
        }
        _ => 0,
    }
}

/// The length of a header of a key (RFC 1421, RFC 9580).
fn header_length(text: &[u8], position: usize) -> Option<usize> {
    let ahead = part(text, position, position.plus(MAX_HEADER_BYTES));
    let is_header = HEADERS.iter().any(|name| ahead.starts_with(name));
    is_header.then(|| {
        count_while(ahead, 0, |byte| {
            !matches!(byte, b'\r' | b'\n' | b'\\' | b'"' | b'<')
        })
    })
}

/// Behind the dashes that close the line at `end_mark`.
fn closing_line(text: &[u8], end_mark: usize) -> usize {
    let name = end_mark.plus(END.len());
    let label = count_while(part(text, 0, name.plus(48)), name, |byte| {
        byte.is_ascii_alphanumeric() || byte == b' '
    });
    let dashes = count_while(rest(text, 0), name.plus(label), |byte| byte == b'-').min(5);
    name.plus(label).plus(dashes)
}

const END: &[u8] = b"-----END ";
const HEADERS: [&[u8]; 5] = [
    b"Proc-Type:",
    b"DEK-Info:",
    b"Version:",
    b"Comment:",
    b"Hash:",
];
const MAX_HEADER_BYTES: usize = 128;
/// PEM has lines of 64, other tools write 76 or all in one.
const LONG_LINE_BYTES: usize = 40;
/// So much of blanks and short lines is read on, in case the end of a key follows.
const MAX_UNSURE_BYTES: usize = 2048;
const MAX_END_LINE_BYTES: usize = 64;
