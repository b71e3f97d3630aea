//! Lines of a container's log. The runtimes cut long lines into pieces: docker's json-file leaves the
//! line feed out of all but the last, a CRI log marks them with `P` and the last with `F`.

use std::borrow::Cow;
use std::collections::HashMap;

use super::members::Members;

/// What one line of a container's log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment<'l> {
    /// Which stream of the container.
    pub stream: Cow<'l, str>,
    /// What was written to it.
    pub text: Cow<'l, str>,
    /// The line that was written ends here.
    pub is_last: bool,
    /// Bytes of a character whose beginning stands in the piece before, and of one whose end in the next. They
    /// are not in the text.
    pub cut: (Vec<u8>, Vec<u8>),
}

impl Fragment<'_> {
    /// The same, of a line that does not stay.
    pub(crate) fn into_owned(self) -> Fragment<'static> {
        Fragment {
            stream: Cow::Owned(self.stream.into_owned()),
            text: Cow::Owned(self.text.into_owned()),
            is_last: self.is_last,
            cut: self.cut,
        }
    }

    /// The same, with the bytes of the line: a runtime counts bytes, and cuts within characters. Bytes that no
    /// neighbour completes are told from the text by nobody, and stay what they were taken for.
    pub(crate) fn cut_in(mut self, line: &[u8]) -> Fragment<'static> {
        let mut words = line.splitn(4, |byte| *byte == b' ');
        if let Some(text) = words.nth(3).filter(|_| !line.starts_with(b"{")) {
            let is_rest = |byte: &&u8| matches!(**byte, 0x80..=0xbf);
            let before = text.iter().take(3).take_while(is_rest).count();
            let (before, text) = text.split_at_checked(before).unwrap_or((&[], text));
            let is_beginning = |length: &usize| {
                let end = text
                    .len()
                    .checked_sub(*length)
                    .and_then(|at| text.get(at..));
                let read = end.map(std::str::from_utf8);
                matches!(read, Some(Err(error)) if error.error_len().is_none() && error.valid_up_to() == 0)
            };
            let behind = (1..=3).find(is_beginning).unwrap_or(0);
            let whole = text.len().saturating_sub(behind);
            let (text, behind) = text.split_at_checked(whole).unwrap_or((text, &[]));
            self.text = Cow::Owned(String::from_utf8_lossy(text).into_owned());
            self.cut = (before.to_vec(), behind.to_vec());
        }
        self.into_owned()
    }

    /// The text by itself.
    pub(crate) fn alone(&self) -> String {
        let mut pieces = JoinedLine::default();
        pieces.push(self);
        pieces.end()
    }
}

/// What there is of a line.
#[derive(Debug, Default)]
pub(crate) struct JoinedLine {
    text: String,
    /// Bytes of a character that is not whole.
    open: Vec<u8>,
}

impl JoinedLine {
    pub(crate) fn push(&mut self, fragment: &Fragment<'_>) {
        let (before, behind) = &fragment.cut;
        self.open.extend_from_slice(before);
        self.text.push_str(&String::from_utf8_lossy(&self.open));
        self.open.clone_from(behind);
        // What is longer is no record, and would not be read as a line either.
        if self.text.len() < MAX_BYTES {
            self.text.push_str(&fragment.text);
        }
    }

    pub(crate) fn end(mut self) -> String {
        self.text.push_str(&String::from_utf8_lossy(&self.open));
        self.text
    }
}

/// Reads a line of a container's log. `None`: it is none.
pub(super) fn of(line: &str) -> Option<Fragment<'_>> {
    if line.starts_with('{') {
        return docker(line);
    }
    let (time, rest) = line.split_once(' ')?;
    // 2026-11-24T21:00:00.000000000+01:00
    let is_time = time.len() >= 20
        && time.as_bytes().get(10) == Some(&b'T')
        && time.bytes().take(4).all(|byte| byte.is_ascii_digit());
    let (stream, rest) = rest.split_once(' ').filter(|_| is_time)?;
    if !matches!(stream, "stdout" | "stderr") {
        return None;
    }
    let (tags, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_last = match tags.split(':').next() {
        Some("F") => true,
        Some("P") => false,
        _ => return None,
    };
    Some(Fragment {
        stream: stream.into(),
        text: text.into(),
        is_last,
        cut: Default::default(),
    })
}

fn docker(line: &str) -> Option<Fragment<'_>> {
    // The members come in this order, and others are rarely begun so.
    if !line.starts_with(r#"{"log":"#) && !line.contains(r#""stream":"std"#) {
        return None;
    }
    let members = Members::read(line).ok()?;
    let stream = members
        .string("stream")
        .filter(|s| matches!(s.as_ref(), "stdout" | "stderr"))?;
    let text = members.string("log")?;
    let is_last = text.ends_with('\n');
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(mut text) => {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
            Cow::Owned(text)
        }
    };
    Some(Fragment {
        stream,
        text,
        is_last,
        cut: Default::default(),
    })
}

/// Puts pieces together, in the order of their lines and in bounded memory.
#[derive(Debug, Default)]
pub struct Fragments(HashMap<String, JoinedLine>);

impl Fragments {
    /// Adds a piece. Returns the line, if this was its last.
    pub fn add(&mut self, fragment: &Fragment<'_>) -> Option<String> {
        if fragment.is_last && self.0.is_empty() {
            return Some(fragment.alone());
        }
        let mut pieces = self.0.remove(fragment.stream.as_ref()).unwrap_or_default();
        pieces.push(fragment);
        if fragment.is_last {
            return Some(pieces.end());
        }
        self.0.insert(fragment.stream.clone().into_owned(), pieces);
        None
    }

    /// What has no end, at the end of a file.
    pub fn end(&mut self) -> Vec<String> {
        self.0.drain().map(|(_, pieces)| pieces.end()).collect()
    }
}

const MAX_BYTES: usize = 64 << 20;
