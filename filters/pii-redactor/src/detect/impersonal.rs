//! What is in most documents, has digits, and is nobody's: UUIDs and times.

use crate::bytes::at;

/// Whether a whole text that nothing announces is one of them.
#[inline]
pub(crate) fn is_impersonal(text: &[u8]) -> bool {
    match text.len() {
        UUID_BYTES => begins_with_uuid(text),
        TIME_BYTES => begins_with_time(text),
        ZONED_BYTES => begins_with_time(text) && at(text, TIME_BYTES) == b'Z',
        _ => false,
    }
}

/// Whether a text begins with a UUID as RFC 9562 writes it.
#[inline]
pub(crate) fn begins_with_uuid(text: &[u8]) -> bool {
    at(text, 8) == b'-'
        && text.first_chunk::<UUID_BYTES>().is_some_and(|text| {
            fits(text, UUID, |byte| {
                byte.wrapping_sub(b'0') < 10 || (byte | 0x20).wrapping_sub(b'a') < 6
            })
        })
}

/// Whether a text begins with a day and a time as RFC 3339 writes them.
#[inline]
pub(crate) fn begins_with_time(text: &[u8]) -> bool {
    at(text, 4) == b'-'
        && matches!(at(text, 10), b'T' | b't')
        && text
            .first_chunk::<TIME_BYTES>()
            .is_some_and(|text| fits(text, TIME, |byte| byte.wrapping_sub(b'0') < 10))
}

/// Whether each byte is what stands in the form, or one of those that `x` stands for. There is no
/// branch for each, so this becomes a few vector instructions.
#[inline(always)]
fn fits<const N: usize>(text: &[u8; N], form: &[u8; N], is: impl Fn(u8) -> bool) -> bool {
    text.iter().zip(form).fold(true, |fits, (byte, expected)| {
        let is_sign = (*byte == *expected) | (*expected == b'T') & (*byte == b't');
        fits & if *expected == b'x' {
            is(*byte)
        } else {
            is_sign
        }
    })
}

pub(crate) const UUID_BYTES: usize = 36;
pub(crate) const TIME_BYTES: usize = 19;
const ZONED_BYTES: usize = TIME_BYTES + 1;
const UUID: &[u8; UUID_BYTES] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const TIME: &[u8; TIME_BYTES] = b"xxxx-xx-xxTxx:xx:xx";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_texts() {
        for text in [
            "1519b9ab-a034-4fb7-a3aa-00007b855d9a",
            "1519B9AB-A034-4FB7-A3AA-00007B855D9A",
            "2026-04-16T08:04:48Z",
            "2026-04-16t08:04:48",
        ] {
            assert!(is_impersonal(text.as_bytes()), "{text}");
            // Any other sign, and it is none.
            for place in 0..text.len() {
                for byte in [b'x', b'X', b'=', b'\r', b'\x1a', b' ', 0xff] {
                    let mut other = text.as_bytes().to_vec();
                    other[place] = byte;
                    assert!(!is_impersonal(&other), "{}", other.escape_ascii());
                }
                if place != TIME_BYTES {
                    assert!(!is_impersonal(&text.as_bytes()[..place]), "{text} {place}");
                }
            }
        }
        for text in [
            "",
            "1519b9aba0344fb7a3aa00007b855d9a",
            "2026-04-16 08:04:48",
            "2026-04-16T08:04:48X",
        ] {
            assert!(!is_impersonal(text.as_bytes()), "{text}");
        }
    }
}
