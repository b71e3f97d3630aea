//! Rewriting a JSON body while it streams by.
//!
//! The body is never a tree and never whole. What no rule is about leaves as it came: white space,
//! the order of members, the spelling of numbers and escapes. What is held between two chunks is
//! bounded: a member with its comma up to its value (1 KiB), a string up to its window, a number (64
//! bytes), and the stack (512 levels). What leaves depends on the bytes alone, not on how the body is
//! cut into chunks. Where documents in strings are read too, such a string is held whole (64 KiB).
//!
//! Several documents one after the other (NDJSON) are read as such. What is no JSON is scanned as text
//! from the first wrong byte on: detectors go on, rules about members have nothing to hold on to any
//! more, and the caller is told.

mod cursor;
mod escapes;
mod members;
mod nested;
mod numbers;
mod run;
mod searched_names;
mod values;
mod verdicts;

use std::rc::Rc;

use crate::bytes::Position as _;
use crate::detect::Span;
use crate::names::KeyInfo;
use crate::plan::{Minimization, Plan};
use crate::scan::TextScanner;
use crate::spelled::{Sink, Spelling};
use crate::tally::Tally;
use crate::text::TextRewriter;
use cursor::Cursor;
use nested::{Nested, Root};

/// Rewrites one body.
#[derive(Debug)]
pub struct JsonRewriter {
    plan: Rc<Plan>,
    has_member_rules: bool,
    /// Only what is allowed passes.
    minimizes: Option<Minimization>,
    /// Documents in strings are read as such.
    nests: bool,
    /// In so many strings is this document.
    level: u8,
    /// What the name of the string announces that it is in.
    root: Root,
    nested: Nested,
    /// Whether the usual members are read without a step for each part.
    runs: bool,
    /// No rule is about paths, so that is possible from the root on.
    root_runs: bool,
    state: State,
    frames: Vec<Frame>,
    /// What the paths have reached in each frame, one after the other.
    states: Vec<u16>,
    /// The names of the members that the frames belong to, one after the other.
    names: Vec<u8>,
    next: Next,
    held: Vec<u8>,
    /// The spelling of the member's name that is being read.
    name: Vec<u8>,
    /// Where it is in the chunk, until it is saved.
    name_at: Option<(usize, usize)>,
    name_is_long: bool,
    /// Names are searched too.
    name_scanner: TextScanner,
    /// The name or the comma has left already, so the member cannot go without a trace.
    committed: bool,
    spans: Vec<Span>,
    scanner: TextScanner,
    token: Vec<u8>,
    text: TextRewriter,
    /// The place of the chunk in the body.
    offset: u64,
    malformed: bool,
    /// Something of the document has been read that makes it one.
    has_value: bool,
}

/// What is known about the value that comes next.
#[derive(Clone, Debug, Default)]
struct Next {
    info: KeyInfo,
    verdict: Verdict,
    /// The rule whose action is applied to each string and number.
    applied: Option<u16>,
    /// Everything in it is allowed.
    allowed: bool,
    /// Where what the paths have reached begins.
    states_from: usize,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Stays,
    /// A rule about members acts on it.
    Field(u16),
    /// It is not allowed, whatever it is.
    NotAllowed,
    /// Something in it may be allowed, if it is an object or an array.
    AllowedInside,
}

#[derive(Clone, Debug)]
struct Frame {
    is_object: bool,
    /// A child was written, so the next one needs its comma.
    written: bool,
    allowed: bool,
    applied: Option<u16>,
    /// What its name says: about the items of an array, and as the parent of members.
    info: KeyInfo,
    states_from: usize,
    states_to: usize,
    names_from: usize,
    /// The place of the next item of an array.
    index: u64,
}

impl Frame {
    /// No path leads into it, and everything in it is allowed: only names say what becomes of members.
    const fn is_plain(&self) -> bool {
        self.states_from == self.states_to && self.allowed && self.applied.is_none()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value; right after `[` it may be `]` instead.
    Value { may_close: bool },
    /// Before a name; right after `{` it may be `}` instead.
    Name { may_close: bool },
    /// In a name.
    InName { escaped: bool },
    /// In a name that is searched, of which the scanner for names has the beginning.
    InSearchedName,
    /// After a name.
    Colon,
    /// In a string value, of which the scanner has the beginning.
    InString,
    /// In a string value that may be a document, and is held.
    InNested,
    /// In a string value of which nothing leaves any more.
    InLostString { escaped: bool },
    /// In a number or a literal; a long one leaves as it comes.
    InToken { is_long: bool },
    /// After a value.
    AfterValue,
    /// In a value that does not leave.
    Skipping(Skip),
    /// Not JSON (any more).
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Skip {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl JsonRewriter {
    /// A rewriter with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>) -> Self {
        let states = plan.paths.root().to_vec();
        Self {
            has_member_rules: plan.has_member_rules(),
            minimizes: plan.minimizes,
            nests: plan.nests_json(),
            level: 0,
            root: Root::default(),
            nested: Nested::default(),
            runs: true,
            root_runs: plan.paths.is_empty() && plan.minimizes.is_none(),
            text: TextRewriter::new(Rc::clone(&plan), true),
            plan,
            state: State::Value { may_close: false },
            frames: Vec::new(),
            states,
            names: Vec::new(),
            next: Next::default(),
            held: Vec::new(),
            name: Vec::new(),
            name_at: None,
            name_is_long: false,
            name_scanner: TextScanner::new(Spelling::Name),
            committed: false,
            spans: Vec::new(),
            scanner: TextScanner::new(Spelling::Json),
            token: Vec::new(),
            offset: 0,
            malformed: false,
            has_value: false,
        }
    }

    /// Takes the next bytes of the body, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let mut cursor = Cursor::new(chunk, std::mem::take(&mut self.held), out);
        while let Some(byte) = cursor.peek() {
            self.step(byte, &mut cursor, &plan, tally);
            if self.can_run() && !cursor.is_tentative() {
                self.run(&mut cursor, &plan, tally);
            }
        }
        self.held = cursor.finish();
        self.save_name(chunk);
        self.offset = self
            .offset
            .saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
    }

    /// White space of a format around the document, that stands between two of its tokens (the
    /// beginning of the next line of an event).
    pub fn write_between(&mut self, raw: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        match self.state {
            State::Value { .. }
            | State::Name { .. }
            | State::Colon
            | State::AfterValue
            | State::Skipping(_) => {
                let mut cursor = Cursor::new(raw, std::mem::take(&mut self.held), out);
                let hold = self.has_member_rules
                    && !matches!(self.state, State::AfterValue | State::Skipping(_));
                if hold {
                    cursor.begin_tentative();
                }
                cursor.at = raw.len();
                if matches!(self.state, State::Skipping(_)) {
                    cursor.drop_read();
                }
                self.held = cursor.finish();
                self.offset = self
                    .offset
                    .saturating_add(u64::try_from(raw.len()).unwrap_or(0));
            }
            _ => {
                // Inside a string or a number: no JSON, and from here on text.
                let plan = Rc::clone(&self.plan);
                let mut cursor = Cursor::new(&[], std::mem::take(&mut self.held), out);
                self.break_off(&mut cursor, &plan, tally);
                self.held = cursor.finish();
                self.text.end_line(out, tally);
                out.extend_from_slice(raw);
                self.offset = self
                    .offset
                    .saturating_add(u64::try_from(raw.len()).unwrap_or(0));
            }
        }
    }

    /// The body is complete: writes what is held.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let mut cursor = Cursor::new(&[], std::mem::take(&mut self.held), out);
        self.settle(&mut cursor, &plan, tally);
        match self.state {
            State::InToken { .. } => self.end_token(None, &mut cursor, &plan, tally),
            State::InString => self.break_off(&mut cursor, &plan, tally),
            _ => {}
        }
        let in_document =
            !self.frames.is_empty() || matches!(self.state, State::InLostString { .. });
        // A document that breaks off is no JSON.
        self.malformed |= in_document;
        cursor.flush();
        self.held = cursor.finish();
        self.text.finish(out, tally);
    }

    /// Bytes that are held at the moment; 0 at the end of a document that is an object or an array.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
            .len()
            .saturating_add(self.scanner.held())
            .saturating_add(self.name_scanner.held())
            .saturating_add(self.nested.held())
            .saturating_add(self.token.len())
            .saturating_add(self.text.held())
    }

    /// Whether the body turned out not to be JSON.
    #[must_use]
    pub const fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// Whether a document was recognized before that: a whole value, or the name of a member.
    #[must_use]
    pub const fn has_value(&self) -> bool {
        self.has_value
    }

    /// Whether documents are complete here.
    #[must_use]
    pub const fn is_between_documents(&self) -> bool {
        self.frames.is_empty() && matches!(self.state, State::AfterValue | State::Value { .. })
    }

    /// Whether the next member or item may be a usual one.
    #[inline]
    fn can_run(&self) -> bool {
        let is_at_child = match self.state {
            State::AfterValue => true,
            State::Name { may_close } | State::Value { may_close } => may_close,
            _ => false,
        };
        let is_plain = || match self.frames.last() {
            Some(frame) => frame.is_plain(),
            None => self.root_runs,
        };
        self.runs && is_at_child && is_plain()
    }

    #[inline]
    fn step(&mut self, byte: u8, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        match self.state {
            State::Value { .. } | State::Name { .. } | State::Colon | State::AfterValue
                if is_space(byte) =>
            {
                self.white_space(cursor);
            }
            State::Value { may_close } => self.value(byte, may_close, cursor, plan, tally),
            State::Name { may_close } => self.member(byte, may_close, cursor, plan, tally),
            State::Colon => self.colon(byte, cursor),
            State::AfterValue => self.after_value(byte, cursor, plan, tally),
            State::InName { escaped } => self.in_name(escaped, cursor, plan),
            State::InSearchedName => self.in_searched_name(cursor, plan, tally),
            State::InString => self.in_string(cursor, plan, tally),
            State::InNested => self.in_nested(cursor, plan, tally),
            State::InLostString { escaped } => self.in_lost_string(byte, escaped, cursor),
            State::InToken { is_long } => self.in_token(byte, is_long, cursor, plan, tally),
            State::Skipping(skip) => self.skip(skip, cursor),
            State::Text => {
                cursor.flush();
                let at = cursor.at;
                let chunk = cursor.chunk;
                cursor.at = chunk.len();
                cursor.drop_read();
                self.text
                    .write(crate::bytes::rest(chunk, at), cursor.out(), tally);
            }
        }
    }

    /// What is read is no JSON: what is held of it and all that follows is text.
    fn give_up(&mut self, cursor: &mut Cursor<'_>) {
        self.malformed = true;
        cursor.flush();
        self.frames = Vec::new();
        self.states.truncate(0);
        self.names.clear();
        let place = self
            .offset
            .saturating_add(u64::try_from(cursor.at).unwrap_or(0));
        self.text.begin_at(place);
        self.state = State::Text;
    }

    /// What is held of a name or of a document in a string will not be complete.
    fn settle(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        match self.state {
            State::InNested => self.as_text(cursor, plan, tally),
            State::InSearchedName => self.release_name(cursor, plan, tally),
            _ => {}
        }
    }

    /// A string or a number breaks off: what the scanner has of it becomes text.
    fn break_off(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        self.settle(cursor, plan, tally);
        let token = std::mem::take(&mut self.token);
        let was_string = self.state == State::InString;
        self.give_up(cursor);
        if was_string {
            let announcement = self.next.info.announcement();
            if !self.scanner.has_started() {
                cursor.out().push(b'"');
            }
            let mut sink = Sink {
                plan,
                out: cursor.out(),
                tally,
            };
            self.scanner.end(&announcement, &mut sink);
        }
        let back = u64::try_from(token.len()).unwrap_or(0);
        self.text.begin_at(
            self.offset
                .saturating_add(u64::try_from(cursor.at).unwrap_or(0))
                .saturating_sub(back),
        );
        self.text.write(&token, cursor.out(), tally);
    }

    fn white_space(&mut self, cursor: &mut Cursor<'_>) {
        // White space before a member or an item goes with it.
        let before_child = self.has_member_rules
            && match self.state {
                State::Name { .. } | State::Colon => true,
                State::Value { .. } => {
                    cursor.is_tentative()
                        || self.frames.last().is_some_and(|frame| !frame.is_object)
                }
                _ => false,
            };
        if before_child {
            cursor.begin_tentative();
        }
        let length = crate::bytes::count_while(cursor.chunk, cursor.at, is_space);
        cursor.at = cursor.at.plus(length);
        if cursor.is_tentative() && cursor.tentative_bytes() > MAX_HELD_BYTES {
            self.committed = true;
            self.keep(cursor);
        }
    }

    /// What is held stays: the child that it belongs to does.
    #[inline]
    fn keep(&mut self, cursor: &mut Cursor<'_>) {
        let is_first = self.frames.last().is_some_and(|frame| !frame.written);
        cursor.keep(is_first);
    }

    /// A child is written into the innermost object or array.
    #[inline]
    fn child_stays(&mut self, cursor: &mut Cursor<'_>) {
        if self.has_member_rules {
            self.keep(cursor);
            if let Some(frame) = self.frames.last_mut() {
                frame.written = true;
            }
        }
    }
}

#[inline(always)]
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

const MAX_DEPTH: usize = 512;
const MAX_NAME_BYTES: usize = 256;
const MAX_HELD_BYTES: usize = 1024;
const MAX_TOKEN_BYTES: usize = 64;

#[cfg(test)]
mod tests;
