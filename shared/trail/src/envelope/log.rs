//! Lines of a log in which audit-emitter has written.

use std::borrow::Cow;

use audit::log_line;

use super::columns::within;
use super::members::Members;
use super::{Contents, Found, Origin, Part, named_chain};

impl<'l> Contents<'l> {
    /// A line of a log. What stands in front is the host's and may be anything, also what looks like
    /// the marker; some hosts add to the line, after the record.
    pub(super) fn add_log_line(&mut self, line: &'l str) {
        if let Some(object) = object_behind(line).and_then(|at| line.get(at..)) {
            if self.add_object(object, Origin::Log) {
                self.push(object.into(), Origin::Log, None);
            }
            return;
        }
        let before = (self.found.len(), self.parts.len());
        for column in within(line) {
            self.add_string(Cow::Owned(column.text(line)), Origin::Log);
        }
        if (self.found.len(), self.parts.len()) != before {
            return;
        }
        for found in log_line::find(line) {
            let is_tagged = self.keys.iter().any(|key| found.is_tagged_by(key));
            match found.part {
                Some(part) => self.parts.push(Part {
                    uid: part.uid.to_owned(),
                    number: part.number,
                    count: part.count,
                    text: found.text.map(str::to_owned),
                    is_tagged,
                }),
                None => self.found.push(Found {
                    text: Cow::Borrowed(found.text.unwrap_or_default()),
                    origin: Origin::of_log(is_tagged),
                    claims: None,
                }),
            }
        }
        if (self.found.len(), self.parts.len()) == before {
            self.foreign += 1;
            self.unread.extend(named_chain(line));
        }
    }
}

/// Where in a line of a log an object begins that goes to its end, and in which there may be something
/// of ours: log shippers write `<time> <tab> <tag> <tab> {"log":"..."}`. What audit-emitter has
/// written into the line itself comes before any object.
pub(crate) fn object_behind(line: &str) -> Option<usize> {
    let trimmed = line.trim_ascii_end();
    if !trimmed.ends_with('}') {
        return None;
    }
    let begins = |pair: &[u8]| matches!(pair, [b' ' | b'\t', b'{']);
    let at = trimmed.as_bytes().windows(2).position(begins)?;
    let at = at.checked_add(1)?;
    let (before, object) = trimmed.split_at_checked(at)?;
    let is_ours = has_marker(object) || object.contains("record_integrity");
    let is_first = !has_marker(before) && !before.contains("record_integrity");
    (is_ours && is_first && Members::read(object).is_ok()).then_some(at)
}

/// Whether audit-emitter may have written a line.
pub(super) fn has_marker(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), log_line::MARK.as_bytes()).is_some()
}
