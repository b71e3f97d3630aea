//! What searching a body may cost.
//!
//! Searches are linear in the text, so this is a second line of defence: whatever the first one has
//! missed ends in `on_error.budget_exceeded`, and not in a worker that serves nobody else. Only work
//! beyond reading is counted, at the places where a candidate is looked at, so clean text costs
//! nothing.

use std::cell::Cell;

/// The looks at candidates so far.
#[derive(Debug, Default)]
pub(crate) struct Looks(Cell<u64>);

impl Looks {
    /// Adds to the number of looks.
    #[inline]
    pub(crate) fn add(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.set(self.0.get().saturating_add(count));
    }

    pub(crate) const fn get(&self) -> u64 {
        self.0.get()
    }
}

/// The account of one body.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    bytes: u64,
    looks: u64,
}

impl Budget {
    /// So many bytes have been read, with so many looks.
    pub(crate) fn charge(&mut self, bytes: usize, looks: u64) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.looks = self.looks.saturating_add(looks);
    }

    pub(crate) const fn is_exceeded(&self) -> bool {
        self.looks > self.allowed()
    }

    const fn allowed(&self) -> u64 {
        self.bytes
            .saturating_mul(LOOKS_PER_BYTE)
            .saturating_add(FREE_LOOKS)
    }
}

/// Tables of numbers, drawings in SVG and the like take up to 1 look for each byte, prose up to 0.5,
/// and most documents less than 0.2.
const LOOKS_PER_BYTE: u64 = 2;
/// So many looks are a few milliseconds: small bodies are never stopped, whatever is in them.
const FREE_LOOKS: u64 = 65_536;
/// The account is looked at after each piece of this size.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
