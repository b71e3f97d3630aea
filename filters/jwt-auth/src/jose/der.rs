//! The few structures of DER (X.690) that public keys and ECDSA signatures need.

#[cfg(test)]
mod tests;

/// A value with its tag and length.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len().saturating_add(MAX_HEAD_BYTES));
    push_head(&mut bytes, tag, content.len());
    bytes.extend_from_slice(content);
    bytes
}

/// A sequence of two non-negative integers, from their big-endian digits. All of it is written in
/// one piece: every ECDSA signature comes through here.
pub(super) fn two_integers(first: &[u8], second: &[u8]) -> Vec<u8> {
    let numbers = [first, second].map(positive_digits);
    let length = |(sign, digits): (bool, &[u8])| digits.len().saturating_add(usize::from(sign));
    let integers = numbers.map(|number| length(number).saturating_add(HEAD_BYTES));
    let content = integers
        .iter()
        .fold(0_usize, |sum, len| sum.saturating_add(*len));
    let mut bytes = Vec::with_capacity(content.saturating_add(MAX_HEAD_BYTES));
    push_head(&mut bytes, SEQUENCE, content);
    for (sign, digits) in numbers {
        push_head(&mut bytes, INTEGER, length((sign, digits)));
        if sign {
            bytes.push(0);
        }
        bytes.extend_from_slice(digits);
    }
    bytes
}

/// The digits of a non-negative integer as DER has them, and whether a zero byte before them must
/// say that it is not negative.
fn positive_digits(digits: &[u8]) -> (bool, &[u8]) {
    match without_leading_zeros(digits) {
        [] => (false, &[0]),
        digits => (digits.first().is_some_and(|byte| byte & 0x80 != 0), digits),
    }
}

fn push_head(bytes: &mut Vec<u8>, tag: u8, length: usize) {
    bytes.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let digits = without_leading_zeros(&digits);
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            bytes.extend_from_slice(digits);
        }
    }
}

/// A sequence of encoded values.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// A non-negative integer from its big-endian digits.
pub(super) fn unsigned_integer(digits: &[u8]) -> Vec<u8> {
    match positive_digits(digits) {
        (true, digits) => element(INTEGER, &[&[0], digits].concat()),
        (false, digits) => element(INTEGER, digits),
    }
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

/// Tag and length of something short.
const HEAD_BYTES: usize = 2;
const MAX_HEAD_BYTES: usize = 10;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
