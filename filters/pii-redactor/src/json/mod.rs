//! Rewriting a JSON body while it streams by.
//!
//! The body is never a tree and never whole. What no rule is about leaves as it came: white space,
//! the order of members, the spelling of numbers and escapes. What is held between two chunks is
//! bounded: a member with its comma up to its value (1 KiB), a string up to its window, a number (64
//! bytes), and the stack (512 levels). What leaves depends on the bytes alone, not on how the body is
//! cut into chunks. Where documents in strings are read too, such a string is held whole (64 KiB).
//!
//! Several documents one after the other (NDJSON) are read as such. What JSON5 adds is read too:
//! comments, names without quotes, single quotes, a comma behind the last child. What is no JSON is scanned as text
//! from the first wrong byte on, up to the next member, or a line that begins like a document again: detectors go
//! on, rules about members have nothing to hold on to in between, and the caller is told.

mod beside;
mod comments;
mod cursor;
mod escapes;
mod fast_path;
mod member_name;
mod members;
mod nested;
mod numbers;
mod recovery;
mod resume;
mod rules;
mod searched_names;
mod stack;
mod values;
mod watch;

use std::rc::Rc;

use crate::bytes::{Position as _, part, rest};
use crate::detect::Span;
use crate::malformed::{Fault, Malformed};
use crate::member_rules::MemberDecision;
use crate::names::KeyInfo;
use crate::plan::{Minimization, Plan};
use crate::scan::TextScanner;
use crate::spelled::Spelling;
use crate::tally::Tally;
use crate::text::{TextForm, TextRewriter};
use beside::Ahead;
use comments::Comment;
use cursor::Cursor;
use member_name::MemberName;
pub(crate) use members::starts_value;
use nested::{Nested, Root};
pub(crate) use numbers::is_json_number;
use recovery::Recovery;
use stack::{Frame, Stack};
use watch::{Piece, Watch};

/// Rewrites one JSON body as it streams.
#[derive(Debug)]
pub struct JsonRewriter {
    plan: Rc<Plan>,
    traits: Traits,
    /// What stands before all else: whose the objects are, and about whom.
    watch: Option<Box<Watch>>,
    /// What the name of the string or field announces that this document is in.
    root: Root,
    nested: Nested,
    /// A value is held whose name may follow.
    ahead: Option<Box<Ahead>>,
    state: State,
    stack: Stack,
    next: Next,
    held: Vec<u8>,
    /// The name of the member that is being read.
    member_name: MemberName,
    /// The name or the comma has left already, so the member cannot go without a trace.
    committed: bool,
    spans: Vec<Span>,
    scanner: TextScanner,
    /// What ends the string or the name that is being read.
    quote: u8,
    /// A number or a literal, or a name without quotes.
    token: Vec<u8>,
    /// Searches the text of comments.
    comment_text: TextRewriter,
    /// What is awaited behind it.
    behind_comment: State,
    recovery: Recovery,
    /// The place of the chunk in the body.
    offset: u64,
    /// Something of the document has been read that makes it one.
    has_value: bool,
}

/// What the plan, and what the document is in, ask of the rewriter.
#[derive(Clone, Copy, Debug)]
struct Traits {
    has_member_rules: bool,
    /// Only what is allowed passes.
    minimizes: Option<Minimization>,
    /// Documents in strings are read as such.
    nests: bool,
    /// In so many strings is this document.
    level: u8,
    /// Each line is a document.
    is_lines: bool,
    /// By its type it is JSON, and goes on where it is malformed.
    seeks: bool,
    /// Whether the usual members are read without a step for each part.
    runs: bool,
    /// No rule is about paths, so that is possible from the root on.
    root_runs: bool,
}

/// What is known about the value that comes next.
#[derive(Clone, Debug, Default)]
struct Next {
    info: KeyInfo,
    decision: MemberDecision,
    /// The rule whose action is applied to each string and number.
    applied: Option<u16>,
    /// Everything in it is allowed.
    allowed: bool,
    /// Where what the paths have reached begins.
    states_from: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value, or the end of an array; `is_first`: right behind `[`.
    Value { is_first: bool },
    /// Before a name, or the end of an object; `is_first`: right behind `{`.
    Name { is_first: bool },
    /// Inside the name of a member.
    InName { escaped: bool },
    /// In a name without quotes, or in the white space behind it.
    InBareName,
    /// Inside a comment.
    InComment(Comment),
    /// In a name that is searched, of which the scanner for names has the beginning.
    InSearchedName,
    /// After a name, before its colon.
    Colon,
    /// In a string value, of which the scanner has the beginning.
    InString,
    /// In a string value that may be a document, and is held.
    InNested,
    /// In a string value of which nothing leaves any more.
    InLostString { escaped: bool },
    /// In a number or a literal; a long one leaves as it comes.
    InToken { is_long: bool },
    /// After a value, before a comma or a closing bracket.
    AfterValue,
    /// In a value that does not leave.
    Skipping(Skip),
    /// In text that is not JSON, or no longer.
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Skip {
    /// What is read leaves, searched as text.
    is_text: bool,
    /// It is what a function is called with, up to the bracket that ends it.
    is_call: bool,
    /// So much of `new` has been read, behind which the value goes on.
    new_bytes: u8,
    depth: u32,
    /// What ends the string that is being skipped.
    quote: Option<u8>,
    escaped: bool,
    comment: Option<Comment>,
}

impl JsonRewriter {
    /// A rewriter with this plan.
    #[must_use]
    pub fn new(plan: Rc<Plan>) -> Self {
        Self {
            traits: Traits {
                has_member_rules: plan.has_member_rules(),
                minimizes: plan.minimizes,
                nests: plan.nests_json(),
                level: 0,
                is_lines: false,
                seeks: true,
                runs: true,
                root_runs: plan.paths.is_empty() && plan.minimizes.is_none(),
            },
            watch: plan
                .watched()
                .map(|_| Box::new(Watch::new(Rc::clone(&plan)))),
            root: Root::default(),
            nested: Nested::default(),
            ahead: None,
            state: State::Value { is_first: false },
            stack: Stack::new(plan.paths.root()),
            next: Next::default(),
            held: Vec::new(),
            member_name: MemberName::default(),
            committed: false,
            spans: Vec::new(),
            scanner: TextScanner::new(Spelling::Json),
            quote: b'"',
            token: Vec::new(),
            comment_text: TextRewriter::new(Rc::clone(&plan), TextForm::Plain),
            behind_comment: State::AfterValue,
            recovery: Recovery::new(Rc::clone(&plan)),
            plan,
            offset: 0,
            has_value: false,
        }
    }

    /// What the name of the field that this is the value of says.
    pub(crate) fn announce(&mut self, info: KeyInfo) {
        self.traits.root_runs &= info.kinds.is_none();
        self.root.info = KeyInfo {
            field: None,
            removes: None,
            ..info
        };
    }

    /// Each line is a document: one that is not complete ends with its line.
    pub(crate) const fn expect_lines(&mut self) {
        self.traits.is_lines = true;
    }

    /// By its type the body is a text.
    pub(crate) fn expect_text(&mut self) {
        self.traits.seeks = false;
        if let Some(watch) = &mut self.watch {
            watch.expect_text();
        }
    }

    /// Takes the next bytes of the body, and writes what can leave.
    pub fn write(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        match self.watch_over(tally, |watch, tally| watch.write(chunk, tally)) {
            None => self.rewrite(chunk, out, tally),
            Some(pieces) => self.rewrite_pieces(pieces, out, tally),
        }
    }

    /// Lets the watch see what comes. Where objects may go it says what leaves.
    fn watch_over(
        &mut self,
        tally: &mut Tally,
        look: impl FnOnce(&mut Watch, &mut Tally),
    ) -> Option<Vec<Piece>> {
        let watch = self.watch.as_mut()?;
        look(watch, tally);
        watch.holds().then(|| watch.take())
    }

    fn rewrite_pieces(&mut self, pieces: Vec<Piece>, out: &mut Vec<u8>, tally: &mut Tally) {
        for piece in pieces {
            match piece {
                Piece::Document(bytes) => self.rewrite(&bytes, out, tally),
                Piece::Between(raw) => self.rewrite_between(&raw, out, tally),
            }
        }
    }

    fn rewrite(&mut self, chunk: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        let mut done = 0;
        if self.traits.is_lines {
            for end in memchr::memchr_iter(b'\n', chunk) {
                self.write_piece((done, end), chunk, out, tally);
                self.end_ahead(out, tally);
                self.end_line(out, tally);
                // The end of a line is white space before the next one.
                done = end;
            }
        }
        self.write_piece((done, chunk.len()), chunk, out, tally);
    }

    /// Reads what is between two places of a chunk.
    fn write_piece(
        &mut self,
        (mut from, to): (usize, usize),
        chunk: &[u8],
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) {
        loop {
            // What is held may end where another value is held.
            while self.ahead.is_some() && from < to {
                from = from.plus(self.read_ahead(part(chunk, from, to), out, tally));
            }
            if from >= to {
                return;
            }
            from = from.plus(self.write_read(part(chunk, from, to), rest(chunk, from), out, tally));
        }
    }

    /// Reads a chunk, up to a value that is held. Returns how much of it.
    fn write_read(
        &mut self,
        chunk: &[u8],
        ahead: &[u8],
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> usize {
        let plan = Rc::clone(&self.plan);
        let held = std::mem::take(&mut self.held);
        let mut cursor = Cursor::with_ahead(chunk, ahead, held, out);
        while let Some(byte) = cursor.peek() {
            self.step(byte, &mut cursor, &plan, tally);
            if self.holds_ahead() {
                break;
            }
            if self.can_run() && !cursor.is_tentative() {
                self.run(&mut cursor, &plan, tally);
            }
        }
        let read = cursor.at;
        self.held = cursor.finish();
        self.member_name.save(chunk);
        if let Some(last) = read.checked_sub(1).and_then(|last| chunk.get(last)) {
            self.recovery.after_line = is_line_end(*last);
        }
        self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(0));
        read
    }

    /// White space of a format around the document, that stands between two of its tokens (the
    /// beginning of the next line of an event).
    pub fn write_between(&mut self, raw: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        match self.watch_over(tally, |watch, tally| watch.write_between(raw, tally)) {
            None => self.rewrite_between(raw, out, tally),
            Some(pieces) => self.rewrite_pieces(pieces, out, tally),
        }
    }

    fn rewrite_between(&mut self, raw: &[u8], out: &mut Vec<u8>, tally: &mut Tally) {
        self.end_ahead(out, tally);
        match self.state {
            State::Value { .. }
            | State::Name { .. }
            | State::Colon
            | State::AfterValue
            | State::Skipping(_) => {
                let mut cursor = Cursor::new(raw, std::mem::take(&mut self.held), out);
                let hold = self.traits.has_member_rules
                    && !matches!(self.state, State::AfterValue | State::Skipping(_));
                if hold {
                    cursor.begin_tentative();
                }
                cursor.at = raw.len();
                if matches!(self.state, State::Skipping(skip) if !skip.is_text) {
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
                self.break_off(Fault::BreaksOff, &mut cursor, &plan, tally);
                self.held = cursor.finish();
                self.recovery.text.end_line(out, tally);
                out.extend_from_slice(raw);
                self.offset = self
                    .offset
                    .saturating_add(u64::try_from(raw.len()).unwrap_or(0));
            }
        }
    }

    /// The body is complete: writes what is held.
    pub fn finish(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        if let Some(mut watch) = self.watch.take() {
            watch.finish(tally);
            self.rewrite_pieces(watch.take(), out, tally);
        }
        self.end_ahead(out, tally);
        let plan = Rc::clone(&self.plan);
        let mut cursor = Cursor::new(&[], std::mem::take(&mut self.held), out);
        self.settle(&mut cursor, &plan, tally);
        match self.state {
            State::InToken { .. } => self.end_token(None, &mut cursor, &plan, tally),
            State::InString | State::InName { .. } | State::InBareName | State::Colon => {
                self.break_off(Fault::BreaksOff, &mut cursor, &plan, tally);
            }
            State::InComment(Comment::Begins) => {
                self.break_off(Fault::UnexpectedByte, &mut cursor, &plan, tally);
            }
            State::InComment(_) => self.release_comment(&mut cursor, tally),
            _ => {}
        }
        let in_document =
            !self.stack.frames.is_empty() || matches!(self.state, State::InLostString { .. });
        // A document that breaks off is no JSON.
        if in_document {
            self.note(Fault::BreaksOff, self.place(&cursor));
        }
        cursor.flush();
        self.held = cursor.finish();
        self.release_member(out, tally);
        self.recovery.text.finish(out, tally);
    }

    /// Bytes that are held at the moment; 0 at the end of a document that is an object or an array.
    #[must_use]
    pub fn held(&self) -> usize {
        let watched = self.watch.as_ref().map_or(0, |watch| watch.held());
        watched
            .saturating_add(self.held.len())
            .saturating_add(self.scanner.held())
            .saturating_add(self.member_name.scanner.held())
            .saturating_add(self.nested.held())
            .saturating_add(self.ahead.as_ref().map_or(0, |ahead| ahead.held()))
            .saturating_add(self.token.len())
            .saturating_add(self.comment_text.held())
            .saturating_add(self.recovery.text.held())
            .saturating_add(self.recovery.member.held())
    }

    /// Where the body turned out not to be JSON, if it did.
    #[must_use]
    pub const fn malformed(&self) -> Option<Malformed> {
        self.recovery.malformed
    }

    /// Whether a document was recognized before that: a whole value, or the name of a member.
    #[must_use]
    pub const fn has_value(&self) -> bool {
        self.has_value
    }

    /// Whether documents are complete here.
    #[must_use]
    pub fn is_between_documents(&self) -> bool {
        let watch = self.watch.as_ref().filter(|watch| watch.holds());
        watch.is_none_or(|watch| watch.is_between_documents())
            && self.stack.frames.is_empty()
            && matches!(self.state, State::AfterValue | State::Value { .. })
    }

    /// Whether the next member or item may be a usual one.
    #[inline]
    fn can_run(&self) -> bool {
        let is_at_child = match self.state {
            State::AfterValue => true,
            State::Name { is_first } | State::Value { is_first } => is_first,
            _ => false,
        };
        let is_plain = || match self.stack.frames.last() {
            Some(frame) => frame.is_plain(),
            None => self.traits.root_runs,
        };
        self.traits.runs && is_at_child && is_plain()
    }

    #[inline]
    fn step(&mut self, byte: u8, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        match self.state {
            State::Value { .. } | State::Name { .. } | State::Colon | State::AfterValue
                if is_space(byte) =>
            {
                self.white_space(is_space, cursor);
            }
            State::Value { .. } | State::Name { .. } | State::Colon | State::AfterValue
                if self.is_other_space(byte)
                    && (byte.is_ascii() || !matches!(self.state, State::Name { .. })) =>
            {
                self.note(Fault::UnexpectedByte, self.place(cursor));
                self.white_space(is_other_space, cursor);
            }
            State::Value { .. } | State::Name { .. } | State::Colon | State::AfterValue
                if byte == b'/' =>
            {
                self.begin_comment(cursor);
            }
            State::InComment(comment) => self.in_comment(comment, cursor, plan, tally),
            State::InBareName => self.in_bare_name(byte, cursor, plan, tally),
            State::Value { .. } => self.value(byte, cursor, plan, tally),
            State::Name { .. } => self.member(byte, cursor, plan, tally),
            State::Colon => self.colon(byte, cursor, tally),
            State::AfterValue => self.after_value(byte, cursor, plan, tally),
            State::InName { escaped } => self.in_name(escaped, cursor, plan),
            State::InSearchedName => self.in_searched_name(cursor, plan, tally),
            State::InString => self.in_string(cursor, plan, tally),
            State::InNested => self.in_nested(cursor, plan, tally),
            State::InLostString { escaped } => self.in_lost_string(byte, escaped, cursor),
            State::InToken { is_long } => self.in_token(byte, is_long, cursor, plan, tally),
            State::Skipping(skip) => self.skip(skip, cursor, tally),
            State::Text => self.in_text(byte, cursor, plan, tally),
        }
    }

    /// Whether a byte here is of white space that JSON does not have, and a document goes on behind it.
    fn is_other_space(&self, byte: u8) -> bool {
        is_other_space(byte) && !self.stack.frames.is_empty() && self.traits.level == 0
    }

    fn white_space(&mut self, is_space: fn(u8) -> bool, cursor: &mut Cursor<'_>) {
        if self.is_before_child(self.state, cursor) {
            cursor.begin_tentative();
        }
        let length = crate::bytes::count_while(cursor.chunk, cursor.at, is_space);
        cursor.at = cursor.at.plus(length);
        if cursor.is_tentative() && cursor.tentative_bytes() > MAX_HELD_BYTES {
            self.committed = true;
            self.keep(cursor);
        }
    }

    /// Whether white space in this state stands before a member or an item, and goes with it.
    fn is_before_child(&self, state: State, cursor: &Cursor<'_>) -> bool {
        self.traits.has_member_rules
            && match state {
                State::Name { .. } | State::Colon => true,
                State::Value { .. } => {
                    let frame = self.stack.frames.last();
                    cursor.is_tentative() || frame.is_some_and(|frame| !frame.is_object)
                }
                _ => false,
            }
    }

    /// What is held stays: the child that it belongs to does.
    #[inline]
    fn keep(&mut self, cursor: &mut Cursor<'_>) {
        let is_first = self.stack.frames.last().is_some_and(|frame| !frame.written);
        cursor.keep(is_first);
    }

    /// A child is written into the innermost object or array.
    #[inline]
    fn child_stays(&mut self, cursor: &mut Cursor<'_>) {
        if self.traits.has_member_rules {
            self.keep(cursor);
            if let Some(frame) = self.stack.frames.last_mut() {
                frame.written = true;
            }
        }
    }
}

/// What stands between two lines, or between two records (RFC 7464).
const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | RECORD_SEPARATOR)
}

#[inline(always)]
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// White space of other languages, such as a space that does not break; outside of strings JSON has no other use for
/// these bytes.
const fn is_other_space(byte: u8) -> bool {
    matches!(byte, 0x0b | 0x0c) || !byte.is_ascii()
}

const RECORD_SEPARATOR: u8 = 0x1e;
/// Objects and arrays in each other: no deeper.
pub(crate) const MAX_DEPTH: usize = 512;
const MAX_NAME_BYTES: usize = 256;
const MAX_HELD_BYTES: usize = 1024;
const MAX_TOKEN_BYTES: usize = 64;

#[cfg(test)]
mod tests;
