//! How much documents ask of those who read them.

use super::Watch;
use crate::limits::{Excess, measure, reads_graphql};
use crate::plan::watched::Watched;
use crate::tally::Tally;

impl Watch {
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
        self.level == 0
            && match self.frames.as_slice() {
                [_] => true,
                [batch, _] => !batch.is_object,
                _ => false,
            }
    }

    /// Counts one more member or item.
    pub(super) fn count_child(&mut self, watched: &Watched, tally: &mut Tally) {
        self.children = self.children.saturating_add(1);
        measure(watched.limits(), Excess::Members, self.children, tally);
    }
}
