//! Lines of a log in which audit-emitter has written.

use std::borrow::Cow;

use audit::log_line;

use super::{Contents, Found, Origin, Part};

impl<'l> Contents<'l> {
    /// A line of a log. What stands in front is the host's and may be anything, also what looks like
    /// the marker; some hosts add to the line, after the record.
    pub(super) fn add_log_line(&mut self, line: &'l str) {
        let before = (self.found.len(), self.parts.len());
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
        }
    }
}

/// Whether audit-emitter may have written a line.
pub(super) fn has_marker(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), log_line::MARK.as_bytes()).is_some()
}
