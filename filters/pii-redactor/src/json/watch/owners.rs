//! Whose an object is, and what becomes of one that is another's.

use super::Watch;
use crate::bytes::Position as _;
use crate::plan::watched::{Otherwise, Watched, What, bit};
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

    /// An object is another's.
    pub(super) fn foreign(
        &mut self,
        place: usize,
        index: u32,
        watched: &Watched,
        tally: &mut Tally,
    ) {
        let Some(What::Owner {
            rule, otherwise, ..
        }) = watched.target(index).map(|target| &target.what)
        else {
            return;
        };
        let Some(frame) = self.frames.get_mut(place) else {
            return;
        };
        frame.judged |= bit(index);
        let (start, people_before) = (frame.start, frame.people_before);
        match otherwise {
            Otherwise::Report => tally.add(FOREIGN_OBJECT, *rule, Became::Stayed),
            // Its beginning has left: an object whose owner is there twice.
            Otherwise::Remove if start < self.left => {
                tally.add(FOREIGN_OBJECT, *rule, Became::Blocked);
                tally.blocks = true;
            }
            Otherwise::Remove => {
                tally.add(FOREIGN_OBJECT, *rule, Became::Removed);
                tally.forget_people(people_before);
                self.held.truncate(start.less(self.left));
                self.between.retain(|(between, _)| *between < start);
                self.removing = Some(place);
            }
            Otherwise::Block => {
                tally.add(FOREIGN_OBJECT, *rule, Became::Blocked);
                tally.blocks = true;
            }
        }
    }
}
