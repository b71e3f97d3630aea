//! How much documents ask of those who read them.

use std::rc::Rc;

use super::Watch;
use crate::limits::{Excess, measure, reads_graphql};
use crate::plan::Plan;
use crate::plan::watched::Watched;
use crate::tally::Tally;

impl Watch {
    /// The watch over a document in a string, where there are limits.
    pub(in crate::json) fn within(plan: &Rc<Plan>) -> Option<Box<Self>> {
        plan.watched()
            .filter(|watched| !watched.limits().is_empty())?;
        Some(Box::new(Self {
            is_nested: true,
            may_be_text: true,
            holds: false,
            ..Self::new(Rc::clone(plan))
        }))
    }

    /// Nothing but its first bytes says that the document is one.
    pub(in crate::json) const fn expect_text(&mut self) {
        self.may_be_text = true;
    }

    /// Whether the member of this name is a GraphQL document.
    pub(super) fn names_operation(&self, name: &str, watched: &Watched) -> bool {
        name.eq_ignore_ascii_case("query") && self.is_operation() && reads_graphql(watched.limits())
    }

    /// Whether this is an object that may be an operation of GraphQL, alone or one of a batch.
    fn is_operation(&self) -> bool {
        !self.is_nested
            && match self.frames.as_slice() {
                [_] => true,
                [batch, _] => !batch.is_object,
                _ => false,
            }
    }

    /// Another member or item.
    pub(super) fn count_child(&mut self, watched: &Watched, tally: &mut Tally) {
        self.children = self.children.saturating_add(1);
        measure(watched.limits(), Excess::Members, self.children, tally);
    }
}
