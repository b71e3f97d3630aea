//! What is no JSON: it is text, up to the next member, or a line that begins like a document again.

use std::rc::Rc;

use super::comments::Comment;
use super::cursor::Cursor;
use super::resume::MemberAhead;
use super::{JsonRewriter, RECORD_SEPARATOR, Skip, State, is_line_end};
use crate::bytes::{Position as _, part, rest};
use crate::malformed::{Fault, Malformed};
use crate::plan::Plan;
use crate::spelled::Sink;
use crate::steps::step;
use crate::tally::Tally;
use crate::text::{TextForm, TextRewriter};

/// What is known about a body that is not JSON everywhere.
#[derive(Debug)]
pub(super) struct Recovery {
    /// Where it stopped being JSON for the first time.
    pub(super) malformed: Option<Malformed>,
    /// What is no JSON goes through here.
    pub(super) text: TextRewriter,
    /// What may be the member with which JSON goes on.
    pub(super) member: MemberAhead,
    /// The byte before the chunk ended a line, or there is none.
    pub(super) after_line: bool,
    /// The text goes on at the beginning of a line.
    pub(super) at_line: bool,
}

impl Recovery {
    pub(super) fn new(plan: Rc<Plan>) -> Self {
        Self {
            malformed: None,
            text: TextRewriter::new(plan, TextForm::JsonEscapes),
            member: MemberAhead::default(),
            after_line: true,
            at_line: false,
        }
    }
}

impl JsonRewriter {
    /// Notes the first fault of the body.
    pub(super) fn note(&mut self, what: Fault, offset: u64) {
        self.recovery
            .malformed
            .get_or_insert(Malformed { offset, what });
    }

    /// What is read is no JSON: what is held of it is text, and so is what follows, up to a line that
    /// begins like a document.
    pub(super) fn give_up(&mut self, what: Fault, cursor: &mut Cursor<'_>, tally: &mut Tally) {
        let place = self.place(cursor);
        self.note(what, place);
        // A name in quotes has been read, whatever stands in the place of its colon.
        self.has_value |= self.state == State::Colon;
        // A name without its colon is no name.
        let taken = cursor.take_tentative();
        cursor.flush();
        self.recovery.at_line = match cursor.at.checked_sub(1) {
            None => self.recovery.after_line,
            Some(before) => cursor
                .chunk
                .get(before)
                .is_some_and(|byte| is_line_end(*byte)),
        };
        self.recovery.member.begin();
        if !self.seeks_members() {
            self.stack.clear();
        }
        let back = u64::try_from(taken.len()).unwrap_or(0);
        self.recovery.text.begin_at(place.saturating_sub(back));
        self.recovery.text.write(&taken, cursor.out(), tally);
        self.recovery.at_line &= taken.is_empty();
        self.state = State::Text;
    }

    /// A line is over, where each is a document. A string does not go on in the next one.
    pub(super) fn end_line(&mut self, out: &mut Vec<u8>, tally: &mut Tally) {
        let is_in_string = matches!(
            self.state,
            State::InName { .. }
                | State::InBareName
                | State::Colon
                | State::InComment(_)
                | State::InSearchedName
                | State::InString
                | State::InNested
                | State::InLostString { .. }
                | State::Skipping(Skip { quote: Some(_), .. })
        );
        if is_in_string {
            let plan = Rc::clone(&self.plan);
            let mut cursor = Cursor::new(&[], std::mem::take(&mut self.held), out);
            self.break_off(Fault::BreaksOff, &mut cursor, &plan, tally);
            self.held = cursor.finish();
        }
    }

    pub(super) fn in_text(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        cursor.flush();
        let ahead = rest(cursor.chunk, cursor.at);
        // A label begins with a bracket too, so that only an object is recognized.
        if self.recovery.at_line
            && byte == b'{'
            && self.traits.level == 0
            && !self.recovery.text.is_in_key()
        {
            self.release_member(cursor.out(), tally);
            self.recovery.text.end_line(cursor.out(), tally);
            self.stack.clear();
            self.state = State::Value { is_first: false };
            return;
        }
        let seeks = self.seeks_members();
        if seeks && self.seek_member(byte, cursor, plan, tally) {
            return;
        }
        // No further than that: signs may stand close together, and line ends nowhere.
        let ahead = part(ahead, 0, PIECE_BYTES);
        step(ahead.len() / 16);
        let end = memchr::memchr2(b'\n', RECORD_SEPARATOR, ahead);
        let length = end.map_or(ahead.len(), |end| end.plus(1));
        let line = part(ahead, 0, length);
        // What may begin a member is looked at by itself.
        let sign = memchr::memchr3(b',', b'{', b'[', line).filter(|_| seeks);
        let (end, length) = sign.map_or((end, length), |sign| (None, sign));
        let line = part(line, 0, length);
        if seeks {
            self.count_brackets(line);
        }
        self.recovery.text.write(line, cursor.out(), tally);
        if line.last() == Some(&RECORD_SEPARATOR) {
            self.recovery.text.end_line(cursor.out(), tally);
        }
        self.recovery.at_line = end.is_some();
        cursor.at = cursor.at.plus(length);
        cursor.drop_read();
    }

    /// What is held of a name or of a document in a string will not be complete.
    pub(super) fn settle(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        match self.state {
            State::InNested => self.as_text(cursor, plan, tally),
            State::InSearchedName => self.release_name(cursor, plan, tally),
            State::InComment(comment) if comment != Comment::Begins => {
                self.release_comment(cursor, tally);
            }
            _ => {}
        }
    }

    /// A string or a number breaks off: what the scanner has of it becomes text.
    pub(super) fn break_off(
        &mut self,
        what: Fault,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        self.settle(cursor, plan, tally);
        let token = std::mem::take(&mut self.token);
        let was_string = self.state == State::InString;
        self.give_up(what, cursor, tally);
        if was_string {
            let announcement = self.next.info.announcement();
            if !self.scanner.has_started() {
                cursor.out().push(self.quote);
            }
            let out = cursor.out();
            self.scanner
                .end(&announcement, &mut Sink { plan, out, tally });
        }
        if token.is_empty() {
            return;
        }
        self.recovery.at_line = false;
        self.recovery.text.write(&token, cursor.out(), tally);
    }
}

/// So much of a text is looked at for where it ends.
const PIECE_BYTES: usize = 32;
