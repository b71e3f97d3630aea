//! Budgets of personal data: how much of it a caller may get in clear.
//!
//! Values are counted in a bucket for each key ([`policy::gcra`]), and distinct people in a
//! [`sketch::Sketch`] for each key and part of a window ([`people`]). A [`Ration`] is what is left of
//! the budgets for one piece of a message: beyond it, values are masked whatever the rules say.

pub(crate) mod named;
pub mod people;
pub mod sketch;

use std::cell::{Cell, RefCell};

use crate::entity::EntitySet;
use sketch::Sketch;

/// What may still leave in clear in one piece of a message.
#[derive(Debug, Default)]
pub struct Ration {
    /// Kinds that are masked from here on.
    masked: Cell<EntitySet>,
    values: Vec<(EntitySet, Cell<u64>)>,
    people: Vec<RefCell<PeopleRation>>,
}

/// What was left of a [`Ration`] at some point.
pub(crate) struct RationLeft {
    masked: EntitySet,
    values: Vec<u64>,
}

/// The people whose data has been disclosed, and how many there may be.
#[derive(Debug)]
struct PeopleRation {
    /// The budget, by its place in the configuration.
    budget: usize,
    class: EntitySet,
    known: Sketch,
    /// Those of them whom this piece names, before it was one too many.
    admitted: Sketch,
    limit: u64,
}

impl Ration {
    /// So many values of these kinds may leave in clear.
    pub fn add_values(&mut self, class: EntitySet, left: u64) {
        self.values.push((class, Cell::new(left)));
        if left == 0 {
            self.mask(&class);
        }
    }

    /// Data of these kinds may leave in clear of so many people, of whom these are known, by the
    /// budget at this place in the configuration.
    pub fn add_people(&mut self, (budget, class): (usize, EntitySet), known: Sketch, limit: u64) {
        if known.estimate() >= limit {
            self.mask(&class);
        }
        let people = PeopleRation {
            budget,
            class,
            known,
            admitted: Sketch::default(),
            limit,
        };
        self.people.push(RefCell::new(people));
    }

    /// These kinds leave in clear no more.
    pub fn mask(&self, class: &EntitySet) {
        self.masked.set(self.masked.get().or(class));
    }

    /// Whether a kind is masked.
    #[must_use]
    pub fn masks(&self, entity: u8) -> bool {
        self.masked.get().has(entity)
    }

    /// Whether all of these kinds are masked.
    #[must_use]
    pub fn masks_all(&self, class: &EntitySet) -> bool {
        class.without(&self.masked.get()).is_empty()
    }

    /// The people whom the piece has named before it was one too many for a budget; `None` where that
    /// does not limit people.
    #[must_use]
    pub fn admitted(&self, budget: usize) -> Option<Sketch> {
        let mut all = self.people.iter().map(RefCell::borrow);
        let people = all.find(|people| people.budget == budget)?;
        Some(people.admitted.clone())
    }

    /// What is left, to be set again if a reading turns out to be none.
    pub(crate) fn left(&self) -> RationLeft {
        let values = self.values.iter().map(|(_, left)| left.get());
        RationLeft {
            masked: self.masked.get(),
            values: values.collect(),
        }
    }

    /// As if nothing had been taken since [`Ration::left`].
    pub(crate) fn set_left(&self, left: RationLeft) {
        self.masked.set(left.masked);
        for ((_, now), then) in self.values.iter().zip(left.values) {
            now.set(then);
        }
    }

    /// Values of a kind have left in clear.
    pub(crate) fn spend(&self, entity: u8, number: u64) {
        for (class, left) in self.values.iter().filter(|(class, _)| class.has(entity)) {
            left.set(left.get().saturating_sub(number));
            if left.get() == 0 {
                self.mask(class);
            }
        }
    }

    /// Somebody is named in the message, and what is about him comes next. One too many is not
    /// counted: from here on, values are masked.
    pub(crate) fn name(&self, person: u64) {
        for people in &self.people {
            let mut people = people.borrow_mut();
            if self.masks_all(&people.class) {
                continue;
            }
            let mut with = people.known.clone();
            if with.insert(person) {
                if with.estimate() > people.limit {
                    self.mask(&people.class);
                    continue;
                }
                people.known = with;
            }
            let _ = people.admitted.insert(person);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(kinds: &[u8]) -> EntitySet {
        let mut class = EntitySet::EMPTY;
        for kind in kinds {
            class.insert(*kind);
        }
        class
    }

    #[test]
    fn values_beyond_the_ration_are_masked() {
        let mut ration = Ration::default();
        ration.add_values(class(&[1, 2]), 3);
        ration.add_values(class(&[2, 5]), 9);
        ration.spend(1, 1);
        ration.spend(7, 100);
        assert!(!ration.masks(1) && ration.masks_all(&EntitySet::EMPTY));
        ration.spend(2, 2);
        assert!(ration.masks(1) && ration.masks(2) && !ration.masks(5));
        ration.add_values(class(&[9]), 0);
        assert!(ration.masks(9), "nothing is left of it");
    }

    #[test]
    fn people_beyond_the_ration_are_masked() {
        let mut ration = Ration::default();
        let mut known = Sketch::default();
        known.insert(1 << 20);
        ration.add_people((4, class(&[1])), known, 2);
        ration.name(1 << 20);
        ration.name(3 | 1 << 21);
        ration.name(3 | 1 << 21);
        assert!(!ration.masks(1), "two people");
        ration.name(9 | 1 << 22);
        assert!(ration.masks(1), "the third");
        let admitted = ration.admitted(4).map(|people| people.estimate());
        assert_eq!((admitted, ration.admitted(5)), (Some(2), None));
    }
}
