//! The delimiter and the headers of a part: taken apart line by line, and searched. The headers are
//! members as those of a message are; parameters of `content-type` and `content-disposition` are
//! searched one by one.

use std::borrow::Cow;

use super::parameters::{Change, Parameters, words_decoded};
use crate::bytes::{Position as _, before, part, rest};
use crate::headers;
use crate::lexicon::Announcement;
use crate::plan::Plan;
use crate::spelled::searched;
use crate::tally::Tally;

/// A stretch of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A line of a head, with those that continue it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A header: its name in lower case, and where its value is.
    Header { name: String, value: Stretch },
    /// What is behind a delimiter, or no header at all.
    Other(Stretch),
}

impl Stretch {
    /// The text, with a space where a line is continued.
    pub(super) fn unfolded(self, head: &[u8]) -> Vec<u8> {
        let text = part(head, self.start, self.end);
        text.iter()
            .filter(|byte| !matches!(byte, b'\r' | b'\n'))
            .copied()
            .collect()
    }
}

/// The lines of a head; one that begins with a space goes on with the one before.
pub(super) fn lines(head: &[u8], delimiter: &[u8]) -> Vec<Line> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut start = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let end = start.plus(line.trim_ascii_end().len());
        match stretches.last_mut() {
            // The line of the delimiter is continued by nothing.
            Some(last)
                if matches!(line.first(), Some(b' ' | b'\t'))
                    && stretches_a_header(head, *last, delimiter) =>
            {
                last.end = end;
            }
            _ => stretches.push(Stretch { start, end }),
        }
        start = start.plus(line.len());
    }
    stretches
        .into_iter()
        .filter(|stretch| stretch.start < stretch.end)
        .map(|stretch| {
            let text = part(head, stretch.start, stretch.end);
            if let Some(behind) = text.strip_prefix(delimiter) {
                return Line::Other(Stretch {
                    start: stretch.end.less(behind.len()),
                    end: stretch.end,
                });
            }
            let Some(colon) = memchr::memchr(b':', text) else {
                return Line::Other(stretch);
            };
            let name = part(text, 0, colon).trim_ascii();
            let value = rest(text, colon.plus(1));
            Line::Header {
                name: policy::text::lossy(name).to_ascii_lowercase(),
                value: Stretch {
                    start: stretch.end.less(value.trim_ascii_start().len()),
                    end: stretch.end,
                },
            }
        })
        .collect()
}

fn stretches_a_header(head: &[u8], last: Stretch, delimiter: &[u8]) -> bool {
    let text = part(head, last.start, last.end);
    !text.is_empty() && !text.starts_with(delimiter)
}

/// Whether a head can be read in one way only: its delimiter has nothing behind it, and its lines all
/// end alike.
pub(super) fn is_unambiguous(head: &[u8], delimiter: &[u8]) -> bool {
    let behind = memchr::memmem::find(head, delimiter).map_or(0, |at| at.plus(delimiter.len()));
    let line_end = memchr::memchr(b'\n', rest(head, behind)).unwrap_or(0);
    let has_nothing_behind = part(head, behind, behind.plus(line_end))
        .trim_ascii()
        .is_empty();
    let ends = memchr::memchr_iter(b'\n', head).map(|end| before(head, end) == b'\r');
    let mut ends = ends.peekable();
    let first = ends.peek().copied();
    has_nothing_behind && ends.all(|end| Some(end) == first)
}

/// A head with what takes the place of matches in it.
pub(super) fn searched_head<'h>(
    head: &'h [u8],
    delimiter: &[u8],
    plan: &Plan,
    offset: u64,
    tally: &mut Tally,
) -> Cow<'h, [u8]> {
    let mut new: Vec<u8> = Vec::new();
    let mut copied = 0;
    let mut replace = |start: usize, end: usize, text: &[u8]| {
        new.extend_from_slice(part(head, copied, start));
        new.extend_from_slice(text);
        copied = end;
    };
    for line in lines(head, delimiter) {
        match line {
            Line::Other(stretch) => {
                let text = part(head, stretch.start, stretch.end);
                let nothing = Announcement::default();
                if let Some(text) = searched(plan, text, &nothing, offset, tally) {
                    replace(stretch.start, stretch.end, &text);
                }
            }
            Line::Header { name, value } => match name.as_str() {
                // They say how the part is read, and nothing about anybody.
                "content-transfer-encoding" | "content-length" | "mime-version" => {}
                "content-type" | "content-disposition" => {
                    let text = part(head, value.start, value.end);
                    for (start, end, new) in searched_parameters(text, plan, offset, tally) {
                        replace(value.start.plus(start), value.start.plus(end), &new);
                    }
                }
                _ => {
                    let text = value.unfolded(head);
                    let decoded = words_decoded(&text);
                    let decoded = decoded.as_deref().unwrap_or(&text);
                    match headers::redacted(plan, &name, decoded, tally) {
                        Some(kept) if kept == decoded => {}
                        Some(changed) => replace(value.start, value.end, &single_line(&changed)),
                        None => {
                            // With its name and the end of its line.
                            let before = part(head, 0, value.start);
                            let start = line_start(before, &name);
                            let end = memchr::memchr(b'\n', rest(head, value.end))
                                .map_or(head.len(), |end| value.end.plus(end).plus(1));
                            replace(start, end, b"");
                        }
                    }
                }
            },
        }
    }
    if copied == 0 {
        return Cow::Borrowed(head);
    }
    new.extend_from_slice(rest(head, copied));
    Cow::Owned(new)
}

/// Where the line of a header begins whose value is behind this.
fn line_start(before: &[u8], name: &str) -> usize {
    let lower = before.to_ascii_lowercase();
    let place = memchr::memmem::rfind(&lower, name.as_bytes()).unwrap_or(before.len());
    memchr::memrchr(b'\n', part(before, 0, place)).map_or(0, |end| end.plus(1))
}

/// What takes the place of parameters in which something is found, in order.
fn searched_parameters(value: &[u8], plan: &Plan, offset: u64, tally: &mut Tally) -> Vec<Change> {
    let mut changes = Vec::new();
    for parameter in Parameters::of(value).iter() {
        // What the name of a field announces is about its value, and a file has any name.
        let announcement = match parameter.name.as_str() {
            "boundary" | "charset" => continue,
            "name" | "filename" => Announcement::default(),
            name => plan.field_info(name.as_bytes()).announcement(),
        };
        let text = parameter.text();
        let unescaped = parameter.unescaped();
        let other = Some(unescaped).filter(|other| *other != text);
        let new = [Some(text), other].into_iter().flatten().find_map(|text| {
            let text = words_decoded(&text).unwrap_or(text);
            searched(plan, &text, &announcement, offset, tally)
        });
        changes.extend(new.into_iter().flat_map(|new| parameter.replaced(&new)));
    }
    policy::sort::by_key(&mut changes, |(start, ..)| *start);
    changes
}

/// A text without ends of lines, which would end the header.
fn single_line(text: &[u8]) -> Vec<u8> {
    let is_end = |byte: u8| matches!(byte, b'\r' | b'\n');
    text.iter()
        .map(|byte| if is_end(*byte) { b' ' } else { *byte })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::plan_of;

    const DELIMITER: &[u8] = b"--b";

    #[test]
    fn lines_of_a_head() {
        let head = b"\r\n--b \r\nX-A : 1\r\nY: a;\r\n b=c\r\nno header\r\n\r\n";
        let texts: Vec<(String, Vec<u8>)> = lines(head, DELIMITER)
            .into_iter()
            .map(|line| match line {
                Line::Header { name, value } => (name, value.unfolded(head)),
                Line::Other(stretch) => (String::new(), stretch.unfolded(head)),
            })
            .collect();
        let text = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        assert_eq!(
            texts,
            [
                text("", ""),
                text("x-a", "1"),
                text("y", "a; b=c"),
                text("", "no header"),
            ]
        );
    }

    #[test]
    fn heads_that_readers_may_take_apart_differently() {
        for (head, expected) in [
            (&b"--b\r\nA: 1\r\n\r\n"[..], true),
            (b"\r\n--b \t\r\n\r\n", true),
            (b"--b\nA: 1\n\n", true),
            (b"--bcd\r\nA: 1\r\n\r\n", false),
            (b"--b\r\nA: 1\n\r\n", false),
            (b"--b\nA: 1\r\n\r\n", false),
        ] {
            let text = String::from_utf8_lossy(head);
            assert_eq!(is_unambiguous(head, DELIMITER), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_in_headers_is_found() {
        let plan = plan_of(
            r#"{"rules":[{"detect":["EMAIL","US_SSN","CREDIT_CARD"],"fields":[{"name":"x-secret","action":"remove"}]}]}"#,
        );
        for (header, expected) in [
            (
                "Content-Description: of jane@example.com",
                "Content-Description: of [EMAIL]",
            ),
            ("Content-ID: <jane@example.com>", "Content-ID: <[EMAIL]>"),
            ("X-SSN: 536228145", "X-SSN: [US_SSN]"),
            ("x-any: a\r\n\tjane@example.com", "x-any: a\t[EMAIL]"),
            ("X-Secret: 1\r\nA: 2", "A: 2"),
            ("A: 2\r\nX-Secret: 1", "A: 2"),
            ("jane@example.com", "[EMAIL]"),
            ("X: =?utf-8?q?jane=40example.com?= x", "X: [EMAIL] x"),
            ("X: =?UTF-8?B?amFuZUBleGFtcGxlLmNvbQ==?=", "X: [EMAIL]"),
            ("X: =?utf-8?q?harmless=40?=", "X: =?utf-8?q?harmless=40?="),
            (
                "Content-Type: text/plain; name=\"jane@example.com\"; charset=utf-8",
                "Content-Type: text/plain; name=\"[EMAIL]\"; charset=utf-8",
            ),
            (
                "Content-Type: text/plain; ssn=536228145",
                "Content-Type: text/plain; ssn=\"[US_SSN]\"",
            ),
            (
                "Content-Disposition: form-data; name=\"jane@example.com\"; filename=\"4111111111111111.pdf\"",
                "Content-Disposition: form-data; name=\"[EMAIL]\"; filename=\"[CREDIT_CARD].pdf\"",
            ),
            (
                "Content-Disposition: attachment; filename*0=\"jane@\"; x=1; filename*1=\"example.com\"",
                "Content-Disposition: attachment; filename=\"[EMAIL]\"; x=1",
            ),
            (
                "Content-Disposition: attachment; filename*0*=UTF-8''jane%40; filename*1*=example.com",
                "Content-Disposition: attachment; filename=\"[EMAIL]\"",
            ),
            (
                "Content-Disposition: form-data; name*=UTF-8''jane%40example.com",
                "Content-Disposition: form-data; name*=UTF-8''%5BEMAIL%5D",
            ),
            (
                "Content-Disposition: form-data; filename=\"=?utf-8?Q?jane=40example.com?=\"",
                "Content-Disposition: form-data; filename=\"[EMAIL]\"",
            ),
            (
                "Content-Disposition: form-data; filename=jane@example.com",
                "Content-Disposition: form-data; filename=\"[EMAIL]\"",
            ),
            (
                "Content-Disposition: form-data; filename=\"C:\\dir\\a \\\"b\\\".txt\"",
                "Content-Disposition: form-data; filename=\"C:\\dir\\a \\\"b\\\".txt\"",
            ),
            (
                "Content-Disposition: form-data; filename=\"jane\\@example.com\"",
                "Content-Disposition: form-data; filename=\"[EMAIL]\"",
            ),
        ] {
            let whole = |header: &str| format!("--b\r\n{header}\r\n\r\n");
            let head = whole(header);
            let mut tally = Tally::default();
            let new = searched_head(head.as_bytes(), DELIMITER, &plan, 0, &mut tally);
            assert_eq!(String::from_utf8_lossy(&new), whole(expected), "{header}");
        }
    }
}
