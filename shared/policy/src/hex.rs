//! Bytes as hexadecimal digits.

/// Two lower-case digits for each byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut digits = vec![0; bytes.len().saturating_mul(2)];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [lower_digit(byte >> 4), lower_digit(byte & 0x0f)];
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// The digit of a number below 16: the letters begin 39 after the colon, which comes after the 9.
const fn lower_digit(half: u8) -> u8 {
    let letter = if half > 9 { 39 } else { 0 };
    b'0'.wrapping_add(half).wrapping_add(letter)
}

/// Exactly so many bytes, from digits of either case.
#[must_use]
pub fn decode<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = value(*pair)?;
    }
    Some(bytes)
}

/// The byte that two digits stand for.
#[must_use]
pub fn value([high, low]: [u8; 2]) -> Option<u8> {
    Some((digit(high)? << 4) | digit(low)?)
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character & 0x0f),
        b'a'..=b'f' | b'A'..=b'F' => Some((character & 0x0f).wrapping_add(9)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn there_and_back() {
        let every: Vec<u8> = (0..=u8::MAX).collect();
        let text = encode(&every);
        assert_eq!(
            decode::<256>(&text).as_ref().map(<[u8; 256]>::as_slice),
            Some(every.as_slice())
        );
        assert_eq!(decode(&text.to_uppercase()), decode::<256>(&text));
        assert_eq!(decode(""), Some([]));
        for wrong in ["0", "0g", "00ff", " 0", "é"] {
            assert_eq!(decode::<1>(wrong), None, "{wrong}");
        }
    }
}
