//! One value of a field: of a form, a query, a cookie, a part, or a cell. It is searched, or an
//! action takes the place of all of it.

use crate::bytes::Position as _;
use crate::detect::{INTERNAL_URL, internal_url};
use crate::lexicon::Announcement;
use crate::names::KeyInfo;
use crate::plan::FieldRule;
use crate::redaction::{Found, Redaction};
use crate::scan::{TextScanner, WINDOW_BYTES};
use crate::spelled::{Sink, Spelling};

/// Takes one value after the other.
#[derive(Debug)]
pub(crate) struct ValueScanner {
    scanner: TextScanner,
    spelling: Spelling,
    announcement: Announcement,
    /// The rule whose action is applied to all of the value.
    applied: Option<u16>,
    /// Its replacement has left, and nothing else of it does.
    is_lost: bool,
    /// Others read the value in another way.
    is_doubtful: bool,
    offset: u64,
}

impl ValueScanner {
    pub(crate) fn new(spelling: Spelling) -> Self {
        Self {
            scanner: TextScanner::new(spelling),
            spelling,
            announcement: Announcement::default(),
            applied: None,
            is_lost: false,
            is_doubtful: false,
            offset: 0,
        }
    }

    /// A value begins at this place of the body; `info` is what its name says.
    pub(crate) fn begin(
        &mut self,
        info: &KeyInfo,
        applied: Option<u16>,
        (spelling, offset): (Spelling, u64),
    ) {
        self.announcement = info.announcement();
        self.applied = applied;
        self.is_lost = false;
        self.is_doubtful = false;
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

    /// Ends a line as [`TextScanner::end_line`] does.
    pub(crate) fn end_line(&mut self, end: &[u8], out: &mut Vec<u8>) {
        self.scanner.end_line(end, out);
    }

    /// Leaves a private key as [`TextScanner::leave_key`] does.
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

    /// To others the value goes on behind this sign. Then an address that has begun may lead to a host
    /// there, and a rule about hosts does not let the value through.
    pub(crate) fn end_at_separator(&mut self, sink: &mut Sink<'_>) {
        let begins_address = self.applied.is_none()
            && !self.is_lost
            && sink.plan.wanted.has(INTERNAL_URL)
            && internal_url::is_cut(self.scanner.pending());
        if begins_address {
            let redaction =
                Redaction::of_kind(sink.plan, INTERNAL_URL, Some(self.scanner.pending()));
            if self.replace(&redaction, sink) {
                return self.scanner.forget();
            }
        }
        self.end(sink);
    }

    /// A sign stands here that ends the value for others.
    pub(crate) const fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// Writes what takes the place of all that is held; `false` if nothing does.
    fn replace(&self, redaction: &Redaction, sink: &mut Sink<'_>) -> bool {
        let old = self.scanner.pending_raw();
        let new = redaction.spelled(self.spelling);
        let found = Found {
            offset: self.offset,
            length: old.len(),
            old,
            new: new.as_deref(),
        };
        redaction.record(sink.tally, found);
        if let Some(new) = &new {
            sink.out.extend_from_slice(new);
        }
        new.is_some()
    }

    /// Ends the value: what is held is written.
    pub(crate) fn end(&mut self, sink: &mut Sink<'_>) {
        if self.is_lost {
            return;
        }
        let Some(index) = self.applied else {
            return self.scanner.end(&self.announcement, sink);
        };
        let field = sink.plan.fields.get(usize::from(index));
        // Of nothing nothing is taken, but its member is there.
        if !self.scanner.pending_raw().is_empty() || field.is_some_and(FieldRule::blocks_any) {
            let is_doubtful = self.is_doubtful && field.is_some_and(|field| field.hosts.is_some());
            let value = (!is_doubtful).then(|| self.scanner.pending());
            let redaction = Redaction::of_field(sink.plan, index, value);
            if !redaction.is_some_and(|redaction| self.replace(&redaction, sink)) {
                // What stays is searched as any other value.
                return self.scanner.end(&self.announcement, sink);
            }
        }
        self.scanner.forget();
    }

    /// Whether a value that a rule acts on may still be held whole. If not, what takes its place leaves
    /// without it.
    fn has_room(&mut self, more: usize, sink: &mut Sink<'_>) -> bool {
        if self.is_lost {
            return false;
        }
        let Some(index) = self.applied else {
            return true;
        };
        if self.scanner.held().plus(more) < WINDOW_BYTES {
            return true;
        }
        let redaction = Redaction::of_field(sink.plan, index, None);
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
        match new {
            // It only counts, so it goes on as any other text.
            None => {
                self.applied = None;
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
