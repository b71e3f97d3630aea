//! What an observer keeps in mind until it is known whether a key vouches for it.

use crate::chains::Trail;
use crate::item::{ChainUid, Item};

/// What was made of records, each with its place in its chain.
#[derive(Debug)]
pub struct HeldBack<T>(Vec<(ChainUid, u64, T)>);

impl<T> Default for HeldBack<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> HeldBack<T> {
    /// Adds what was made of a record.
    pub fn add(&mut self, item: &Item, made: T) {
        self.0.push((item.chain, item.sequence, made));
    }

    /// How many items are held back.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no item is held back.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out those for which a key vouches by now.
    pub fn take_vouched(&mut self, trail: &Trail) -> Vec<T> {
        let mut vouched = Vec::new();
        for (chain, sequence, made) in std::mem::take(&mut self.0) {
            if trail.is_vouched(&chain, sequence) {
                vouched.push(made);
            } else {
                self.0.push((chain, sequence, made));
            }
        }
        vouched
    }
}
