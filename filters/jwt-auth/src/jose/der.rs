//! The few structures of DER (X.690) that public keys and ECDSA signatures need.

/// A value with its tag and length.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let digits = without_leading_zeros(&digits);
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            bytes.extend_from_slice(digits);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// A sequence of encoded values.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// A non-negative integer from its big-endian digits.
pub(super) fn unsigned_integer(digits: &[u8]) -> Vec<u8> {
    let digits = match without_leading_zeros(digits) {
        [] => &[0],
        digits => digits,
    };
    if digits.first().is_some_and(|byte| byte & 0x80 != 0) {
        let mut positive = vec![0];
        positive.extend_from_slice(digits);
        return element(INTEGER, &positive);
    }
    element(INTEGER, digits)
}

/// SubjectPublicKeyInfo (RFC 5280 section 4.1): the algorithm's identifier, encoded, and the key.
pub(super) fn subject_public_key_info(identifier: &[u8], key: &[u8]) -> Vec<u8> {
    let mut bits = vec![0];
    bits.extend_from_slice(key);
    sequence(&[identifier, &element(BIT_STRING, &bits)])
}

pub(super) fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let first = digits.iter().position(|byte| *byte != 0);
    first
        .and_then(|first| digits.get(first..))
        .unwrap_or_default()
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers() {
        assert_eq!(element(4, &[7; 3]), [4, 3, 7, 7, 7]);
        assert_eq!(element(4, &[0; 127])[..2], [4, 127]);
        assert_eq!(element(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[0; 300])[..4], [4, 0x82, 1, 44]);
        assert_eq!(unsigned_integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(unsigned_integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned_integer(&[0, 0]), [2, 1, 0]);
        assert_eq!(unsigned_integer(&[]), [2, 1, 0]);
    }
}
