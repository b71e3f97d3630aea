//! Arithmetic modulo an odd number, after Montgomery, with digits of 32 bits: their products have
//! 64 bits, which WebAssembly multiplies in one instruction.

/// An odd modulus and what is worked out from it once.
#[derive(Clone, Debug)]
pub(super) struct Modulus {
    /// Little-endian digits; the last one is not zero.
    digits: Vec<u32>,
    bits: usize,
    /// The inverse of the negated modulus modulo 2^32.
    negated_inverse: u32,
    /// R squared modulo the modulus, R being 2^(32 * number of digits).
    r_squared: Vec<u32>,
}

impl Modulus {
    /// From big-endian bytes without leading zeros. `None` when it is even or empty.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let (first, _) = bytes.split_first()?;
        let digits = digits(bytes)?;
        let lowest = *digits.first()?;
        if lowest & 1 == 0 || *first == 0 {
            return None;
        }
        let bits = bytes
            .len()
            .checked_mul(8)?
            .checked_sub(usize::try_from(first.leading_zeros()).ok()?)?;
        let mut modulus = Self {
            negated_inverse: inverse(lowest).wrapping_neg(),
            r_squared: Vec::new(),
            digits,
            bits,
        };
        modulus.r_squared = modulus.r_squared()?;
        Some(modulus)
    }

    /// The length of the modulus in bits.
    pub(super) const fn bits(&self) -> usize {
        self.bits
    }

    /// `base` to the power of `exponent`, both and the result big-endian and as long as the modulus.
    /// `None` when `base` has another length, or is not below the modulus.
    pub(super) fn power(&self, base: &[u8], exponent: u32) -> Option<Vec<u8>> {
        let length = self.bits.div_ceil(8);
        if base.len() != length {
            return None;
        }
        let base = digits(base)?;
        if !is_less(&base, &self.digits) {
            return None;
        }
        let mut scratch = Vec::new();
        let base = self.product(&base, &self.r_squared, &mut scratch);
        let mut result = base.clone();
        let below_the_highest_bit = 31_u32.checked_sub(exponent.leading_zeros())?;
        for bit in (0..below_the_highest_bit).rev() {
            result = self.product(&result, &result, &mut scratch);
            if exponent.wrapping_shr(bit) & 1 == 1 {
                result = self.product(&result, &base, &mut scratch);
            }
        }
        let mut one = vec![0; self.digits.len()];
        *one.first_mut()? = 1;
        let result = self.product(&result, &one, &mut scratch);
        let mut bytes: Vec<u8> = result
            .iter()
            .rev()
            .flat_map(|digit| digit.to_be_bytes())
            .collect();
        let surplus = bytes.len().checked_sub(length)?;
        bytes.drain(..surplus);
        Some(bytes)
    }

    /// Whether the modulus has the residues that the broken generator of CVE-2017-15361 leaves:
    /// modulo each of these primes, it is a power of 65537.
    pub(super) fn has_roca_fingerprint(&self) -> bool {
        const PRIMES: [u32; 17] = [
            11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
        ];
        PRIMES.iter().all(|prime| {
            let residue = self.residue(*prime);
            let generator = 65_537_u32.checked_rem(*prime).unwrap_or_default();
            let powers = std::iter::successors(Some(1_u32), |power| {
                let next = power.wrapping_mul(generator).checked_rem(*prime)?;
                (next != 1).then_some(next)
            });
            powers
                .take(usize::try_from(*prime).unwrap_or_default())
                .any(|power| power == residue)
        })
    }

    fn residue(&self, prime: u32) -> u32 {
        let prime = u64::from(prime);
        let residue = self.digits.iter().rev().fold(0_u64, |residue, digit| {
            let value = residue.wrapping_shl(32) | u64::from(*digit);
            value.checked_rem(prime).unwrap_or_default()
        });
        u32::try_from(residue).unwrap_or_default()
    }

    /// `a * b / R` modulo the modulus; `a` and `b` are below it and have as many digits.
    fn product(&self, a: &[u32], b: &[u32], scratch: &mut Vec<u32>) -> Vec<u32> {
        let count = self.digits.len();
        scratch.clear();
        scratch.resize(count.saturating_mul(2), 0);
        for (place, digit) in b.iter().enumerate() {
            let carry = match scratch.get_mut(place..) {
                Some(row) => add_multiple(row, a, *digit),
                None => 0,
            };
            if let Some(next) = scratch.get_mut(place.saturating_add(count)) {
                *next = carry;
            }
        }
        // Each round adds the multiple of the modulus that makes one more digit zero.
        let mut overflow = 0_u32;
        for place in 0..count {
            let Some(row) = scratch.get_mut(place..) else {
                break;
            };
            let lowest = row.first().copied().unwrap_or_default();
            let factor = lowest.wrapping_mul(self.negated_inverse);
            let carry = add_multiple(row, &self.digits, factor);
            if let Some(next) = row.get_mut(count) {
                let sum = u64::from(*next)
                    .wrapping_add(u64::from(carry))
                    .wrapping_add(u64::from(overflow));
                (*next, overflow) = split(sum);
            }
        }
        let mut result = scratch.get(count..).unwrap_or_default().to_vec();
        if overflow != 0 || !is_less(&result, &self.digits) {
            subtract(&mut result, &self.digits);
        }
        result
    }

    fn r_squared(&self) -> Option<Vec<u32>> {
        // The highest bit of the modulus alone is below it; doubled often enough it is R, and as
        // often as R has bits after that, R squared.
        let mut value = vec![0; self.digits.len()];
        let highest = self.bits.checked_sub(1)?;
        let bit = u32::try_from(highest & 31).ok()?;
        *value.get_mut(highest.checked_shr(5)?)? = 1_u32.wrapping_shl(bit);
        let r_bits = self.digits.len().checked_mul(32)?;
        let doublings = r_bits.checked_sub(highest)?.checked_add(r_bits)?;
        for _ in 0..doublings {
            let mut carry = 0;
            for digit in &mut value {
                let doubled = digit.wrapping_shl(1) | carry;
                carry = digit.wrapping_shr(31);
                *digit = doubled;
            }
            if carry != 0 || !is_less(&value, &self.digits) {
                subtract(&mut value, &self.digits);
            }
        }
        Some(value)
    }
}

/// Adds `factor` times `number` to the first digits of `row`; returns the carry.
#[inline]
fn add_multiple(row: &mut [u32], number: &[u32], factor: u32) -> u32 {
    let factor = u64::from(factor);
    let mut carry = 0;
    for (place, digit) in row.iter_mut().zip(number) {
        // At most (2^32 - 1)^2 + 2 (2^32 - 1), which is 2^64 - 1.
        let sum = u64::from(*digit)
            .wrapping_mul(factor)
            .wrapping_add(u64::from(*place))
            .wrapping_add(u64::from(carry));
        (*place, carry) = split(sum);
    }
    carry
}

/// Subtracts `b`; what would be borrowed beyond the last digit is the caller's overflow.
fn subtract(a: &mut [u32], b: &[u32]) {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (difference, first) = a.overflowing_sub(*b);
        let (difference, second) = difference.overflowing_sub(u32::from(borrow));
        *a = difference;
        borrow = first || second;
    }
}

fn is_less(a: &[u32], b: &[u32]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// The lower and the upper half.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
const fn split(value: u64) -> (u32, u32) {
    (value as u32, value.wrapping_shr(32) as u32)
}

/// Little-endian digits of big-endian bytes.
fn digits(bytes: &[u8]) -> Option<Vec<u32>> {
    bytes
        .rchunks(4)
        .map(|chunk| {
            chunk.iter().try_fold(0_u32, |digit, byte| {
                let shifted = digit.checked_shl(8)?;
                Some(shifted | u32::from(*byte))
            })
        })
        .collect()
}

/// The inverse of an odd number modulo 2^32, by Newton's method: each step doubles the bits that
/// are right, of which there are three at first.
const fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    // 3, 6, 12, 24, 48.
    let mut step = 0;
    while step < 4 {
        let error = 2_u32.wrapping_sub(odd.wrapping_mul(inverse));
        inverse = inverse.wrapping_mul(error);
        step = u32::wrapping_add(step, 1);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rsa::BigUint;

    use super::*;

    proptest! {
        #[test]
        fn powers_are_those_of_another_implementation(
            mut modulus in proptest::collection::vec(any::<u8>(), 1..70),
            base in proptest::collection::vec(any::<u8>(), 1..70),
            exponent in prop_oneof![Just(65_537_u32), 1_u32..],
        ) {
            modulus[0] |= 1;
            let last = modulus.len() - 1;
            modulus[last] |= 1;
            let n = BigUint::from_bytes_be(&modulus);
            prop_assume!(n > BigUint::from(1_u32));
            let base = BigUint::from_bytes_be(&base) % &n;
            let expected = base.modpow(&BigUint::from(exponent), &n);
            let padded = |number: &BigUint| {
                let bytes = number.to_bytes_be();
                let mut all = vec![0; modulus.len() - bytes.len().min(modulus.len())];
                all.extend(bytes);
                all
            };
            let ours = Modulus::new(&modulus).unwrap().power(&padded(&base), exponent);
            prop_assert_eq!(ours, Some(padded(&expected)));
        }

        #[test]
        fn broken_keys_are_told_from_random_ones(exponent in 1_u32.., factor in 1_u32..) {
            let primorial: BigUint = (2_u32..168)
                .filter(|n| (2..*n).all(|d| n % d != 0))
                .map(BigUint::from)
                .product();
            let power = BigUint::from(65_537_u32).modpow(&BigUint::from(exponent), &primorial);
            let broken = BigUint::from(factor) * &primorial + power;
            let modulus = Modulus::new(&broken.to_bytes_be());
            prop_assert!(modulus.is_none_or(|modulus| modulus.has_roca_fingerprint()));
        }
    }

    #[test]
    fn what_does_not_fit_is_no_signature() {
        let modulus = Modulus::new(&[0xff, 0xff, 0xff, 0xff, 0xfb]).unwrap();
        assert_eq!(modulus.bits(), 40);
        assert!(modulus.power(&[0xff, 0xff, 0xff, 0xff, 0xfa], 3).is_some());
        for base in [
            &[0xff, 0xff, 0xff, 0xff, 0xfb][..],
            &[0xff; 5],
            &[1; 4],
            &[0, 0, 0, 0, 0, 1],
            &[],
        ] {
            assert_eq!(modulus.power(base, 3), None);
        }
        assert!(Modulus::new(&[4]).is_none() && Modulus::new(&[]).is_none());
        assert!(!modulus.has_roca_fingerprint());
    }
}
