//! Lines of a log in which audit-emitter has written.

use std::borrow::Cow;

use super::parts::Part;
use super::{Contents, Origin};

impl<'l> Contents<'l> {
    /// A line of a log. What stands in front is the host's and may be anything, also what looks like
    /// the marker; some hosts add to the line, after the record.
    pub(super) fn add_log_line(&mut self, line: &'l str) {
        let mut rest = line;
        let mut damaged = None;
        let before = (self.found.len(), self.parts.len());
        while let Some((_, behind)) = rest.split_once(MARK) {
            rest = behind;
            if let Some(part) = behind.strip_prefix(PART) {
                if let Some(part) = Part::read(part) {
                    self.parts.push(part);
                    break;
                }
                continue;
            }
            let Some(text) = behind
                .strip_prefix(' ')
                .filter(|text| text.starts_with('{'))
            else {
                continue;
            };
            match leading_json(text) {
                Some((record, behind)) => {
                    self.push(Cow::Borrowed(record), Origin::Log, None);
                    rest = behind;
                }
                None => damaged = damaged.or(Some(text)),
            }
        }
        if (self.found.len(), self.parts.len()) == before {
            match damaged {
                Some(text) => self.push(Cow::Borrowed(text), Origin::Log, None),
                None => self.foreign += 1,
            }
        }
    }
}

/// Whether audit-emitter may have written a line.
pub(super) fn has_marker(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), MARK.as_bytes()).is_some()
}

/// The JSON value at the beginning, and what is behind it.
pub(crate) fn leading_json(text: &str) -> Option<(&str, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    text.split_at_checked(values.byte_offset())
}

/// What audit-emitter begins its lines with.
pub(crate) const MARK: &str = "meshward.audit";
/// What stands behind it in front of a part.
pub(crate) const PART: &str = ".part ";
