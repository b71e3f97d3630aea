//! Pieces of JSON in the canonical spelling.

/// Bytes before the first that ends a string or must be looked at: eight at a time.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let mut length = 0;
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        // What is looked for is below 128, so a byte with its high bit set is none; and a byte
        // that is one borrows, which may mark bytes above it too, but never below.
        let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
        let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
        let control = word.wrapping_sub(ONES * 0x20);
        let found = (quote | backslash | control) & !word & HIGH;
        if found != 0 {
            return length + found.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = bytes.get(length..).unwrap_or_default();
    let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    length + rest.iter().position(special).unwrap_or(rest.len())
}

/// Whether a string begins with so many bytes that are nothing but themselves, and ends there.
pub(super) fn is_plain<const N: usize>(text: &[u8]) -> bool {
    let Some((string, rest)) = text.split_first_chunk::<N>() else {
        return false;
    };
    // To the end in any case, so that the compiler can look at many at once.
    let special = string.iter().fold(false, |special, byte| {
        special | (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\')
    });
    !special && rest.first() == Some(&b'"')
}

/// The four digits of an escape that has no shorter form.
pub(super) fn is_long_escape(code: &[u8]) -> bool {
    let [b'0', b'0', high @ (b'0' | b'1'), low] = code else {
        return false;
    };
    let is_short = *high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd');
    matches!(low, b'0'..=b'9' | b'a'..=b'f') && !is_short
}

/// The integer at the beginning, without zeros in front, as the canonical form has it; and of how
/// many digits it is.
pub(super) fn leading_integer(text: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    let mut length = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if length == MAX_DIGITS {
            return None;
        }
        number = number * 10 + u64::from(digit);
        length += 1;
    }
    let is_whole = length == 1 || length > 1 && text.first() != Some(&b'0');
    is_whole.then_some((number, length))
}

/// All integers of records have no more.
const MAX_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_at_a_time_is_one_at_a_time(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), 0x1f_u8..0x23], 0..40)) {
            let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
            let expected = bytes.iter().position(special).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), expected);
        }
    }
}
