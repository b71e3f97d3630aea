//! The headers of a part.

use std::borrow::Cow;

use crate::bytes::{Position as _, at, part, rest};
use crate::lexicon::Announcement;
use crate::media::{Framing, Media, parameter};
use crate::plan::Plan;
use crate::spelled::searched;
use crate::tally::Tally;

/// What the headers of a part say.
#[derive(Debug)]
pub(super) struct PartHeaders {
    /// The name of the field; a part of another multipart type has none.
    pub(super) name: Option<Vec<u8>>,
    pub(super) media: Media,
    pub(super) encoding: TransferEncoding,
}

/// The `content-transfer-encoding` (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferEncoding {
    /// The bytes are the content.
    Identity,
    QuotedPrintable,
    /// Base64, or one that is not known.
    Other,
}

impl PartHeaders {
    pub(super) fn read(head: &[u8]) -> Self {
        let mut types: Vec<String> = Vec::new();
        let mut is_file = false;
        let mut headers = Self {
            name: None,
            media: Media::of("text/plain"),
            encoding: TransferEncoding::Identity,
        };
        for line in unfolded(head) {
            let text = String::from_utf8_lossy(&line);
            let Some((name, value)) = text.split_once(':') else {
                continue;
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "content-disposition" => {
                    headers.name = parameter(value, "name").map(String::into_bytes);
                    is_file |= parameter(value, "filename").is_some()
                        || parameter(value, "filename*").is_some();
                }
                "content-type" => types.push(value.to_owned()),
                "content-transfer-encoding" => {
                    headers.encoding = match value.trim().to_ascii_lowercase().as_str() {
                        "" | "7bit" | "8bit" | "binary" => TransferEncoding::Identity,
                        "quoted-printable" => TransferEncoding::QuotedPrintable,
                        _ => TransferEncoding::Other,
                    };
                }
                _ => {}
            }
        }
        // RFC 7578 section 4.4: text, where nothing else is said; but a file may be anything.
        if !types.is_empty() || is_file {
            headers.media = Media::of(&types.join(","));
        }
        headers
    }

    /// Whether the part can have members of its own.
    pub(super) const fn has_members(&self) -> bool {
        matches!(
            self.media.framing,
            Some(
                Framing::Json
                    | Framing::JsonLines
                    | Framing::Events
                    | Framing::Form
                    | Framing::Multipart(_)
                    | Framing::Csv(_)
            )
        )
    }
}

/// The lines behind the delimiter; one that begins with a space goes on with the one before.
fn unfolded(head: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match lines.last_mut() {
            Some(last) if matches!(line.first(), Some(b' ' | b'\t')) => {
                last.extend_from_slice(line);
            }
            _ => lines.push(line.to_vec()),
        }
    }
    lines
}

/// The head of a part with what takes the place of matches in its file names.
pub(super) fn with_searched_file_names<'h>(
    head: &'h [u8],
    plan: &Plan,
    offset: u64,
    tally: &mut Tally,
) -> Cow<'h, [u8]> {
    let mut new: Option<Vec<u8>> = None;
    let mut copied = 0;
    for (start, end) in file_names(head) {
        let spelled = part(head, start, end);
        let is_quoted = spelled.first() == Some(&b'"');
        // `filename*=UTF-8''jane%40example.com` (RFC 5987).
        let prefix = match spelled.splitn(3, |byte| *byte == b'\'').collect::<Vec<_>>()[..] {
            [charset, language, _] if !is_quoted => charset.len().plus(language.len()).plus(2),
            _ => 0,
        };
        let text = if is_quoted {
            unquoted(spelled)
        } else {
            percent_decoded(rest(spelled, prefix))
        };
        let Some(text) = searched(plan, &text, &Announcement::default(), offset, tally) else {
            continue;
        };
        let new = new.get_or_insert_with(Vec::new);
        new.extend_from_slice(part(head, copied, start.plus(prefix)));
        if is_quoted {
            new.push(b'"');
        }
        for byte in text {
            match byte {
                b'"' | b'\r' | b'\n' | b'\\' | b'%' => {
                    new.extend(format!("%{byte:02X}").into_bytes());
                }
                _ if is_quoted || is_attribute(byte) => new.push(byte),
                _ => new.extend(format!("%{byte:02X}").into_bytes()),
            }
        }
        if is_quoted {
            new.push(b'"');
        }
        copied = end;
    }
    match new {
        None => Cow::Borrowed(head),
        Some(mut new) => {
            new.extend_from_slice(rest(head, copied));
            Cow::Owned(new)
        }
    }
}

/// Where the values of the parameters `filename` and `filename*` are.
fn file_names(head: &[u8]) -> Vec<(usize, usize)> {
    const NAME: &[u8] = b"filename";
    let mut found = Vec::new();
    let mut position = 0;
    let mut in_quotes = false;
    let mut begins = false;
    while position < head.len() {
        let byte = at(head, position);
        match byte {
            b'\\' if in_quotes => position = position.plus(1),
            b'"' => in_quotes = !in_quotes,
            b'\n' => in_quotes = false,
            _ => {}
        }
        if !in_quotes && begins {
            let ahead = rest(head, position);
            let is_name = part(ahead, 0, NAME.len()).eq_ignore_ascii_case(NAME);
            let name_end = rest(ahead, NAME.len());
            let name_end = name_end.strip_prefix(b"*").unwrap_or(name_end);
            let value = name_end.trim_ascii_start().strip_prefix(b"=");
            if let Some(value) = value.filter(|_| is_name) {
                let value = value.trim_ascii_start();
                let start = head.len().less(value.len());
                let length = value_length(value);
                found.push((start, start.plus(length)));
                position = start.plus(length);
                begins = false;
                continue;
            }
        }
        begins = !in_quotes && (byte == b';' || begins && byte.is_ascii_whitespace());
        position = position.plus(1);
    }
    found
}

/// The length of a quoted string or of a token.
fn value_length(value: &[u8]) -> usize {
    if value.first() != Some(&b'"') {
        let end = value
            .iter()
            .position(|byte| matches!(byte, b';' | b'\r' | b'\n'));
        return part(value, 0, end.unwrap_or(value.len()))
            .trim_ascii_end()
            .len();
    }
    let mut position = 1;
    while position < value.len() {
        match at(value, position) {
            b'"' => return position.plus(1),
            b'\n' => return position,
            b'\\' => position = position.plus(2),
            _ => position = position.plus(1),
        }
    }
    value.len()
}

fn unquoted(spelled: &[u8]) -> Vec<u8> {
    let inner = rest(spelled, 1);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    let mut text = Vec::with_capacity(inner.len());
    let mut position = 0;
    while position < inner.len() {
        // Browsers send `%22`, and others a backslash; a path of Windows has backslashes of its own.
        if at(inner, position) == b'\\' && matches!(at(inner, position.plus(1)), b'"' | b'\\') {
            position = position.plus(1);
        }
        text.push(at(inner, position));
        position = position.plus(1);
    }
    text
}

fn percent_decoded(spelled: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(spelled.len());
    let mut position = 0;
    while position < spelled.len() {
        let digits = part(spelled, position.plus(1), position.plus(3));
        let code = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.len() == 2 && at(spelled, position) == b'%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                text.push(code);
                position = position.plus(3);
            }
            None => {
                text.push(at(spelled, position));
                position = position.plus(1);
            }
        }
    }
    text
}

/// RFC 5987 section 3.2.1, and the brackets of labels.
const fn is_attribute(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}
