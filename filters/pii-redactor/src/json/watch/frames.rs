//! Objects and arrays: where they begin and end, and what their children are watched for.

use super::{Frame, State, Watch};
use crate::bytes::Position as _;
use crate::json::MAX_DEPTH;
use crate::limits::{Excess, measure};
use crate::plan::watched::{Watched, What, bit, indices};
use crate::tally::Tally;

impl Watch {
    pub(super) fn comma(&mut self) {
        let position = self.position();
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.child_start = position;
        self.state = if frame.is_object {
            State::Name { may_end: false }
        } else {
            State::Value { may_end: false }
        };
        // What stood before the comma may have gone.
        if frame.written {
            self.emit(b",");
        }
    }

    pub(super) fn open(&mut self, byte: u8, watched: &Watched, tally: &mut Tally) {
        self.is_graphql = false;
        let levels = u64::try_from(self.frames.len().plus(1)).unwrap_or(0);
        measure(watched.limits(), Excess::Depth, levels, tally);
        if self.frames.len() >= MAX_DEPTH {
            // A text has not so many brackets by chance.
            self.may_be_text = false;
            return self.lose(tally);
        }
        let reached = std::mem::take(&mut self.reached);
        let is_object = byte == b'{';
        let mut collects = 0;
        let in_array = self.frames.last().map_or(0, |frame| frame.collects);
        for index in indices(reached & !in_array) {
            let is_owner = watched
                .target(index)
                .is_some_and(|target| matches!(target.what, What::Owner { .. }));
            if !is_object {
                collects |= bit(index);
            } else if is_owner {
                // An object is no name that could be the caller's.
                self.judge(index, false, watched, tally);
            }
        }
        let start = self
            .frames
            .last()
            .map_or_else(|| self.position(), |frame| frame.child_start);
        let (states_from, states_to) = match self.frames.last() {
            Some(frame) => (frame.states_to, self.states.len()),
            None => (0, self.states.len()),
        };
        let own = self.states.get(states_from..states_to).unwrap_or_default();
        let object_of = watched.objects(own);
        self.emit(&[byte]);
        self.frames.push(Frame {
            is_object,
            states_from,
            states_to,
            index: 0,
            start,
            child_start: self.position(),
            written: false,
            object_of,
            judged: 0,
            collects,
            fulfilled: 0,
            people_before: tally.people_noted(),
        });
        self.state = if is_object {
            State::Name { may_end: true }
        } else {
            State::Value { may_end: true }
        };
    }

    pub(super) fn close(&mut self, byte: u8, watched: &Watched, tally: &mut Tally) {
        self.emit(&[byte]);
        let Some(frame) = self.frames.last() else {
            return;
        };
        let mut around = self.frames.iter().rev().skip(1);
        let is_item = around.next().is_some_and(|frame| !frame.is_object);
        let needs = watched.needed(is_item && tally.is_of_response());
        let missing = frame.object_of & !frame.judged & needs;
        for index in indices(missing) {
            if self.removing.is_none() {
                let innermost = self.frames.len().less(1);
                self.foreign(innermost, index, watched, tally);
            }
        }
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.state = State::AfterValue;
        let own_place = self.frames.len();
        let was_removed = self.removing == Some(own_place);
        if was_removed {
            self.end_removal();
        }
        for index in indices(frame.collects) {
            let is_owner = watched
                .target(index)
                .is_some_and(|target| matches!(target.what, What::Owner { .. }));
            if is_owner {
                self.judge(index, frame.fulfilled & bit(index) != 0, watched, tally);
            }
        }
        if !was_removed {
            self.child_written();
        }
    }
}
