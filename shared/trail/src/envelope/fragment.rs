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
}

impl Fragment<'_> {
    /// The same, of a line that does not stay.
    pub(crate) fn into_owned(self) -> Fragment<'static> {
        Fragment {
            stream: Cow::Owned(self.stream.into_owned()),
            text: Cow::Owned(self.text.into_owned()),
            is_last: self.is_last,
        }
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
    })
}

/// Puts pieces together, in the order of their lines and in bounded memory.
#[derive(Debug, Default)]
pub struct Fragments(HashMap<String, String>);

impl Fragments {
    /// Adds a piece. Returns the line, if this was its last.
    pub fn add(&mut self, fragment: &Fragment<'_>) -> Option<String> {
        if fragment.is_last && self.0.is_empty() {
            return Some(fragment.text.clone().into_owned());
        }
        let mut text = self.0.remove(fragment.stream.as_ref()).unwrap_or_default();
        // What is longer is no record, and would not be read as a line either.
        if text.len() < MAX_BYTES {
            text.push_str(&fragment.text);
        }
        if fragment.is_last {
            return Some(text);
        }
        self.0.insert(fragment.stream.clone().into_owned(), text);
        None
    }

    /// What has no end, at the end of a file.
    pub fn end(&mut self) -> Vec<String> {
        self.0.drain().map(|(_, text)| text).collect()
    }
}

const MAX_BYTES: usize = 64 << 20;
