//! Sets of kinds of data.

/// A set of kinds, by their number: those of the [table](crate::detect::DETECTORS), then those of
/// the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntitySet([u64; 4]);

impl EntitySet {
    /// The set without a kind.
    pub const EMPTY: Self = Self([0; 4]);

    /// Whether it has this kind.
    #[must_use]
    #[inline]
    pub fn has(&self, entity: u8) -> bool {
        let word = self.0.get(usize::from(entity >> 6)).copied();
        word.unwrap_or(0) >> (entity & 63) & 1 != 0
    }

    /// Adds a kind to the set.
    pub fn insert(&mut self, entity: u8) {
        if let Some(word) = self.0.get_mut(usize::from(entity >> 6)) {
            *word |= 1 << (entity & 63);
        }
    }

    /// Removes a kind from the set.
    pub fn remove(&mut self, entity: u8) {
        if let Some(word) = self.0.get_mut(usize::from(entity >> 6)) {
            *word &= !(1 << (entity & 63));
        }
    }

    /// Whether the set has no kind.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, [0, 0, 0, 0])
    }

    /// The kinds that are in both sets.
    #[must_use]
    #[inline]
    pub fn and(&self, other: &Self) -> Self {
        self.combined(other, |word, with| word & with)
    }

    /// Whether any kind is in both.
    #[must_use]
    #[inline]
    pub fn meets(&self, other: &Self) -> bool {
        let both = self.0.iter().zip(&other.0);
        both.fold(0, |both, (left, right)| both | (left & right)) != 0
    }

    /// The kinds that are in one of the sets or in both.
    #[must_use]
    #[inline]
    pub fn or(&self, other: &Self) -> Self {
        self.combined(other, |word, with| word | with)
    }

    /// What is in this one and not in the other.
    #[must_use]
    #[inline]
    pub fn without(&self, other: &Self) -> Self {
        self.combined(other, |word, without| word & !without)
    }

    #[inline(always)]
    fn combined(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let mut all = *self;
        for (word, with) in all.0.iter_mut().zip(other.0) {
            *word = combine(*word, with);
        }
        all
    }

    /// The first kind in it.
    #[must_use]
    pub fn first(&self) -> Option<u8> {
        let (place, word) = (0_u8..).zip(self.0).find(|(_, word)| *word != 0)?;
        let bit = u8::try_from(word.trailing_zeros()).ok()?;
        Some((place << 6) | bit)
    }
}
