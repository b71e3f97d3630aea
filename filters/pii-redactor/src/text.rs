//! Rewriting plain text, line by line: CSV, XML, HTML, logs, and what is no JSON.

use std::rc::Rc;

use crate::bytes::{Position as _, at, part, rest};
use crate::lexicon::Announcement;
use crate::plan::Plan;
use crate::scan::TextScanner;
use crate::spelled::{Sink, Spelling};
use crate::tally::Tally;

/// Rewrites a text. A line is searched when it ends, a long one in windows.
#[derive(Debug)]
pub struct TextRewriter {
    plan: Rc<Plan>,
    scanner: TextScanner,
    /// What was a JSON document has escapes.
    decodes: bool,
    announcement: Announcement,
    offset: u64,
}

impl TextRewriter {
    /// A rewriter with this plan; `decodes` reads the escapes of JSON.
    #[must_use]
    pub fn new(plan: Rc<Plan>, decodes: bool) -> Self {
        Self {
            plan,
            scanner: TextScanner::new(Spelling::Plain),
            decodes,
            announcement: Announcement::default(),
            offset: 0,
        }
    }

    /// The text begins at this place of the body.
    pub(crate) fn begin_at(&mut self, offset: u64) {
        self.offset = offset;
        self.scanner.begin(offset);
    }

    /// What the text is said to be.
    pub(crate) const fn announce(&mut self, announcement: Announcement) {
        self.announcement = announcement;
    }

    /// Takes the next bytes, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let mut sink = Sink {
            plan: &plan,
            out,
            tally,
        };
        let mut position = 0;
        while position < chunk.len() {
            let ahead = rest(chunk, position);
            let taken = if self.decodes {
                self.scanner
                    .push_json(ahead, b'\n', &self.announcement, &mut sink)
            } else {
                let length = memchr::memchr(b'\n', ahead).unwrap_or(ahead.len());
                self.scanner
                    .push(part(ahead, 0, length), &self.announcement, &mut sink);
                length
            };
            position = position.plus(taken);
            if at(chunk, position) == b'\n' && position < chunk.len() {
                self.scanner.end(&self.announcement, &mut sink);
                if !self.scanner.is_in_key() {
                    sink.out.push(b'\n');
                }
                position = position.plus(1);
                let place = self
                    .offset
                    .saturating_add(u64::try_from(position).unwrap_or(0));
                self.scanner.begin(place);
            }
        }
        self.offset = self
            .offset
            .saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
    }

    /// The line ends here, whatever ends it.
    pub(crate) fn end_line(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        self.scanner.end(
            &self.announcement,
            &mut Sink {
                plan: &plan,
                out,
                tally,
            },
        );
        self.scanner.begin(self.offset);
    }

    /// The text is complete.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_line(out, tally);
    }

    /// Bytes that are held at the moment; 0 behind a line.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.scanner.held()
    }
}
