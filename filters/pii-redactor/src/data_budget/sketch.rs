//! How many distinct people there are, counted in 256 bytes: a HyperLogLog.
//!
//! The standard error is 6.5 % (1.04 / √256), and less for up to 640 people. Hashes are keyed, so
//! nobody can choose people who count as one.

/// A set of people of which only the number can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch([u8; REGISTERS]);

impl Default for Sketch {
    fn default() -> Self {
        Self([0; REGISTERS])
    }
}

impl Sketch {
    /// The set that is stored as these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; REGISTERS]) -> Self {
        // Hashes have so many bits behind those that choose the register.
        Self(bytes.map(|rank| rank.min(MAX_RANK)))
    }

    /// The registers, as they are stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; REGISTERS] {
        &self.0
    }

    /// Adds somebody by a hash; whether the set has changed.
    pub fn insert(&mut self, hash: u64) -> bool {
        let [register, ..] = hash.to_le_bytes();
        // The bit in front ends the count of zeros.
        let rank = (hash >> 8 | 1 << 56).trailing_zeros().saturating_add(1);
        let rank = u8::try_from(rank).unwrap_or(MAX_RANK);
        match self.0.get_mut(usize::from(register)) {
            Some(known) if *known < rank => {
                *known = rank;
                true
            }
            _ => false,
        }
    }

    /// Adds all of another set; whether this one has changed.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for (known, rank) in self.0.iter_mut().zip(&other.0) {
            changed |= *known < *rank;
            *known = (*known).max(*rank);
        }
        changed
    }

    /// How many people it has, about.
    #[must_use]
    pub fn estimate(&self) -> u64 {
        let sum = self.0.iter().fold(0_u128, |sum, rank| {
            sum.saturating_add(1 << 64_u32.saturating_sub(u32::from(*rank)))
        });
        let raw = ALPHA_M_SQUARED.checked_div(sum).unwrap_or(0);
        let raw = u64::try_from(raw).unwrap_or(u64::MAX);
        let empty = self.0.iter().filter(|rank| **rank == 0).count();
        if raw > LINEAR_MAX || empty == 0 {
            return raw;
        }
        // So many have to come until so few registers are empty, in thousandths.
        let empty = u64::try_from(empty).unwrap_or(256);
        let steps = empty.saturating_add(1)..=256;
        let thousandths = steps.fold(0_u64, |sum, empty| {
            sum.saturating_add(256_000_u64.checked_div(empty).unwrap_or(0))
        });
        thousandths.saturating_add(500) / 1_000
    }
}

/// The registers of a set, a byte each.
pub const REGISTERS: usize = 256;
const MAX_RANK: u8 = 57;
/// 0.7213 / (1 + 1.079 / 256) times the square of 256, in units of the sum above.
const ALPHA_M_SQUARED: u128 = 47_073 << 64;
/// Below this the empty registers tell more than the others.
const LINEAR_MAX: u64 = 640;

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64: people of a seed.
    fn hash(seed: u64, person: u64) -> u64 {
        let mut mixed = (seed << 40 | person).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn sketch(seed: u64, people: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        for person in people {
            sketch.insert(hash(seed, person));
        }
        sketch
    }

    /// The error that the README names: of many sets of each size, the mean of its square.
    #[test]
    fn the_error_is_what_is_documented() {
        for people in [10_u64, 50, 200, 640, 1_000, 5_000, 100_000] {
            let seeds = if people > 10_000 { 40 } else { 300 };
            let squares: f64 = (0..seeds)
                .map(|seed| {
                    let estimate = sketch(seed, 0..people).estimate();
                    let error = (estimate as f64 - people as f64) / people as f64;
                    assert!(error.abs() < 0.35, "{people} counted as {estimate}");
                    error * error
                })
                .sum();
            let error = (squares / seeds as f64).sqrt();
            assert!(error < 0.08, "{people}: {error}");
        }
        assert_eq!(Sketch::default().estimate(), 0);
        assert_eq!(sketch(1, 0..1).estimate(), 1);
    }

    #[test]
    fn whoever_comes_again_does_not_count_again() {
        let mut all = sketch(7, 0..500);
        assert!(!all.merge(&sketch(7, 100..300)));
        assert!(all.merge(&sketch(7, 400..2_000)));
        assert_eq!(all, sketch(7, 0..2_000));
        assert_eq!(Sketch::from_bytes(*all.as_bytes()), all);
    }

    #[test]
    fn any_bytes_are_a_set() {
        assert!(Sketch::from_bytes([255; REGISTERS]).estimate() > 1 << 40);
        let mut full = Sketch::from_bytes([255; REGISTERS]);
        assert!(!full.insert(0) && !full.insert(u64::MAX));
    }
}
