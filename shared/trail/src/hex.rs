//! Hexadecimal digits: a record has about 500 of them, so they are read many at once.

pub use policy::hex::encode;

/// Exactly so many bytes from lower-case digits.
#[must_use]
pub fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    // Without branches and tables, and with both digits of a byte in one number, so that the
    // compiler can do many at once.
    let mut bytes = [0; N];
    let mut wrong = 0;
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let pair = values(u16::from_le_bytes(*pair));
        wrong |= pair;
        *byte = (pair << 4 | pair >> 8) as u8;
    }
    (wrong & WRONG == 0).then_some(bytes)
}

/// The value of each of two digits, each in the low half of its byte; a byte that is no digit has
/// its highest bit set.
fn values(pair: u16) -> u16 {
    /// In both bytes: 128 less than a character, so that adding it tells who is not below.
    const fn below(character: u8) -> u16 {
        (0x80 - character as u16) * 0x0101
    }
    // No sum goes over into the byte above.
    let low = pair & 0x7f7f;
    let is_not_below = |character| low.wrapping_add(below(character));
    let is_digit = is_not_below(b'0') & !is_not_below(b'9' + 1);
    let is_letter = is_not_below(b'a') & !is_not_below(b'f' + 1);
    let wrong = !(is_digit | is_letter) | pair;
    // The letters are those with a bit that digits do not have, and `a` has a one in the low half.
    let value = (low & 0x0f0f).wrapping_add((low >> 6 & 0x0101).wrapping_mul(9));
    value | wrong & WRONG
}

const WRONG: u16 = 0x8080;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lower_case_digits_of_the_right_number() {
        assert_eq!(decode::<3>(b"00ff7a"), Some([0, 255, 0x7a]));
        for wrong in [
            &b"00ff7A"[..],
            b"00ff7",
            b"00ff7a00",
            b"00ff7g",
            b"00ff7\xe1",
            b"",
        ] {
            assert_eq!(decode::<3>(wrong), None);
        }
        for character in 0..=u8::MAX {
            let value = char::from(character)
                .to_digit(16)
                .filter(|_| !character.is_ascii_uppercase());
            let value = value.and_then(|value| u8::try_from(value).ok());
            assert_eq!(decode::<1>(&[b'0', character]), value.map(|value| [value]));
            assert_eq!(
                decode::<1>(&[character, b'0']),
                value.map(|value| [value << 4])
            );
        }
        assert_eq!(encode(&[0, 255, 0x7a]), "00ff7a");
    }
}
