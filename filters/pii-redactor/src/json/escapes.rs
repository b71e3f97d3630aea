//! Whole texts of JSON strings (RFC 8259 section 7): what a spelling says, and how a text is spelled.

use crate::bytes::{Position as _, at, part, rest};

/// What a spelling says. Half a pair of surrogates is no character; it becomes the three bytes that
/// it would have if it were one, and an escape again when the text is spelled. `None`: there is an
/// escape that is none.
pub(super) fn decoded(raw: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(raw.len());
    let mut position = 0;
    while position < raw.len() {
        let ahead = rest(raw, position);
        let plain = memchr::memchr(b'\\', ahead).unwrap_or(ahead.len());
        text.extend_from_slice(part(ahead, 0, plain));
        let escape = rest(ahead, plain);
        if escape.is_empty() {
            break;
        }
        let mut length = 2;
        match escape.get(1)? {
            byte @ (b'"' | b'\\' | b'/') => text.push(*byte),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let unit = code_unit(escape)?;
                let second = code_unit(rest(escape, CODE_UNIT_BYTES));
                let second = second.filter(|second| is_pair(unit, *second));
                let characters = char::decode_utf16([Some(unit), second].into_iter().flatten());
                for character in characters {
                    match character {
                        Ok(character) => push(character, &mut text),
                        Err(half) => text.extend(bytes_of_half(half.unpaired_surrogate())),
                    }
                }
                let units = 1_usize.plus(usize::from(second.is_some()));
                length = CODE_UNIT_BYTES.saturating_mul(units);
            }
            _ => return None,
        }
        position = position.plus(plain).plus(length);
    }
    Some(text)
}

/// The code unit of the escape `\u0000` that these bytes begin with.
pub(super) fn code_unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    let digits = std::str::from_utf8(digits).ok()?;
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits
        .then(|| u16::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Spells a text. `is_ascii` spells what is beyond ASCII with escapes, for readers that were given
/// nothing else before.
pub(super) fn write_encoded(text: &[u8], is_ascii: bool, out: &mut Vec<u8>) {
    let mut position = 0;
    while position < text.len() {
        let byte = at(text, position);
        let mut length = 1;
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..b' ' => write_code_unit(u16::from(byte), out),
            b' '..0x80 => out.push(byte),
            _ => {
                let ahead = part(text, position, position.plus(4));
                if let Some(half) = half_of_bytes(ahead) {
                    write_code_unit(half, out);
                    length = 3;
                } else if let Some(character) = first_character(ahead).filter(|_| is_ascii) {
                    let mut units = [0; 2];
                    for unit in character.encode_utf16(&mut units) {
                        write_code_unit(*unit, out);
                    }
                    length = character.len_utf8();
                } else {
                    out.push(byte);
                }
            }
        }
        position = position.plus(length);
    }
}

fn write_code_unit(unit: u16, out: &mut Vec<u8>) {
    out.extend(format!("\\u{unit:04x}").into_bytes());
}

fn push(character: char, text: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
}

fn first_character(text: &[u8]) -> Option<char> {
    text.utf8_chunks().next()?.valid().chars().next()
}

fn is_pair(first: u16, second: u16) -> bool {
    (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second)
}

/// As UTF-8 would spell a surrogate, if it did.
fn bytes_of_half(half: u16) -> [u8; 3] {
    let [high, low] = half.to_be_bytes();
    let middle = (high & 0x0f) << 2 | low >> 6;
    [0xed, 0x80 | middle, 0x80 | low & 0x3f]
}

fn half_of_bytes(text: &[u8]) -> Option<u16> {
    match text {
        [0xed, middle @ 0xa0..=0xbf, last @ 0x80..=0xbf, ..] => {
            let (middle, last) = (u16::from(*middle), u16::from(*last));
            Some(0xd000 | (middle & 0x3f) << 6 | last & 0x3f)
        }
        _ => None,
    }
}

/// The length of an escape that names a code unit.
pub(super) const CODE_UNIT_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_and_what_they_say() {
        for (raw, text) in [
            ("", ""),
            (r#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (r"\b\f\n\r\t", "\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u20AC", "A\u{e9}\u{20ac}"),
            (r"\ud83d\ude00!", "\u{1f600}!"),
        ] {
            assert_eq!(decoded(raw.as_bytes()).unwrap(), text.as_bytes(), "{raw}");
        }
        for raw in [r"\", r"\q", r"\u00", r"\u00g0", r"\u+041", r"\{"] {
            assert_eq!(decoded(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn halves_of_pairs_stay_halves() {
        for raw in [
            r"\ud83d",
            r"\ude00",
            r"\ude00\ud83d",
            r"\ud83dx\ude00",
            r"\ud83d\ud83d\ude00",
            r"\udfff\ud800",
        ] {
            let text = decoded(raw.as_bytes()).unwrap();
            let mut spelled = Vec::new();
            write_encoded(&text, true, &mut spelled);
            assert_eq!(String::from_utf8_lossy(&spelled), raw);
        }
    }

    proptest! {
        #[test]
        fn a_text_that_is_spelled_says_the_same(text in any::<String>(), is_ascii in any::<bool>()) {
            let mut spelled = Vec::new();
            write_encoded(text.as_bytes(), is_ascii, &mut spelled);
            prop_assert_eq!(decoded(&spelled), Some(text.as_bytes().to_vec()));
            prop_assert!(!is_ascii || spelled.is_ascii());
            let quoted = format!("\"{}\"", String::from_utf8(spelled).unwrap());
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        }

        #[test]
        fn any_bytes_can_be_spelled(bytes in proptest::collection::vec(any::<u8>(), 0..40), is_ascii in any::<bool>()) {
            let mut spelled = Vec::new();
            write_encoded(&bytes, is_ascii, &mut spelled);
            prop_assert_eq!(decoded(&spelled), Some(bytes));
        }
    }
}
