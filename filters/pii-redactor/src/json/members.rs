//! Objects, arrays, names and commas: how a document is put together.

use super::comments::Comment;
use super::cursor::Cursor;
use super::{
    Frame, JsonRewriter, MAX_DEPTH, MAX_HELD_BYTES, MAX_NAME_BYTES, Next, RECORD_SEPARATOR, Skip,
    State,
};
use crate::bytes::{Position as _, at, find_quote, part, rest};
use crate::lexicon::Announcement;
use crate::malformed::Fault;
use crate::member_rules::MemberDecision;
use crate::plan::Plan;
use crate::tally::Tally;

impl JsonRewriter {
    #[inline]
    pub(super) fn member(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        match byte {
            b'\'' => {
                self.committed = false;
                self.begin_name(byte, cursor, plan);
            }
            _ if is_identifier(byte) && !byte.is_ascii_digit() => {
                self.committed = false;
                cursor.begin_tentative();
                cursor.park();
                self.token.clear();
                self.state = State::InBareName;
            }
            b'"' => {
                self.committed = false;
                if self.traits.has_member_rules {
                    cursor.begin_tentative();
                }
                let start = cursor.at.plus(1);
                let ahead = rest(cursor.chunk, start);
                if let Some(length) = find_quote(ahead)
                    && at(ahead, length) == b'"'
                    && length <= MAX_NAME_BYTES
                {
                    // The usual name: all of it is here, and nothing in it is escaped.
                    cursor.at = start.plus(length).plus(1);
                    self.member_name.is_long = false;
                    self.named(part(ahead, 0, length), plan);
                    self.member_name.place = Some((start, length));
                    if self.next.info.finds {
                        self.replace_in_name((start, length), cursor, plan, tally);
                    }
                    self.state = State::Colon;
                    if self.ahead.is_some() {
                        return cursor.begin_tentative_at(start.less(1));
                    }
                    if !self.traits.has_member_rules {
                        self.value_at_once(start, cursor, plan, tally);
                    }
                    return;
                }
                self.begin_name(byte, cursor, plan);
            }
            // Behind a comma it is JSON5.
            b'}' => self.close(cursor),
            _ => self.give_up(Fault::UnexpectedByte, cursor, tally),
        }
    }

    /// A name begins that is read byte by byte. Until its colon comes it may be text.
    fn begin_name(&mut self, quote: u8, cursor: &mut Cursor<'_>, plan: &Plan) {
        cursor.begin_tentative();
        self.quote = quote;
        if plan.searches_names() {
            return self.begin_searched_name(cursor);
        }
        cursor.advance();
        self.member_name.begin();
        self.state = State::InName { escaped: false };
    }

    /// The usual member: a colon, perhaps a space, and the value, all here. Its name begins at this
    /// place.
    #[inline]
    fn value_at_once(
        &mut self,
        name: usize,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        if cursor.peek() != Some(b':') {
            // Until its colon comes it may be text.
            return cursor.begin_tentative_at(name.less(1));
        }
        cursor.advance();
        self.has_value = true;
        self.state = State::Value { is_first: false };
        if cursor.peek() == Some(b' ') {
            cursor.advance();
        }
        match cursor.peek() {
            Some(byte) if starts_value(byte) => self.begin(byte, cursor, plan, tally),
            _ => {}
        }
    }

    pub(super) fn in_name(&mut self, mut escaped: bool, cursor: &mut Cursor<'_>, plan: &Plan) {
        while let Some(byte) = cursor.peek() {
            cursor.advance();
            if byte == self.quote && !escaped {
                let name = self.member_name.take();
                self.named(&name, plan);
                self.member_name.text = name;
                self.member_name.place = None;
                self.state = State::Colon;
                return;
            }
            escaped = byte == b'\\' && !escaped;
            if self.member_name.text.len() < MAX_NAME_BYTES.saturating_mul(6) {
                self.member_name.text.push(byte);
            } else {
                // No rule has so long a name; the value is scanned like any other.
                self.member_name.is_long = true;
            }
            if cursor.is_tentative()
                && cursor.tentative_bytes() > MAX_HELD_BYTES.saturating_add(MAX_NAME_BYTES)
            {
                self.member_name.is_long = true;
                self.committed = true;
                self.keep(cursor);
            }
        }
        self.state = State::InName { escaped };
    }

    /// A name without quotes (JSON5). It is held up to its colon: without one it is text.
    pub(super) fn in_bare_name(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        let is_behind = self.token.last().is_some_and(u8::is_ascii_whitespace);
        match byte {
            b':' => {
                let token = std::mem::take(&mut self.token);
                cursor.begin_tentative();
                cursor.insert(&token);
                let name = token.trim_ascii_end();
                self.named(name, plan);
                self.member_name.begin();
                self.member_name.text.extend_from_slice(name);
                self.state = State::Colon;
                self.colon(byte, cursor, tally);
            }
            // It was white space of another language.
            b'"' | b'\'' | b'}'
                if self.token.iter().copied().all(super::is_other_space)
                    && self.traits.level == 0 =>
            {
                self.note(Fault::UnexpectedByte, self.place(cursor));
                let token = std::mem::take(&mut self.token);
                cursor.insert(&token);
                if !self.traits.has_member_rules {
                    cursor.keep(false);
                }
                self.state = State::Name { is_first: false };
            }
            _ if self.token.len() < MAX_NAME_BYTES
                && (super::is_space(byte) || is_identifier(byte) && !is_behind) =>
            {
                self.token.push(byte);
                cursor.advance();
                cursor.drop_read();
            }
            _ => self.break_off(Fault::UnexpectedByte, cursor, plan, tally),
        }
    }

    /// A member with this name comes.
    #[inline]
    pub(super) fn named(&mut self, name: &[u8], plan: &Plan) {
        let info = match self.stack.frames.last() {
            Some(frame) => {
                let parent = (&frame.info, self.stack.name_of(frame));
                plan.name_info(parent, name)
            }
            None => plan.field_info(name),
        };
        self.next = self.decide(Some(name), info, plan);
        self.look_beside(plan);
    }

    #[inline]
    pub(super) fn colon(&mut self, byte: u8, cursor: &mut Cursor<'_>, tally: &mut Tally) {
        if byte != b':' {
            return self.give_up(Fault::UnexpectedByte, cursor, tally);
        }
        cursor.advance();
        self.has_value = true;
        if !self.traits.has_member_rules {
            self.member_name.save(cursor.chunk);
            cursor.keep(false);
        }
        if self.next.decision == MemberDecision::Stays {
            self.child_stays(cursor);
        }
        self.state = State::Value { is_first: false };
    }

    #[inline]
    pub(super) fn value(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        match self.stack.frames.last_mut() {
            Some(frame) if !frame.is_object => {
                // Behind a comma it is JSON5.
                if byte == b']' {
                    return self.close(cursor);
                }
                let info = crate::names::KeyInfo {
                    field: None,
                    removes: None,
                    ..frame.info.clone()
                };
                if self.traits.has_member_rules {
                    cursor.begin_tentative();
                }
                self.next = self.decide(None, info, plan);
                if let Some(frame) = self.stack.frames.last_mut() {
                    frame.index = frame.index.saturating_add(1);
                }
                if self.next.decision == MemberDecision::Stays {
                    self.child_stays(cursor);
                }
            }
            Some(_) => {}
            None if self.traits.level == 0 && is_before_document(byte, self.has_value) => {
                cursor.advance();
                self.state = State::Value { is_first: false };
                return;
            }
            // In a string there is one document, and nothing behind it.
            None if self.traits.level > 0 && self.has_value => {
                return self.give_up(Fault::UnexpectedByte, cursor, tally);
            }
            None => {
                self.next = Next {
                    info: self.root.info.clone(),
                    allowed: self.traits.minimizes.is_none(),
                    decision: if self.traits.minimizes.is_some() {
                        MemberDecision::AllowedInside
                    } else {
                        MemberDecision::Stays
                    },
                    ..Next::default()
                };
                self.member_name.text.clone_from(&self.root.name);
                self.member_name.place = None;
                self.stack.states.clear();
                if self.traits.level == 0 {
                    self.stack.states.extend_from_slice(plan.paths.root());
                }
            }
        }
        match self.next.decision {
            MemberDecision::Stays => self.begin(byte, cursor, plan, tally),
            _ if !starts_value(byte) => self.give_up(Fault::UnexpectedByte, cursor, tally),
            MemberDecision::Field(field) => self.act(field, byte, cursor, plan, tally),
            MemberDecision::Kind(kind) => self.remove_for(kind, cursor, plan, tally),
            MemberDecision::AllowedInside if matches!(byte, b'{' | b'[') => {
                self.child_stays(cursor);
                self.begin(byte, cursor, plan, tally);
            }
            MemberDecision::AllowedInside | MemberDecision::NotAllowed => {
                self.minimize(byte, cursor, plan, tally);
            }
        }
    }

    pub(super) fn open(&mut self, byte: u8, cursor: &mut Cursor<'_>, tally: &mut Tally) {
        let is_object = byte == b'{';
        if self.stack.frames.len() >= MAX_DEPTH {
            // Where it closes again, what is around goes on.
            self.note(Fault::TooDeep, self.place(cursor));
            cursor.flush();
            self.recovery.text.begin_at(self.place(cursor));
            let skip = Skip {
                is_text: true,
                ..Skip::default()
            };
            return self.skip(skip, cursor, tally);
        }
        self.member_name.save(cursor.chunk);
        cursor.advance();
        // An item of an array has the name of the array.
        let is_item = self
            .stack
            .frames
            .last()
            .is_some_and(|frame| !frame.is_object);
        let beside = self.name_beside();
        let name = beside.as_deref().unwrap_or(&self.member_name.text);
        let name = (!is_item).then_some(name);
        let names_from = self.stack.push_name(name);
        self.stack.frames.push(Frame {
            is_object,
            written: false,
            allowed: self.next.allowed,
            applied: self.next.applied,
            info: self.stack.info_inside(self.next.info.clone(), is_object),
            states_from: self.next.states_from,
            states_to: self.stack.states.len(),
            names_from,
            index: 0,
            naming_from: self.stack.naming.len(),
            has_looked_ahead: false,
            has_looked_for_people: false,
        });
        self.state = if is_object {
            State::Name { is_first: true }
        } else {
            State::Value { is_first: true }
        };
    }

    fn close(&mut self, cursor: &mut Cursor<'_>) {
        // White space that nothing followed; and a comma, if something stands before it.
        self.keep(cursor);
        cursor.advance();
        self.stack.leave();
        self.has_value = true;
        self.state = State::AfterValue;
    }

    #[inline]
    pub(super) fn after_value(
        &mut self,
        byte: u8,
        cursor: &mut Cursor<'_>,
        plan: &Plan,
        tally: &mut Tally,
    ) {
        let is_object = self.stack.frames.last().map(|frame| frame.is_object);
        match (byte, is_object) {
            (b',', Some(true)) if !self.traits.has_member_rules => {
                // The usual next member: perhaps a space, and its name.
                cursor.advance();
                self.state = State::Name { is_first: false };
                if cursor.peek() == Some(b' ') {
                    cursor.advance();
                }
                if cursor.peek() == Some(b'"') {
                    self.member(b'"', cursor, plan, tally);
                }
            }
            (b',', Some(is_object)) => {
                self.committed = false;
                if self.traits.has_member_rules {
                    cursor.begin_tentative();
                }
                cursor.advance();
                self.state = if is_object {
                    State::Name { is_first: false }
                } else {
                    State::Value { is_first: false }
                };
            }
            (b'}', Some(true)) | (b']', Some(false)) => self.close(cursor),
            // A comma is missing.
            (b'{' | b'[', Some(false)) | (b'"', Some(_)) if self.traits.level == 0 => {
                self.note(Fault::UnexpectedByte, self.place(cursor));
                self.committed = true;
                self.state = if is_object == Some(true) {
                    State::Name { is_first: false }
                } else {
                    State::Value { is_first: false }
                };
            }
            // A bracket too many.
            (b'}' | b']', None) if self.traits.level == 0 => {
                self.note(Fault::UnexpectedByte, self.place(cursor));
                cursor.advance();
            }
            // The next document.
            (_, None) => {
                self.state = State::Value { is_first: false };
                self.value(byte, cursor, plan, tally);
            }
            _ => self.give_up(Fault::UnexpectedByte, cursor, tally),
        }
    }

    pub(super) fn skip(&mut self, mut skip: Skip, cursor: &mut Cursor<'_>, tally: &mut Tally) {
        let mut over = false;
        let start = cursor.at;
        while let Some(byte) = cursor.peek() {
            if let Some(quote) = skip.quote {
                match byte {
                    _ if skip.escaped => skip.escaped = false,
                    b'\\' => skip.escaped = true,
                    _ if byte == quote => {
                        skip.quote = None;
                        over = skip.depth == 0;
                    }
                    _ => {}
                }
            } else if let Some(comment) = skip.comment {
                skip.comment = comment.next(byte);
            } else {
                match byte {
                    b'"' | b'\'' => skip.quote = Some(byte),
                    b'/' if skip.depth > 0 => skip.comment = Some(Comment::Begins),
                    b'{' | b'[' | b'(' => skip.depth = skip.depth.saturating_add(1),
                    b'}' | b']' | b')' if skip.depth > 0 => {
                        skip.depth = skip.depth.saturating_sub(1);
                        over = skip.depth == 0;
                    }
                    b' ' if skip.depth == 0 && usize::from(skip.new_bytes) == NEW.len() => {
                        skip.new_bytes = u8::MAX;
                    }
                    // The number or literal is over, and this byte is not part of it.
                    _ if skip.depth == 0 && !is_token_byte(byte) => {
                        cursor.drop_read();
                        self.state = State::AfterValue;
                        return;
                    }
                    _ => {
                        let next = NEW.get(usize::from(skip.new_bytes));
                        skip.new_bytes = match next {
                            Some(next) if *next == byte => skip.new_bytes.saturating_add(1),
                            _ => u8::MAX,
                        };
                    }
                }
            }
            cursor.advance();
            if over {
                break;
            }
        }
        if skip.is_text {
            let end = cursor.at.less(usize::from(over && skip.is_call));
            let text = part(cursor.chunk, start, end);
            self.recovery.text.write(text, cursor.out(), tally);
            if over {
                self.recovery.text.end_line(cursor.out(), tally);
                self.recovery.text.announce(Announcement::default());
                let bracket = part(cursor.chunk, end, cursor.at);
                cursor.out().extend_from_slice(bracket);
            }
        }
        cursor.drop_read();
        self.state = if over {
            State::AfterValue
        } else {
            State::Skipping(skip)
        };
    }
}

/// The name that a spelling stands for; one that is no string is compared as it stands.
pub(super) fn unescaped(spelling: &[u8]) -> Vec<u8> {
    if !spelling.contains(&b'\\') {
        return spelling.to_vec();
    }
    let quoted = [b"\"", spelling, b"\""].concat();
    match policy::json::Json::parse(&quoted) {
        Ok(policy::json::Json::String(name)) => name.into_bytes(),
        _ => spelling.to_vec(),
    }
}

/// What may stand before a document and is no part of it: a byte order mark (RFC 8259 section 8.1),
/// a record separator (RFC 7464), and, before the first one, the `)]}',` that keeps browsers from
/// running a document as a script.
pub(super) const fn is_before_document(byte: u8, has_value: bool) -> bool {
    match byte {
        0xef | 0xbb | 0xbf | RECORD_SEPARATOR => true,
        b')' | b']' | b'}' | b'\'' | b',' => !has_value,
        _ => false,
    }
}

/// What may stand before a call: `new Date(0)`.
const NEW: &[u8] = b"new";

pub(crate) const fn starts_value(byte: u8) -> bool {
    is_token_byte(byte) || matches!(byte, b'"' | b'\'' | b'{' | b'[')
}

/// What a name without quotes has (ECMAScript, and signs that stand in other names).
const fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'-') || !byte.is_ascii()
}

pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
