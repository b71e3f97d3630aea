//! base64url without padding (RFC 4648 section 5, RFC 7515 section 2), decoded as strictly as
//! tokens need it: there is one accepted spelling for each sequence of bytes.
//!
//! Each new token comes through here three times. The general decoder that the tests compare this
//! one with is laid out for long inputs, and executes more code than a token has bytes.

/// The bytes that a text stands for. `None` for padding, other characters, a length that no bytes
/// have, and bits at the end that stand for nothing.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (quads, tail) = text.as_bytes().as_chunks::<4>();
    let tail_bytes = match tail.len() {
        0 => 0,
        1 => return None,
        length => length.checked_sub(1)?,
    };
    let whole = quads.len().checked_mul(3)?;
    let mut bytes = vec![0; whole.checked_add(tail_bytes)?];
    let (places, rest) = bytes.as_chunks_mut::<3>();
    let mut seen = 0;
    for (quad, place) in quads.iter().zip(places) {
        let [a, b, c, d] = quad.map(value);
        seen |= a | b | c | d;
        let bits = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
        let [_, first, second, third] = bits.to_be_bytes();
        *place = [first, second, third];
    }
    match (tail, rest) {
        ([a, b], [first]) => {
            let (a, b) = (value(*a), value(*b));
            seen |= a | b;
            *first = a << 2 | b >> 4;
            if b & 0x0f != 0 {
                return None;
            }
        }
        ([a, b, c], [first, second]) => {
            let (a, b, c) = (value(*a), value(*b), value(*c));
            seen |= a | b | c;
            *first = a << 2 | b >> 4;
            *second = b << 4 | c >> 2;
            if c & 0x03 != 0 {
                return None;
            }
        }
        _ => {}
    }
    (seen & NO_VALUE == 0).then_some(bytes)
}

/// The six bits of a character, or [`NO_VALUE`].
fn value(character: u8) -> u8 {
    // There are 256 of them, so this never misses.
    *VALUES.get(usize::from(character)).unwrap_or(&NO_VALUE)
}

const NO_VALUE: u8 = 0x80;

const VALUES: [u8; 256] = values();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn values() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [NO_VALUE; 256];
    let mut value: u8 = 0;
    while (value as usize) < alphabet.len() {
        values[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::decode;

    #[test]
    fn one_spelling_for_each_sequence_of_bytes() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg", Some(b"f")),
            ("Zm8", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYg", Some(b"foob")),
            ("-_-_", Some(&[0xfb, 0xff, 0xbf])),
            ("Z", None),
            ("Zm9vY", None),
            ("Zh", None),
            ("Zm9", None),
            ("Zg==", None),
            ("Zm8=", None),
            ("+/+/", None),
            ("Zm 9", None),
            ("Zm9v\n", None),
            ("Zm9é", None),
            ("Zé", None),
        ] {
            assert_eq!(decode(text).as_deref(), bytes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decodes_as_the_general_decoder_does(
            alphabet in "[A-Za-z0-9_-]{0,40}",
            nearly in "[AQgwx_=+/ é-]{0,9}",
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            for text in [&alphabet, &nearly, &format!("{alphabet}{nearly}")] {
                assert_eq!(decode(text), URL_SAFE_NO_PAD.decode(text).ok(), "{text}");
            }
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(decode(&text), Some(bytes));
        }
    }
}
