//! The usual members and items, one after the other, without a step for each part of them.
//!
//! Nearly all of a body is a name that has come before, and behind it a string of words, a short
//! number, a literal, or the beginning of the next object. As long as that goes on, and all of a
//! value is in the chunk, a loop takes one member at a time and leaves the state as the steps would
//! have left it. Whatever is not usual is left to them, so nothing here decides what JSON is.

mod plain;

use std::cell::RefMut;

use super::cursor::Cursor;
use super::members::starts_value;
use super::{JsonRewriter, MAX_DEPTH, Next, State};
use crate::bytes::{Position as _, at, part, rest};
use crate::names::{After, KeyInfo, NameCache};
use crate::plan::Plan;
use crate::tally::Tally;
use crate::trigger::ByteTables;
use plain::{NAME_END_BYTES, past_space, plain_items, plain_members, plain_name, plain_value};

/// How far a run has come.
struct Run<'c, 'n> {
    /// With what follows the chunk.
    chunk: &'c [u8],
    /// Where the chunk ends: nothing from here on is read.
    limit: usize,
    names: RefMut<'n, NameCache>,
    /// What is before it has been read.
    position: usize,
    /// An opening bracket is right before it.
    is_first: bool,
    /// The mark of the member that was read last.
    last: u16,
    /// The mark of the name that may come next.
    hint: u16,
}

/// The object or array that is being read.
#[derive(Clone, Copy)]
struct Inside {
    is_object: bool,
    /// Its id, as the parent of names.
    id: u32,
    mark: u16,
    /// Its items are announced by nothing, and announce nothing.
    is_plain: bool,
    /// A comma stays: a child before it did.
    keeps_comma: bool,
}

/// A child that has begun.
struct Child {
    /// The position where the child's value begins.
    value: usize,
    /// Where its name is; nowhere for an item.
    name: (usize, usize),
    is_plain: bool,
}

impl JsonRewriter {
    /// Reads on behind a value or an opening bracket, as far as members and items are the usual ones.
    #[inline(never)]
    pub(super) fn run(&mut self, cursor: &mut Cursor<'_>, plan: &Plan, tally: &mut Tally) {
        let names = plan.names();
        let last = self.next.info.mark;
        let mut run = Run {
            chunk: cursor.ahead,
            limit: cursor.chunk.len(),
            hint: names.link(last).behind,
            names,
            position: cursor.at,
            is_first: self.state != State::AfterValue,
            last,
        };
        while let Some(child) = self.run_to_child(&mut run, plan) {
            let byte = at(run.chunk, child.value);
            if matches!(byte, b'{' | b'[') {
                // What a name announces may be all of an object.
                if self.stack.frames.len() >= MAX_DEPTH || byte == b'{' && !child.is_plain {
                    break;
                }
                self.run_into(&mut run, &child);
                continue;
            }
            let end = if child.is_plain && !plan.searches_all() {
                plain_value(ByteTables::new(), run.chunk, child.value)
            } else {
                None
            };
            let end = end.filter(|end| *end <= run.limit);
            if let Some(end) = end {
                run.behind(end);
                self.has_value = true;
                continue;
            }
            // Not so usual: the value is read by the steps.
            if !starts_value(byte) {
                break;
            }
            self.next = Next {
                info: self.info_of(&run, &child),
                allowed: true,
                ..Next::default()
            };
            // The names that this loop has borrowed are needed to read a document in a string.
            if byte == b'"' && self.may_nest(run.chunk.get(child.value.plus(1)).copied()) {
                break;
            }
            cursor.at = child.value;
            self.begin(byte, cursor, plan, tally);
            if self.state != State::AfterValue {
                return;
            }
            run.behind(cursor.at);
        }
        cursor.at = run.position;
        self.state = match self.stack.frames.last() {
            Some(frame) if run.is_first && frame.is_object => State::Name { is_first: true },
            Some(_) if run.is_first => State::Value { is_first: true },
            _ => State::AfterValue,
        };
    }

    /// Reads on to the next child that needs a closer look. `None`: the steps go on from the place
    /// that has been reached.
    fn run_to_child(&mut self, run: &mut Run<'_, '_>, plan: &Plan) -> Option<Child> {
        loop {
            let Some(frame) = self.stack.frames.last() else {
                // The next document.
                let here = past_space(run.chunk, run.position, run.limit);
                let byte @ (b'{' | b'[') = at(run.chunk, here) else {
                    return None;
                };
                if !self.traits.root_runs {
                    return None;
                }
                self.enter_frame(byte == b'{', KeyInfo::default(), None);
                run.open(here, 0);
                continue;
            };
            if !frame.is_plain() {
                return None;
            }
            let inside = Inside {
                is_object: frame.is_object,
                id: frame.info.id,
                mark: frame.info.mark,
                is_plain: frame.info.kinds.is_none() && !frame.is_list_of_names(),
                keeps_comma: frame.written || !self.traits.has_member_rules,
            };
            if !plan.searches_all() && run.plain_children(inside) {
                self.has_value = true;
                self.write_child();
            }
            let mut here = past_space(run.chunk, run.position, run.limit);
            match (at(run.chunk, here), inside.is_object) {
                (b'}', true) | (b']', false) => {
                    self.stack.leave();
                    self.has_value = true;
                    run.last = inside.mark;
                    run.hint = run.names.link(inside.mark).behind;
                    run.behind(here.plus(1));
                    continue;
                }
                _ if run.is_first => {}
                (b',', _) if inside.keeps_comma => {
                    here = past_space(run.chunk, here.plus(1), run.limit);
                }
                _ => return None,
            }
            let child = if inside.is_object {
                self.run_past_name(run, here, inside, plan)?
            } else {
                Child {
                    value: here,
                    name: (0, 0),
                    is_plain: inside.is_plain,
                }
            };
            self.write_child();
            return Some(child);
        }
    }

    /// A name, if no rule is about its member, and nothing is in it.
    fn run_past_name(
        &mut self,
        run: &mut Run<'_, '_>,
        here: usize,
        inside: Inside,
        plan: &Plan,
    ) -> Option<Child> {
        if at(run.chunk, here) != b'"' {
            return None;
        }
        let start = here.plus(1);
        let ahead = rest(run.chunk, start);
        let (mark, link) = match run.names.guess(run.hint, inside.id, ahead) {
            Some(link) => (run.hint, *link),
            None => {
                let length = plain_name(ahead)?;
                if start.plus(length) >= run.limit {
                    return None;
                }
                let name = part(ahead, 0, length);
                let after = if run.is_first {
                    After::Opening(inside.mark)
                } else {
                    After::Member(run.last)
                };
                let frame = self.stack.frames.last()?;
                let parent = (&frame.info, self.stack.name_of(frame));
                let learn = || plan.learn(parent, name);
                let mark = run.names.note(after, inside.id, name, learn)?;
                (mark, run.names.link(mark))
            }
        };
        if !link.is_plain {
            let info = run.names.info(mark);
            if info.field.is_some()
                || info.removes.is_some()
                || info.finds
                || self.may_be_named(info.role)
            {
                return None;
            }
        }
        run.last = mark;
        run.hint = link.behind;
        self.has_value = true;
        Some(Child {
            value: past_space(run.chunk, start.plus(link.length), run.limit),
            name: (start, start.plus(link.length).less(NAME_END_BYTES)),
            is_plain: link.is_plain,
        })
    }

    /// An object or an array begins.
    fn run_into(&mut self, run: &mut Run<'_, '_>, child: &Child) {
        let is_object = at(run.chunk, child.value) == b'{';
        let info = self.info_of(run, child);
        let info = self.stack.info_inside(info, is_object);
        let mark = info.mark;
        let (start, end) = child.name;
        let name = (start > 0).then(|| part(run.chunk, start, end));
        self.enter_frame(is_object, info, name);
        run.open(child.value, mark);
    }

    /// What the name of a value says that no rule about members is about; an item has that of its
    /// array.
    fn info_of(&self, run: &Run<'_, '_>, child: &Child) -> KeyInfo {
        let (start, _) = child.name;
        let info = match self.stack.frames.last() {
            Some(frame) if start == 0 => frame.info.clone(),
            _ => run.names.info(run.last),
        };
        KeyInfo {
            field: None,
            removes: None,
            ..info
        }
    }

    /// A child stays in the innermost object or array.
    fn write_child(&mut self) {
        if let Some(frame) = self.stack.frames.last_mut() {
            frame.written = true;
        }
    }

    /// An object or array begins. Without a name it is an item, and has the name of its array.
    fn enter_frame(&mut self, is_object: bool, info: KeyInfo, name: Option<&[u8]>) {
        // No path leads here.
        let states = self.stack.frames.last().map_or(0, |frame| frame.states_to);
        self.stack.enter_plain(is_object, false, info, name, states);
    }
}

impl Run<'_, '_> {
    /// A value has been read.
    const fn behind(&mut self, position: usize) {
        self.position = position;
        self.is_first = false;
    }

    /// An object or an array has begun, in the member with this mark.
    fn open(&mut self, bracket: usize, mark: u16) {
        self.position = bracket.plus(1);
        self.is_first = true;
        self.hint = self.names.link(mark).inside;
    }

    /// Reads on over children that are scalars with nothing in them, and whose names are the ones
    /// that came the last time: the whole work for most of a body. Returns whether there were any.
    fn plain_children(&mut self, inside: Inside) -> bool {
        if !(self.is_first || inside.keeps_comma) {
            return false;
        }
        let from = self.position;
        if inside.is_object {
            let names = (&*self.names, inside.id, self.last, self.hint);
            let places = (from, self.limit);
            (self.position, self.last) = plain_members(self.chunk, places, self.is_first, names);
        } else if inside.is_plain {
            self.position = plain_items(self.chunk, (from, self.limit), self.is_first);
        }
        let any = self.position != from;
        if any {
            self.is_first = false;
            self.hint = self.names.link(self.last).behind;
        }
        any
    }
}

#[cfg(test)]
mod tests;
