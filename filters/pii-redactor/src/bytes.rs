//! Positions in bytes, without anything that can overflow or miss.

/// Saturating steps of positions.
pub(crate) trait Position: Copy {
    /// So many further on.
    fn plus(self, count: usize) -> usize;
    /// So many back, at the least 0.
    fn less(self, count: usize) -> usize;
}

impl Position for usize {
    #[inline(always)]
    fn plus(self, count: usize) -> usize {
        self.saturating_add(count)
    }

    #[inline(always)]
    fn less(self, count: usize) -> usize {
        self.saturating_sub(count)
    }
}

/// The byte at a position; 0 beyond the end.
#[inline(always)]
pub(crate) fn at(text: &[u8], position: usize) -> u8 {
    text.get(position).copied().unwrap_or(0)
}

/// The byte before a position; 0 at the beginning.
#[inline(always)]
pub(crate) fn before(text: &[u8], position: usize) -> u8 {
    position.checked_sub(1).map_or(0, |index| at(text, index))
}

/// The bytes from one position to another; none where there are none.
#[inline(always)]
pub(crate) fn part(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end.min(text.len())).unwrap_or_default()
}

/// The bytes from a position to the end.
#[inline(always)]
pub(crate) fn rest(text: &[u8], start: usize) -> &[u8] {
    text.get(start..).unwrap_or_default()
}

/// How many bytes from `position` on are of a kind.
#[inline(always)]
pub(crate) fn count_while(text: &[u8], position: usize, is: impl Fn(u8) -> bool) -> usize {
    rest(text, position)
        .iter()
        .take_while(|byte| is(**byte))
        .count()
}

/// How many bytes before `position` are of a kind.
#[inline(always)]
pub(crate) fn count_while_back(text: &[u8], position: usize, is: impl Fn(u8) -> bool) -> usize {
    part(text, 0, position)
        .iter()
        .rev()
        .take_while(|byte| is(**byte))
        .count()
}

/// The value of an ASCII digit.
#[inline(always)]
pub(crate) const fn digit(byte: u8) -> u32 {
    (byte & 0x0f) as u32
}

/// The number that digits spell; saturating.
pub(crate) fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0_u64, |value, byte| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit(*byte)))
    })
}
