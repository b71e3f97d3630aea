//! Values that no rule removes: strings are searched.

use super::cursor::Cursor;
use super::members::is_token_byte;
use super::{JsonRewriter, State};
use crate::action::Replacement;
use crate::bytes::{Position as _, at, find_quote, part, rest};
use crate::lexicon::Announcement;
use crate::malformed::Fault;
use crate::plan::{Plan, declares};
use crate::redaction::{Found, Redaction};
use crate::scan::WINDOW_BYTES;
use crate::spelled::{Sink, Spelled, Spelling};
use crate::tally::Tally;

impl JsonRewriter {
    /// The first byte of a value that stays.
    #[inline]
    pub(super) fn begin(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        match byte {
            b'"' => self.string(cursor, plan, tally),
            b'\'' => self.slow_string(cursor, plan, tally),
            b'{' | b't' | b'f' | b'n' if self.next.info.kinds.is_some() => {
                self.announced_value(byte, cursor, plan, tally);
            }
            b'{' | b'[' => self.open(byte, cursor, tally),
            _ if is_token_byte(byte) => self.start_token(cursor, plan, tally),
            _ => self.give_up(Fault::UnexpectedByte, cursor, tally),
        }
    }

    /// An object, a boolean or null, whose name may say that it is personal data whatever it is.
    fn announced_value(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        let announcement = self.next.info.announcement();
        let kind = plan.whole_kind_of_any(&announcement, byte);
        let kind = kind.filter(|_| self.next.applied.is_none() && !self.declares(byte));
        if let Some(kind) = kind {
            let redaction = Redaction::of_kind(plan, kind, None);
            let new = redaction.json();
            let offset = self.place(cursor);
            let found = Found {
                offset,
                length: 0,
                old: &[],
                new: new.as_deref(),
            };
            redaction.record(tally, found);
            if let Some(new) = new {
                return self.replace_value(&new, cursor, tally);
            }
        }
        if byte == b'{' {
            self.open(byte, cursor, tally);
        } else {
            self.start_token(cursor, plan, tally);
        }
    }

    /// Whether an object declares a member (JSON Schema) and has no value of one.
    fn declares(&self, byte: u8) -> bool {
        let around = self.stack.frames.last().filter(|_| byte == b'{');
        around.is_some_and(|frame| declares(self.stack.name_of(frame)))
    }

    #[inline]
    fn string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let first = cursor.chunk.get(cursor.at.plus(1)).copied();
        if self.may_nest(first) {
            return self.begin_nested(cursor, plan, tally);
        }
        if self.is_too_deep(first) {
            self.note_unread(Fault::TooDeep, plan);
        }
        self.plain_string(cursor, plan, tally);
    }

    /// A string. The usual one is all here, has no escape and is short: it is looked at where it is.
    #[inline]
    pub(super) fn plain_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let start = cursor.at.plus(1);
        let ahead = rest(cursor.chunk, start);
        if self.next.applied.is_none()
            && let Some(length) = find_quote(ahead)
            && at(ahead, length) == b'"'
            && length < LONGEST_WHOLE_BYTES
        {
            self.state = State::AfterValue;
            self.has_value = true;
            self.note_naming(part(ahead, 0, length));
            let is_plain = self.next.info.kinds.is_none();
            if is_plain && plan.has_nothing_for(ahead, length) {
                cursor.at = start.plus(length).plus(1);
                return;
            }
            let text = part(ahead, 0, length);
            let mut spans = std::mem::take(&mut self.spans);
            plan.search(text, 0, &self.next.info.announcement(), true, &mut spans);
            if !spans.is_empty() {
                let offset = self.place(cursor).saturating_add(1);
                let spelled = Spelled::whole(text, offset, Spelling::Json);
                cursor.flush();
                write_string(&spelled, &spans, plan, cursor.out(), tally);
                cursor.at = start.plus(length).plus(1);
                cursor.drop_read();
            } else {
                cursor.at = start.plus(length).plus(1);
            }
            self.spans = spans;
            return;
        }
        self.slow_string(cursor, plan, tally);
    }

    fn slow_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        cursor.flush();
        self.quote = cursor.peek().unwrap_or(b'"');
        self.scanner.set_spelling(if self.quote == b'"' {
            Spelling::Json
        } else {
            Spelling::SingleQuoted
        });
        self.scanner.begin(self.place(cursor).saturating_add(1));
        cursor.advance();
        cursor.drop_read();
        self.state = State::InString;
        self.in_string(cursor, plan, tally);
    }

    pub(super) fn in_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let announcement = self.next.info.announcement();
        // What takes the place of the whole value needs the whole value, or must do without.
        let needs_whole = self.next.applied.is_some() || plan.is_whole(&announcement);
        let ahead = rest(cursor.chunk, cursor.at);
        let before_start = self.scanner.has_started();
        let mut window = Vec::new();
        let taken = {
            let mut sink = Sink {
                plan,
                out: &mut window,
                tally,
            };
            if needs_whole {
                self.push_whole(ahead, &mut sink)
            } else {
                Some(
                    self.scanner
                        .push_json(ahead, self.quote, &announcement, &mut sink),
                )
            }
        };
        let Some(taken) = taken else {
            // Too long to be held: what takes its place leaves, and nothing else of it.
            self.lose_string(cursor, plan, tally);
            return;
        };
        if !before_start && self.scanner.has_started() {
            cursor.out().push(self.quote);
        }
        cursor.out().append(&mut window);
        cursor.at = cursor.at.plus(taken);
        cursor.drop_read();
        if cursor.peek() != Some(self.quote) {
            return;
        }
        cursor.advance();
        cursor.drop_read();
        self.end_string(cursor, plan, tally);
    }

    /// As the scanner's own, up to what a window holds.
    fn push_whole(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Option<usize> {
        let announcement = self.next.info.announcement();
        let mut position = 0;
        while position < bytes.len() {
            let room = LONGEST_WHOLE_BYTES.less(self.scanner.held());
            if room == 0 {
                return None;
            }
            let piece = part(bytes, position, position.plus(room));
            let taken = self
                .scanner
                .push_json(piece, self.quote, &announcement, sink);
            position = position.plus(taken);
            if taken < piece.len() {
                break;
            }
        }
        Some(position)
    }

    fn lose_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let announcement = self.next.info.announcement();
        let redaction = match self.next.applied {
            Some(index) => Redaction::of_field(plan, index, None),
            None => {
                let kind = plan.whole_match(&announcement, self.scanner.pending());
                kind.map(|kind| Redaction::of_kind(plan, kind, None))
            }
        };
        let new = redaction.as_ref().and_then(Redaction::json);
        if let Some(redaction) = &redaction {
            let found = Found {
                offset: self.place(cursor),
                length: 0,
                old: part(self.scanner.pending_raw(), 0, 64),
                new: new.as_deref(),
            };
            redaction.record(tally, found);
        }
        let Some(new) = new else {
            // It only counts, or is not what its name says, so it goes on as any other string.
            if self.next.applied.take().is_none() {
                self.next.info.kinds = plan.parts_of(self.next.info.kinds.as_deref());
            }
            return;
        };
        cursor.out().extend_from_slice(&new);
        self.scanner.forget();
        self.state = State::InLostString { escaped: false };
    }

    pub(super) fn in_lost_string(&mut self, byte: u8, escaped: bool, cursor: &mut Cursor<'_>) {
        cursor.advance();
        cursor.drop_read();
        self.state = match (byte, escaped) {
            (_, false) if byte == self.quote => State::AfterValue,
            (b'\\', false) => State::InLostString { escaped: true },
            _ => State::InLostString { escaped: false },
        };
    }

    /// The closing quote has been read.
    fn end_string(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        self.state = State::AfterValue;
        self.has_value = true;
        let announcement = self.next.info.announcement();
        if self.scanner.has_started() {
            return self.close_string(&announcement, cursor, plan, tally);
        }
        let mut sink = Sink {
            plan,
            out: cursor.out(),
            tally,
        };
        self.scanner.end_escape(&announcement, &mut sink);
        let value = self.scanner.pending();
        if self.next.info.role.names() {
            self.stack.note_naming(self.next.info.role, value);
        }
        let applied = self.next.applied;
        // What stays is searched as any other value.
        let redaction = applied.and_then(|index| Redaction::of_field(plan, index, Some(value)));
        if let Some(redaction) = redaction {
            let old = self.scanner.pending_raw();
            let new = redaction.json();
            let back = u64::try_from(old.len().plus(1)).unwrap_or(0);
            let found = Found {
                offset: self.place(cursor).saturating_sub(back),
                length: old.len(),
                old,
                new: new.as_deref(),
            };
            redaction.record(tally, found);
            if let Some(new) = &new {
                cursor.out().extend_from_slice(new);
                return self.scanner.forget();
            }
        }
        // A match that is all of the string may take its quotes with it.
        let whole_null = {
            let length = self.scanner.pending().len();
            let spans = self.scanner.search_whole(&announcement, plan);
            match spans {
                [span] if span.start == 0 && span.end == length => {
                    let redaction = Redaction::of_kind(plan, span.entity, None);
                    redaction.replacement == Replacement::Null
                }
                _ => false,
            }
        };
        if whole_null {
            let mut dropped = Vec::new();
            let mut sink = Sink {
                plan,
                out: &mut dropped,
                tally,
            };
            self.scanner.end(&announcement, &mut sink);
            cursor.out().extend_from_slice(b"null");
            return;
        }
        cursor.out().push(self.quote);
        self.close_string(&announcement, cursor, plan, tally);
    }

    /// What the scanner still has leaves, and the closing quote.
    fn close_string(
        &mut self,
        announcement: &Announcement,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        let out = cursor.out();
        self.scanner
            .end(announcement, &mut Sink { plan, out, tally });
        cursor.out().push(self.quote);
    }

    pub(super) fn place(&self, cursor: &Cursor<'_>) -> u64 {
        self.offset
            .saturating_add(u64::try_from(cursor.at).unwrap_or(0))
    }
}

/// A string with matches, that is all here.
fn write_string(
    spelled: &Spelled<'_>,
    spans: &[crate::detect::Span],
    plan: &Plan,
    out: &mut Vec<u8>,
    tally: &mut Tally,
) {
    if let [span] = spans
        && span.start == 0
        && span.end == spelled.text.len()
        && let redaction = Redaction::of_kind(plan, span.entity, None)
        && redaction.replacement == Replacement::Null
    {
        let found = Found {
            offset: spelled.offset,
            length: spelled.raw.len(),
            old: spelled.raw,
            new: Some(b"null"),
        };
        redaction.record(tally, found);
        out.extend_from_slice(b"null");
        return;
    }
    out.push(b'"');
    spelled.write(spans, &mut Sink { plan, out, tally });
    out.push(b'"');
}

/// The spelling of a value that is needed whole has fewer bytes than this; below the window, so that
/// none of it has left.
const LONGEST_WHOLE_BYTES: usize = WINDOW_BYTES - 8;
