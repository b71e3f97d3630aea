//! Hexadecimal digits: a record has about 500 of them.

/// Exactly so many bytes from lower-case digits.
#[must_use]
pub fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    let mut wrong = 0;
    // Without branches and tables, so that the compiler can do many at once.
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (value(*high), value(*low));
        wrong |= high | low;
        *byte = high << 4 | low & 15;
    }
    (wrong & NONE == 0).then_some(bytes)
}

/// Two lower-case digits for each byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn value(digit: u8) -> u8 {
    let number = digit.wrapping_sub(b'0');
    let letter = digit.wrapping_sub(b'a');
    if number < 10 {
        number
    } else if letter < 6 {
        letter + 10
    } else {
        NONE
    }
}

const NONE: u8 = 0x80;

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
        assert_eq!(encode(&[0, 255, 0x7a]), "00ff7a");
    }
}
