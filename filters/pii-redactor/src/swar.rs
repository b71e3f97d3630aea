//! Eight bytes at a time, in the lanes of a word.

/// What eight bytes are to be: signs, and `x` where something else is to be tested.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// Which bits belong to signs.
    mask: u64,
    signs: u64,
}

impl Form {
    pub(crate) const fn new(form: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = form;
        let mask = [
            lane(a),
            lane(b),
            lane(c),
            lane(d),
            lane(e),
            lane(f),
            lane(g),
            lane(h),
        ];
        let mask = u64::from_le_bytes(mask);
        Self {
            mask,
            signs: u64::from_le_bytes(form) & mask,
        }
    }

    /// Whether the signs stand where they should, and the bytes between them are digits.
    #[inline(always)]
    pub(crate) const fn fits_digits(self, word: u64) -> bool {
        word & self.mask == self.signs && not_digits(self.filled(word)) == 0
    }

    /// Whether the signs stand where they should, and the bytes between them are hexadecimal digits.
    #[inline(always)]
    pub(crate) const fn fits_hexadecimal(self, word: u64) -> bool {
        word & self.mask == self.signs && is_hexadecimal(self.filled(word))
    }

    /// With zeros in the place of the signs.
    #[inline(always)]
    const fn filled(self, word: u64) -> u64 {
        word & !self.mask | ALL_ZEROS & self.mask
    }
}

const fn lane(byte: u8) -> u8 {
    if byte == b'x' { 0 } else { u8::MAX }
}

/// The eight bytes from a position on.
#[inline(always)]
pub(crate) fn word_at(text: &[u8], position: usize) -> Option<u64> {
    let bytes = text.get(position..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*bytes))
}

/// The highest bit of each byte that is no digit, up to the first of them at the least: what is
/// above it may be wrong.
#[inline(always)]
pub(crate) const fn not_digits(word: u64) -> u64 {
    let values = word ^ ALL_ZEROS;
    let beyond_nine = values.wrapping_add(all(0x80 - 10));
    (beyond_nine | values) & all(0x80)
}

/// Whether all of them are digits, or letters from `a` to `f`.
#[inline(always)]
const fn is_hexadecimal(word: u64) -> bool {
    let small = word | all(0x20);
    let from_a = small.wrapping_add(all(0x80 - b'a'));
    let beyond_f = small.wrapping_add(all(0x80 - b'f' - 1));
    // Without a byte beyond ASCII nothing carries from one lane into the next.
    word & all(0x80) == 0 && not_digits(word) & !(from_a & !beyond_f) == 0
}

const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

const ALL_ZEROS: u64 = all(b'0');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_lane() {
        let any = Form::new(*b"xxxxxxxx");
        for lane in 0..8 {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"01289afF";
                bytes[lane] = byte;
                let word = u64::from_le_bytes(bytes);
                assert_eq!(any.fits_hexadecimal(word), byte.is_ascii_hexdigit());
                let mut bytes = *b"01234589";
                bytes[lane] = byte;
                let word = u64::from_le_bytes(bytes);
                assert_eq!(any.fits_digits(word), byte.is_ascii_digit());
                let first = not_digits(word).trailing_zeros() / 8;
                let expected = if byte.is_ascii_digit() { 8 } else { lane };
                assert_eq!(first as usize, expected);
                let mut form = *b"xxxxxxxx";
                form[lane] = b'-';
                assert_eq!(Form::new(form).fits_digits(word), byte == b'-');
                assert_eq!(Form::new(form).fits_hexadecimal(word), byte == b'-');
            }
        }
    }
}
