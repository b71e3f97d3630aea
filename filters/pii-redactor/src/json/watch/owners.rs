//! Who owns an object, and how one that belongs to somebody else is handled.

use super::Watch;
use crate::bytes::Position as _;
use crate::plan::watched::{Otherwise, Watched, What, bit, indices};
use crate::tally::{Became, FOREIGN_OBJECT, Tally};

impl Watch {
    /// The owner of an object is known. The innermost object or array holds the owner.
    pub(super) fn judge(&mut self, index: u32, is_own: bool, watched: &Watched, tally: &mut Tally) {
        let Some(What::Owner { levels, .. }) = watched.target(index).map(|target| &target.what)
        else {
            return;
        };
        let Some(place) = self.frames.len().checked_sub(*levels) else {
            return;
        };
        if self.removing.is_some_and(|removing| place >= removing) {
            return;
        }
        if let Some(frame) = self.frames.get_mut(place)
            && is_own
        {
            frame.judged |= bit(index);
            return;
        }
        self.foreign(place, index, watched, tally);
    }

    /// Who is named in an object that is not decided yet may go with it; all others are in what leaves.
    pub(super) fn settle_people(&self, tally: &mut Tally) {
        let undecided = self.undecided().filter(|_| self.holds);
        tally.settle_people(undecided.map(|frame| frame.people_before));
    }

    /// A scalar stands where an object should that must have an owner, so it is another's. `null` is
    /// no value at all.
    pub(super) fn scalar_in_place_of_object(
        &mut self,
        byte: u8,
        watched: &Watched,
        tally: &mut Tally,
    ) {
        if byte == b'n' || self.removing.is_some() {
            return;
        }
        let is_item = self.frames.last().is_some_and(|frame| !frame.is_object);
        let needs = watched.needed(is_item && tally.is_of_response());
        if needs == 0 {
            return;
        }
        let (from, start) = self.frames.last().map_or((0, self.position()), |frame| {
            (frame.states_to, frame.child_start)
        });
        let own = self.states.get(from..).unwrap_or_default();
        for index in indices(watched.objects(own) & needs) {
            if self.removing.is_none() {
                self.foreign_from(start, self.frames.len(), index, watched, tally);
            }
        }
    }

    /// Handles an object that belongs to somebody else.
    pub(super) fn foreign(
        &mut self,
        place: usize,
        index: u32,
        watched: &Watched,
        tally: &mut Tally,
    ) {
        let Some(frame) = self.frames.get_mut(place) else {
            return;
        };
        frame.judged |= bit(index);
        let (start, people_before) = (frame.start, frame.people_before);
        if self.foreign_from(start, place, index, watched, tally) {
            tally.forget_people(people_before);
        }
    }

    /// What begins here and has this depth is another's. Whether it goes.
    fn foreign_from(
        &mut self,
        start: usize,
        place: usize,
        index: u32,
        watched: &Watched,
        tally: &mut Tally,
    ) -> bool {
        let Some(What::Owner {
            rule, otherwise, ..
        }) = watched.target(index).map(|target| &target.what)
        else {
            return false;
        };
        let became = match otherwise {
            Otherwise::Report => Became::Stayed,
            // Its beginning has left: an object whose owner is there twice.
            Otherwise::Remove if start < self.left => Became::Blocked,
            Otherwise::Remove => Became::Removed,
            Otherwise::Block => Became::Blocked,
        };
        tally.add(FOREIGN_OBJECT, *rule, became);
        tally.blocks |= became == Became::Blocked;
        if became != Became::Removed {
            return false;
        }
        self.held.truncate(start.less(self.left));
        self.between.retain(|(between, _)| *between < start);
        self.removing = Some(place);
        true
    }
}
