//! Watching documents on their way: whose the objects in them are, and about whom they are.
//!
//! This stands before everything else that is done with a document. An object that may be another's
//! is held until its owner is known, up to a bound; one that is another's goes, with its comma, or
//! stops the message. People are only noted. What is not strictly JSON cannot be judged: where
//! objects are to be removed, the message goes no further.

mod frames;
mod inside;
mod leaving;
mod measured;
mod owners;

use std::rc::Rc;

use inside::Inside;

use super::members::{is_before_document, is_token_byte, unescaped};
use crate::bytes::{Position as _, part, rest};
use crate::limits::{Excess, MAX_DOCUMENT_BYTES, measure, measure_graphql};
use crate::paths::Child;
use crate::plan::Plan;
use crate::plan::watched::{Watched, What, bit, indices};
use crate::tally::{PeopleMark, Tally};

/// The watch over one body.
#[derive(Debug)]
pub(super) struct Watch {
    plan: Rc<Plan>,
    state: State,
    frames: Vec<Frame>,
    states: Vec<u16>,
    /// The name or the scalar that is being read, as it is spelled.
    text: Vec<u8>,
    is_long: bool,
    /// What the value that comes next, or is being read, is watched for.
    reached: u64,
    /// What may leave only when more is known, or now.
    held: Vec<u8>,
    /// How much has left before it.
    left: usize,
    /// What of it belongs to a format around the document: where it begins, and its length.
    between: Vec<(usize, usize)>,
    /// The frame that is being removed.
    removing: Option<usize>,
    /// Objects go, or stop the message: so what is undecided is held.
    holds: bool,
    has_value: bool,
    /// In so many strings is the document: no path leads there.
    level: u8,
    /// What is in the string that is being read.
    inside: Inside,
    /// What is no JSON is a text, and needs no measure.
    may_be_text: bool,
    /// Members and items of the document so far.
    children: u64,
    /// The value that comes next is a GraphQL document.
    is_graphql: bool,
}

/// A piece of what may leave.
pub(super) enum Piece {
    Document(Vec<u8>),
    Between(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value; `may_end`: right behind `[`.
    Value {
        may_end: bool,
    },
    /// Before a name; `may_end`: right behind `{`.
    Name {
        may_end: bool,
    },
    InName {
        escaped: bool,
    },
    Colon,
    InString {
        escaped: bool,
    },
    InToken,
    AfterValue,
    /// Nothing more can be said about it.
    Lost,
}

#[derive(Debug)]
struct Frame {
    is_object: bool,
    states_from: usize,
    states_to: usize,
    index: u64,
    /// Where it begins, with the comma before it and its name.
    start: usize,
    /// Where the child that comes next begins.
    child_start: usize,
    /// A child was written, so the next one needs its comma.
    written: bool,
    /// The rules about owners that it is an object of.
    object_of: u64,
    /// Those whose owner has been found.
    judged: u64,
    /// What the items of this array are watched for.
    collects: u64,
    /// Those of them that one item has fulfilled.
    fulfilled: u64,
    /// How many people had been noted before it.
    people_before: PeopleMark,
}

impl Watch {
    pub(super) fn new(plan: Rc<Plan>) -> Self {
        let holds = plan.watched().is_some_and(Watched::enforces);
        Self {
            plan,
            state: State::Value { may_end: false },
            frames: Vec::new(),
            states: Vec::new(),
            text: Vec::new(),
            is_long: false,
            reached: 0,
            held: Vec::new(),
            left: 0,
            between: Vec::new(),
            removing: None,
            holds,
            has_value: false,
            level: 0,
            inside: Inside::default(),
            may_be_text: false,
            children: 0,
            is_graphql: false,
        }
    }

    /// Whether what is written must be taken from here, and not from where it came.
    pub(super) const fn holds(&self) -> bool {
        self.holds
    }

    /// Bytes that are held at the moment.
    pub(super) const fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether documents are complete here.
    pub(super) const fn is_between_documents(&self) -> bool {
        self.frames.is_empty() && matches!(self.state, State::Value { .. } | State::AfterValue)
    }

    /// Takes the next bytes of the body.
    pub(super) fn write(&mut self, chunk: &[u8], tally: &mut Tally) {
        self.read(chunk, tally);
        self.settle_people(tally);
    }

    fn read(&mut self, chunk: &[u8], tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        let Some(watched) = plan.watched() else {
            return;
        };
        let mut at = 0;
        while let Some(byte) = chunk.get(at).copied() {
            match self.state {
                State::Lost => {
                    // Where something is held, nothing leaves any more.
                    return;
                }
                State::InName { escaped } | State::InString { escaped } => {
                    let ahead = rest(chunk, at);
                    let length = self.run(ahead, escaped);
                    self.keep(part(ahead, 0, length));
                    self.look_inside(part(ahead, 0, length), tally);
                    self.emit(part(ahead, 0, length));
                    at = at.plus(length);
                    if chunk.get(at) == Some(&b'"') && self.is_unescaped() {
                        self.emit(b"\"");
                        at = at.plus(1);
                        self.end_quoted(watched, tally);
                    }
                    continue;
                }
                State::InToken if is_token_byte(byte) => {
                    let ahead = rest(chunk, at);
                    let length = crate::bytes::count_while(ahead, 0, is_token_byte);
                    self.keep(part(ahead, 0, length));
                    self.emit(part(ahead, 0, length));
                    at = at.plus(length);
                    if self.is_long && self.frames.is_empty() {
                        self.lose(tally);
                    }
                    continue;
                }
                State::InToken => {
                    self.end_token(watched, tally);
                    continue;
                }
                _ => {}
            }
            at = at.plus(1);
            self.structure(byte, watched, tally);
        }
        if self.held.len() > MAX_HELD_BYTES && self.ready() < self.held.len().less(MAX_HELD_BYTES) {
            self.lose(tally);
        }
    }

    /// Bytes of a format around the document, between two of its tokens.
    pub(super) fn write_between(&mut self, raw: &[u8], tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        match self.state {
            State::InName { .. } | State::InString { .. } => return self.lose(tally),
            State::InToken => {
                if let Some(watched) = plan.watched() {
                    self.end_token(watched, tally);
                }
            }
            _ => {}
        }
        if self.holds && self.removing.is_none() {
            self.between.push((self.position(), raw.len()));
            self.emit(raw);
        }
    }

    /// Ends the body: people and owners that are still open are decided.
    pub(super) fn finish(&mut self, tally: &mut Tally) {
        let plan = Rc::clone(&self.plan);
        if self.state == State::InToken
            && let Some(watched) = plan.watched()
        {
            self.end_token(watched, tally);
        }
        if !self.is_between_documents() {
            self.lose(tally);
        }
        self.settle_people(tally);
    }

    /// The text of a name or a scalar, which is needed only where something is watched.
    fn keep(&mut self, bytes: &[u8]) {
        let room = if self.is_graphql {
            // Escapes are longer than what they stand for.
            MAX_DOCUMENT_BYTES.saturating_mul(6)
        } else {
            MAX_TEXT_BYTES
        };
        if self.text.len().plus(bytes.len()) > room {
            self.is_long = true;
        } else {
            self.text.extend_from_slice(bytes);
        }
    }

    /// How many bytes belong to the name or string, up to its closing quote.
    fn run(&mut self, ahead: &[u8], mut escaped: bool) -> usize {
        let mut length = 0;
        while let Some(byte) = ahead.get(length) {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' {
                escaped = true;
            } else if *byte == b'"' {
                break;
            }
            length = length.plus(1);
            if !escaped {
                let next = memchr::memchr2(b'"', b'\\', rest(ahead, length));
                length = next.map_or(ahead.len(), |next| length.plus(next));
            }
        }
        match &mut self.state {
            State::InName { escaped: state } | State::InString { escaped: state } => {
                *state = escaped;
            }
            _ => {}
        }
        length
    }

    const fn is_unescaped(&self) -> bool {
        matches!(
            self.state,
            State::InName { escaped: false } | State::InString { escaped: false }
        )
    }

    fn structure(&mut self, byte: u8, watched: &Watched, tally: &mut Tally) {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return self.emit(&[byte]);
        }
        let is_object = self.frames.last().map(|frame| frame.is_object);
        match (self.state, byte) {
            (State::Name { .. }, b'"') => {
                self.emit(b"\"");
                self.begin_text();
                self.state = State::InName { escaped: false };
            }
            (State::Name { may_end: true }, b'}') | (State::Value { may_end: true }, b']') => {
                self.close(byte, watched, tally);
            }
            (State::Colon, b':') => {
                self.emit(b":");
                self.state = State::Value { may_end: false };
            }
            (State::Value { .. }, _) => self.value(byte, watched, tally),
            (State::AfterValue, b'}') if is_object == Some(true) => {
                self.close(byte, watched, tally);
            }
            (State::AfterValue, b']') if is_object == Some(false) => {
                self.close(byte, watched, tally);
            }
            (State::AfterValue, b',') if is_object.is_some() => self.comma(),
            // The next document.
            (State::AfterValue, _) if is_object.is_none() => self.value(byte, watched, tally),
            _ => self.lose(tally),
        }
    }

    fn begin_text(&mut self) {
        self.text.clear();
        self.is_long = false;
    }

    fn value(&mut self, byte: u8, watched: &Watched, tally: &mut Tally) {
        match self.frames.last() {
            None if is_before_document(byte, self.has_value) => return self.emit(&[byte]),
            None => {
                self.states.clear();
                if self.level == 0 {
                    self.states.extend_from_slice(watched.paths().root());
                }
                self.reached = 0;
                self.children = 0;
            }
            Some(frame) if !frame.is_object => {
                let child = Child::Index(frame.index);
                self.descend(child, watched, tally);
                self.count_child(watched, tally);
                if let Some(frame) = self.frames.last_mut() {
                    frame.index = frame.index.saturating_add(1);
                }
            }
            Some(_) => {}
        }
        self.has_value = true;
        if !matches!(byte, b'{' | b'[') {
            self.scalar_in_place_of_object(byte, watched, tally);
        }
        match byte {
            b'"' => {
                self.emit(b"\"");
                self.begin_text();
                self.begin_inside();
                self.state = State::InString { escaped: false };
            }
            b'{' | b'[' => self.open(byte, watched, tally),
            _ if is_token_byte(byte) => {
                self.is_graphql = false;
                self.emit(&[byte]);
                self.begin_text();
                self.keep(&[byte]);
                self.state = State::InToken;
            }
            _ => self.lose(tally),
        }
    }

    /// Follows the paths to a child of the innermost object or array.
    fn descend(&mut self, child: Child<'_>, watched: &Watched, tally: &Tally) {
        let Some(frame) = self.frames.last() else {
            return;
        };
        let (from, to, collects) = (frame.states_from, frame.states_to, frame.collects);
        self.states.truncate(to);
        let mut reached = collects;
        watched
            .paths()
            .descend(&mut self.states, from, to, child, |target, _| {
                if tally.watches(watched, target) {
                    reached |= bit(u32::from(target));
                }
            });
        self.reached = reached;
    }

    fn end_quoted(&mut self, watched: &Watched, tally: &mut Tally) {
        let is_name = matches!(self.state, State::InName { .. });
        self.inside = Inside::default();
        let spelled = std::mem::take(&mut self.text);
        let is_needed = is_name || self.reached != 0 || self.is_graphql;
        let text = if is_needed && !self.is_long {
            policy::text::lossy(&unescaped(&spelled)).into_owned()
        } else {
            String::new()
        };
        self.text = spelled;
        if is_name {
            self.descend(Child::Name(&text), watched, tally);
            self.count_child(watched, tally);
            self.is_graphql = self.names_operation(&text, watched);
            self.state = State::Colon;
        } else {
            match std::mem::take(&mut self.is_graphql) {
                true if self.is_long => {
                    measure(watched.limits(), Excess::GraphqlUnreadable, 1, tally);
                }
                true => measure_graphql(watched.limits(), text.as_bytes(), tally),
                false => {}
            }
            self.end_scalar(&text, watched, tally);
        }
    }

    /// A word that is no string. A whole document of one is JSON only if it is a number or a literal; any
    /// other is text, which nobody can judge.
    fn end_token(&mut self, watched: &Watched, tally: &mut Tally) {
        let text = policy::text::lossy(&self.text).into_owned();
        if self.frames.is_empty() && !is_literal(&text) {
            if self.holds {
                return self.lose(tally);
            }
            tally.miss_people();
        }
        self.end_scalar(&text, watched, tally);
    }

    fn end_scalar(&mut self, text: &str, watched: &Watched, tally: &mut Tally) {
        self.state = State::AfterValue;
        let reached = std::mem::take(&mut self.reached);
        // Too long to be anybody, and nobody.
        let text = if self.is_long || text == "null" {
            ""
        } else {
            text
        };
        for index in indices(reached) {
            match watched.target(index).map(|target| &target.what) {
                Some(What::Person(_, path)) if self.removing.is_none() => {
                    tally.note_person(path, text, self.is_long);
                }
                Some(What::Owner { place, .. }) => {
                    let is_own = tally.is_expected(*place, text);
                    let array = self
                        .frames
                        .last_mut()
                        .filter(|frame| frame.collects & bit(index) != 0);
                    match array {
                        Some(array) if is_own => array.fulfilled |= bit(index),
                        Some(_) => {}
                        None => self.judge(index, is_own, watched, tally),
                    }
                }
                _ => {}
            }
        }
        if self.removing == Some(self.frames.len()) {
            self.end_removal();
        } else {
            self.child_written();
        }
    }

    /// What was removed is complete.
    fn end_removal(&mut self) {
        self.removing = None;
        if self.frames.is_empty() {
            // A document has nothing to go from.
            self.emit(b"null");
        }
    }

    /// A child of the innermost object or array is complete, and stays.
    fn child_written(&mut self) {
        if self.removing.is_none()
            && let Some(frame) = self.frames.last_mut()
        {
            frame.written = true;
        }
    }

    /// What comes cannot be judged.
    fn lose(&mut self, tally: &mut Tally) {
        self.state = State::Lost;
        if self.level == 0 {
            tally.lose_watch(self.holds);
        }
        if let Some(watched) = self.plan.watched().filter(|_| !self.may_be_text) {
            measure(watched.limits(), Excess::Unmeasured, 1, tally);
        }
    }
}

/// Whether a word is a value of JSON, or one of the numbers that are written beside it.
fn is_literal(text: &str) -> bool {
    matches!(
        text,
        "true" | "false" | "null" | "NaN" | "Infinity" | "-Infinity"
    ) || (text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && text.parse::<f64>().is_ok())
}

/// An object whose owner is not known by then is too long to be held.
const MAX_HELD_BYTES: usize = 1024 * 1024;
/// Longer names and values are those of no rule and of nobody.
const MAX_TEXT_BYTES: usize = 1024;

#[cfg(test)]
mod tests;
