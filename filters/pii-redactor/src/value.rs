//! One value of a field: of a form, a query, a cookie, a part, or a cell. It is searched, or an
//! action takes the place of all of it.

use crate::bytes::Position as _;
use crate::lexicon::Announcement;
use crate::names::KeyInfo;
use crate::plan::Plan;
use crate::redaction::{Found, Redaction};
use crate::scan::{TextScanner, WINDOW_BYTES};
use crate::spelled::{Sink, Spelling};
use crate::tally::FIELD;

/// Takes one value after the other.
#[derive(Debug)]
pub(crate) struct ValueScanner {
    scanner: TextScanner,
    spelling: Spelling,
    announcement: Announcement,
    /// The rule whose action is applied to all of the value.
    applied: Option<u16>,
    /// What takes the place of the value needs all of it.
    needs_whole: bool,
    /// Its replacement has left, and nothing else of it does.
    is_lost: bool,
    offset: u64,
}

impl ValueScanner {
    pub(crate) fn new(spelling: Spelling) -> Self {
        Self {
            scanner: TextScanner::new(spelling),
            spelling,
            announcement: Announcement::default(),
            applied: None,
            needs_whole: false,
            is_lost: false,
            offset: 0,
        }
    }

    /// A value begins at this place of the body; `info` is what its name says.
    pub(crate) fn begin(
        &mut self,
        plan: &Plan,
        info: &KeyInfo,
        applied: Option<u16>,
        (spelling, offset): (Spelling, u64),
    ) {
        self.announcement = info.announcement();
        self.applied = applied;
        self.needs_whole = applied.is_some() || plan.whole_kind(&self.announcement, b"0").is_some();
        self.is_lost = false;
        self.spelling = spelling;
        self.offset = offset;
        self.scanner.set_spelling(spelling);
        self.scanner.begin(offset);
    }

    /// Bytes that have not left.
    pub(crate) const fn held(&self) -> usize {
        self.scanner.held()
    }

    /// Whether a key that began in a text before is being taken away.
    pub(crate) fn is_in_key(&self) -> bool {
        self.scanner.is_in_key()
    }

    /// See [`TextScanner::end_line`].
    pub(crate) fn end_line(&mut self, end: &[u8], out: &mut Vec<u8>) {
        self.scanner.end_line(end, out);
    }

    /// See [`TextScanner::leave_key`].
    pub(crate) fn leave_key(&mut self, out: &mut Vec<u8>) {
        self.scanner.leave_key(out);
    }

    /// Takes bytes that stand for themselves.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.has_room(bytes.len(), sink) {
            self.scanner.push(bytes, &self.announcement, sink);
        }
    }

    /// Takes a piece whose spelling is not what it says.
    pub(crate) fn push_spelled(&mut self, decoded: &[u8], raw: &[u8], sink: &mut Sink<'_>) {
        if self.has_room(raw.len(), sink) {
            self.scanner
                .push_spelled(decoded, raw, &self.announcement, sink);
        }
    }

    /// The value is complete.
    pub(crate) fn end(&mut self, sink: &mut Sink<'_>) {
        if self.is_lost {
            return;
        }
        let Some(index) = self.applied else {
            return self.scanner.end(&self.announcement, sink);
        };
        let old = self.scanner.pending_raw().to_vec();
        let value = self.scanner.pending().to_vec();
        self.scanner.forget();
        if old.is_empty() {
            return;
        }
        let Some(redaction) = Redaction::of_field(sink.plan, index, Some(&value)) else {
            return sink.out.extend_from_slice(&old);
        };
        let new = redaction.spelled(self.spelling);
        let found = Found {
            offset: self.offset,
            length: old.len(),
            old: &old,
            new: new.as_deref(),
        };
        redaction.record(sink.tally, found);
        sink.out.extend_from_slice(new.as_deref().unwrap_or(&old));
    }

    /// Whether the value may still be held whole where it must be. If not, what takes its place
    /// leaves without it.
    fn has_room(&mut self, more: usize, sink: &mut Sink<'_>) -> bool {
        if self.is_lost {
            return false;
        }
        if !self.needs_whole || self.scanner.held().plus(more) < WINDOW_BYTES {
            return true;
        }
        let redaction = match self.applied {
            Some(index) => Redaction::of_field(sink.plan, index, None),
            None => {
                let kind = sink.plan.whole_kind(&self.announcement, b"0");
                Some(Redaction::of_kind(sink.plan, kind.unwrap_or(FIELD), None))
            }
        };
        let new = redaction
            .as_ref()
            .and_then(|redaction| redaction.spelled(self.spelling));
        if let Some(redaction) = &redaction {
            let found = Found {
                offset: self.offset,
                length: 0,
                old: self.scanner.pending_raw(),
                new: new.as_deref(),
            };
            redaction.record(sink.tally, found);
        }
        self.needs_whole = false;
        match new {
            // It only counts, so it goes on as any other text.
            None => {
                self.applied = None;
                self.announcement = Announcement::default();
                true
            }
            Some(new) => {
                sink.out.extend_from_slice(&new);
                self.scanner.forget();
                self.is_lost = true;
                false
            }
        }
    }
}
