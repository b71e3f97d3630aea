//! JSON inside a string of JSON: `{"payload":"{\"mail\":\"jane@example.com\"}"}`.
//!
//! A string whose text begins with `{` or `[` is held until its closing quote and read as a document
//! of its own: names of members announce, rules about names act, numbers stay numbers. If nothing in
//! it changes, its spelling leaves as it came; else the new document is spelled anew. What turns out
//! to be no document, or is too long to be held, goes the way of any other string, from its
//! beginning, and nothing that was counted before counts.
//!
//! Rules about paths and minimization are about the document outside: where a string stays, all of
//! it is allowed.

use std::rc::Rc;

use super::cursor::Cursor;
use super::escapes::{CODE_UNIT_BYTES, code_unit, decoded, write_encoded};
use super::{JsonRewriter, State};
use crate::bytes::{Position as _, at, part, rest};
use crate::malformed::Fault;
use crate::names::KeyInfo;
use crate::plan::{Plan, Selector};
use crate::redaction::{Found, Redaction};
use crate::tally::Tally;

/// The string that is held.
#[derive(Debug, Default)]
pub(super) struct Nested {
    /// Its spelling, with the opening quote.
    raw: Vec<u8>,
    /// The place of that quote in the body.
    offset: u64,
    /// The next byte belongs to an escape.
    escaped: bool,
    /// How much of it is white space before the text.
    lead: usize,
    begins: Begins,
}

/// What a text begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Begins {
    /// Nothing but white space, so far.
    #[default]
    Unknown,
    /// The string begins with an opening bracket.
    Document,
    Other,
}

/// What a document inside a string has instead of a member that it is in.
#[derive(Debug, Default)]
pub(super) struct Root {
    /// What the name of the string says.
    pub(super) info: KeyInfo,
    pub(super) name: Vec<u8>,
}

impl Nested {
    pub(super) const fn held(&self) -> usize {
        self.raw.len()
    }

    /// What is between the quotes.
    fn content(&self) -> &[u8] {
        part(&self.raw, 1, self.raw.len().less(1))
    }

    /// Takes bytes up to the closing quote, or up to what may be held. Returns how many, and whether
    /// the quote is the last of them.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let bytes = part(bytes, 0, MAX_NESTED_BYTES.less(self.raw.len()));
        let mut position = 0;
        let mut is_closed = false;
        while position < bytes.len() && !is_closed {
            if self.escaped {
                self.escaped = false;
                position = position.plus(1);
                continue;
            }
            match memchr::memchr2(b'"', b'\\', rest(bytes, position)) {
                Some(offset) => {
                    position = position.plus(offset);
                    is_closed = at(bytes, position) == b'"';
                    self.escaped = !is_closed;
                    position = position.plus(1);
                }
                None => position = bytes.len(),
            }
        }
        self.raw.extend_from_slice(part(bytes, 0, position));
        (position, is_closed)
    }

    /// Looks at what it begins with, as far as that is there.
    fn look(&mut self) {
        while self.begins == Begins::Unknown {
            let ahead = rest(&self.raw, self.lead.plus(1));
            let (begins, length) = match (ahead.first(), ahead.get(1)) {
                (Some(byte), _) if super::is_space(*byte) => (Begins::Unknown, 1),
                (Some(b'{' | b'['), _) => (Begins::Document, 0),
                (None, _) | (Some(b'\\'), None) => return,
                (Some(b'\\'), Some(b'n' | b'r' | b't')) => (Begins::Unknown, 2),
                // Another spelling of the same is no way around.
                (Some(b'\\'), Some(b'u')) => match code_unit(ahead) {
                    _ if ahead.len() < CODE_UNIT_BYTES => return,
                    Some(0x7b | 0x5b) => (Begins::Document, 0),
                    Some(0x09 | 0x0a | 0x0d | 0x20) => (Begins::Unknown, CODE_UNIT_BYTES),
                    _ => (Begins::Other, 0),
                },
                _ => (Begins::Other, 0),
            };
            self.lead = self.lead.plus(length);
            self.begins = begins;
        }
    }
}

impl JsonRewriter {
    /// A rewriter of a document inside a string of another one.
    fn inside(&self, root: Root) -> Self {
        let mut rewriter = Self::new(Rc::clone(&self.plan));
        rewriter.traits.level = self.traits.level.saturating_add(1);
        rewriter.traits.nests = self.traits.nests && rewriter.traits.level < MAX_LEVELS;
        rewriter.traits.minimizes = None;
        // Paths do not lead into strings, and what is in them has been measured already.
        rewriter.watch = None;
        let by_name = |selector: &Selector| !matches!(selector, Selector::Path(_));
        let mut fields = self.plan.fields.iter();
        rewriter.traits.has_member_rules =
            self.plan.removes_members() || fields.any(|rule| by_name(&rule.selector));
        // Its brackets are read by the steps, which see whether anything comes behind them.
        rewriter.traits.root_runs = false;
        rewriter.stack.states.clear();
        rewriter.root = root;
        rewriter
    }

    /// Whether the string with this first byte may have a document in it. Without a byte, it is not
    /// there yet.
    #[inline]
    pub(super) fn may_nest(&self, first: Option<u8>) -> bool {
        self.traits.nests && self.next.applied.is_none() && first.is_none_or(may_begin)
    }

    /// A string begins that may have a document in it.
    pub(super) fn begin_nested(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        self.member_name.save(cursor.chunk);
        cursor.flush();
        self.nested = Nested {
            raw: vec![b'"'],
            offset: self.place(cursor),
            ..Nested::default()
        };
        cursor.advance();
        cursor.drop_read();
        self.state = State::InNested;
        self.in_nested(cursor, plan, tally);
    }

    pub(super) fn in_nested(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let (taken, is_closed) = self.nested.take(rest(cursor.chunk, cursor.at));
        cursor.at = cursor.at.plus(taken);
        cursor.drop_read();
        self.nested.look();
        let is_other = self.nested.begins == Begins::Other;
        if is_closed && self.nested.begins == Begins::Document {
            self.end_nested(cursor, plan, tally);
        } else if is_closed || is_other || self.nested.held() >= MAX_NESTED_BYTES {
            if !is_closed && !is_other {
                self.note_unread(Fault::TooDeep, plan);
            }
            self.as_text(cursor, plan, tally);
        }
    }

    /// A document in a string has not been read to its end. Where its members decide, it is as if the
    /// document around it had not.
    pub(super) fn note_unread(&mut self, what: Fault, plan: &Plan) {
        if plan.relies_on_names() {
            self.has_value = true;
            self.note(what, self.nested.offset);
        }
    }

    /// Whether the string with this first byte may have a document in it, and is in so many already that
    /// it is not read.
    #[inline]
    pub(super) fn is_too_deep(&self, first: Option<u8>) -> bool {
        self.traits.level >= MAX_LEVELS && first.is_some_and(may_begin)
    }

    /// The closing quote has been read.
    fn end_nested(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        plan.count_document();
        let mut inner = tally.beside();
        let left = tally.ration().map(|ration| ration.left());
        let new = match decoded(self.nested.content()) {
            Some(old) => self.rewritten(&old, plan, &mut inner).map(|new| (new, old)),
            None => Err(Some(Fault::UnexpectedByte)),
        };
        let (new, old) = match new {
            Ok(new) => new,
            Err(fault) => {
                if let Some(fault) = fault {
                    self.note_unread(fault, plan);
                }
                // What was taken for this reading is taken once more for the other.
                if let Some((ration, left)) = tally.ration().zip(left) {
                    ration.set_left(left);
                }
                return self.as_text(cursor, plan, tally);
            }
        };
        let nested = std::mem::take(&mut self.nested);
        let content = nested.content();
        let length = u64::try_from(content.len()).unwrap_or(0);
        tally.merge(inner, nested.offset.saturating_add(1), length);
        if new == old {
            cursor.out().extend_from_slice(&nested.raw);
        } else {
            cursor.out().push(b'"');
            write_encoded(&new, content.is_ascii(), cursor.out());
            cursor.out().push(b'"');
        }
        self.state = State::AfterValue;
        self.has_value = true;
    }

    /// How the document in the text is to be redacted.
    ///
    /// # Errors
    /// It is not exactly one, with the fault if it has members, or the name of the string makes all of it
    /// a value that changes.
    fn rewritten(
        &self,
        text: &[u8],
        plan: &Plan,
        tally: &mut Tally,
    ) -> Result<Vec<u8>, Option<Fault>> {
        let mut info = KeyInfo {
            field: None,
            removes: None,
            ..self.next.info.clone()
        };
        if let Some(entity) = plan.whole_match(&info.announcement(), text) {
            let redaction = Redaction::of_kind(plan, entity, None);
            if !redaction.keeps() {
                return Err(None);
            }
            // It only counts, and its parts do not count once more.
            let found = Found {
                offset: self.nested.offset,
                length: text.len(),
                old: text,
                new: None,
            };
            redaction.record(tally, found);
            info.kinds = plan.parts_of(info.kinds.as_deref());
        }
        // An item of an array has the name of the array.
        let name = match self.stack.frames.last() {
            Some(frame) if !frame.is_object => self.stack.name_of(frame),
            _ => &self.member_name.text,
        };
        let mut inner = self.inside(Root {
            info,
            name: name.to_vec(),
        });
        let mut out = Vec::with_capacity(text.len());
        inner.write(text, &mut out, tally);
        inner.finish(&mut out, tally);
        match inner.recovery.malformed {
            None => Ok(out),
            Some(malformed) => Err(inner.has_value.then_some(malformed.what)),
        }
    }

    /// The string that is held has no document in it: it is one as any other, from its beginning.
    pub(super) fn as_text(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let nested = std::mem::take(&mut self.nested);
        let offset = std::mem::replace(&mut self.offset, nested.offset);
        let mut again = Cursor::new(&nested.raw, Vec::new(), cursor.out());
        self.plain_string(&mut again, plan, tally);
        while let Some(byte) = again.peek() {
            match self.state {
                State::InString => self.in_string(&mut again, plan, tally),
                State::InLostString { escaped } => self.in_lost_string(byte, escaped, &mut again),
                _ => break,
            }
        }
        again.flush();
        again.finish();
        self.offset = offset;
    }
}

/// Whether a text with this first byte may be a document.
const fn may_begin(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b'\\' | b' ' | b'\t' | b'\r' | b'\n')
}

/// So much of a string is held at most, in its spelling and with its quotes.
pub(super) const MAX_NESTED_BYTES: usize = 64 * 1024;
/// A document in a string of a document in a string: no deeper.
const MAX_LEVELS: u8 = 2;

#[cfg(test)]
mod tests;
