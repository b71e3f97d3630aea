//! What is in most documents, has digits, and is nobody's: UUIDs and times.

use crate::bytes::{Position as _, at, part};
use crate::swar::{Form, word_at};

/// Whether a whole text that nothing announces is one of them.
#[inline(never)]
pub(crate) fn is_impersonal(text: &[u8]) -> bool {
    match text.len() {
        UUID_BYTES => begins_with_uuid(text),
        TIME_BYTES..=LONGEST_TIME_BYTES => begins_with_time(text) && is_zone(text),
        _ => false,
    }
}

/// Whether nothing follows a time, or `Z`, perhaps behind a fraction of a second.
fn is_zone(text: &[u8]) -> bool {
    let last = text.len().less(1);
    text.len() == TIME_BYTES
        || at(text, last) == b'Z'
            && (last == TIME_BYTES
                || last > FRACTION_FROM
                    && at(text, TIME_BYTES) == b'.'
                    && part(text, FRACTION_FROM, last)
                        .iter()
                        .all(u8::is_ascii_digit))
}

/// Whether a text begins with a UUID as RFC 9562 writes it.
#[inline]
pub(crate) fn begins_with_uuid(text: &[u8]) -> bool {
    at(text, 8) == b'-'
        && UUID.iter().all(|(place, form)| {
            word_at(text, *place).is_some_and(|word| form.fits_hexadecimal(word))
        })
}

/// Whether a text begins with a day and a time as RFC 3339 writes them.
#[inline]
pub(crate) fn begins_with_time(text: &[u8]) -> bool {
    at(text, 4) == b'-'
        && matches!(at(text, 10), b'T' | b't')
        && TIME
            .iter()
            .all(|(place, form)| word_at(text, *place).is_some_and(|word| form.fits_digits(word)))
}

pub(crate) const UUID_BYTES: usize = 36;
pub(crate) const TIME_BYTES: usize = 19;
const FRACTION_FROM: usize = TIME_BYTES + 1;
/// The longest time of RFC 3339 without its zone: with nanoseconds.
const LONGEST_TIME_BYTES: usize = FRACTION_FROM + 9 + 1;
/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`: eight bytes from each of these places on.
const UUID: [(usize, Form); 5] = [
    (0, Form::new(*b"xxxxxxxx")),
    (8, Form::new(*b"-xxxx-xx")),
    (16, Form::new(*b"xx-xxxx-")),
    (24, Form::new(*b"xxxxxxxx")),
    (28, Form::new(*b"xxxxxxxx")),
];
/// `xxxx-xx-xxTxx:xx:xx`, but for the letter.
const TIME: [(usize, Form); 3] = [
    (0, Form::new(*b"xxxx-xx-")),
    (2, Form::new(*b"xx-xx-xx")),
    (11, Form::new(*b"xx:xx:xx")),
];

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
            "2026-04-16T08:04:48.1Z",
            "2026-04-16T08:04:48.123456789Z",
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
            "2026-04-16T08:04:48.Z",
            "2026-04-16T08:04:48.1234567890Z",
            "2026-04-16T08:04:48.123",
        ] {
            assert!(!is_impersonal(text.as_bytes()), "{text}");
        }
    }
}
