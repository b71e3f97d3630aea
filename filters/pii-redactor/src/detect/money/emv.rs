//! CREDIT_CARD and CARD_TRACK in the data of a chip: tags of EMV (Book 3, annex A), in hexadecimal.

use crate::detect::prelude::*;

use super::card::{MAX_DIGITS, is_card};
use crate::bytes::{count_while, rest};

/// What is in a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// The number of the card.
    Number,
    /// A track, or what its issuer writes on it.
    Track,
}

/// The values of tags in a word, each from a place to a place.
pub(crate) fn find(word: &[u8]) -> Vec<(Tag, usize, usize)> {
    let mut found = Vec::new();
    if word.len() < LEAST_BYTES {
        return found;
    }
    step(word.len());
    if !word.iter().all(u8::is_ascii_hexdigit) {
        return found;
    }
    let mut discretionary = Vec::new();
    let mut position = 0;
    while position.plus(4) < word.len() {
        step(1);
        let is =
            |tag: &[u8]| part(word, position, position.plus(tag.len())).eq_ignore_ascii_case(tag);
        let is_track_2 = is(b"57") || is(b"9F6B");
        let is_alone = is(b"9F1F") || is(b"9F20");
        if !(is(b"5A") || is(b"56") || is_track_2 || is_alone) {
            position = position.plus(2);
            continue;
        }
        let tag_bytes = if at(word, position) == b'9' { 4 } else { 2 };
        let begin = position.plus(tag_bytes).plus(2);
        let bytes = usize::from(byte_of(word, position.plus(tag_bytes)).unwrap_or(0));
        let end = begin.plus(bytes.saturating_mul(2));
        let value = part(word, begin, end);
        let tag = match () {
            _ if value.len() < end.less(begin) => None,
            () if is_alone => {
                discretionary.push((Tag::Track, begin, end));
                None
            }
            () if is_track_2 => is_track2(value).then_some(Tag::Track),
            () if is(b"56") => is_track1(value).then_some(Tag::Track),
            () => is_number(value).then_some(Tag::Number),
        };
        let Some(tag) = tag else {
            position = position.plus(2);
            continue;
        };
        let length = match tag {
            Tag::Number => digits_of(value),
            Tag::Track => value.len(),
        };
        found.push((tag, begin, begin.plus(length)));
        position = end;
    }
    // By itself it has no form.
    if !found.is_empty() {
        found.append(&mut discretionary);
    }
    found
}

fn byte_of(word: &[u8], position: usize) -> Option<u8> {
    let digits = std::str::from_utf8(part(word, position, position.plus(2))).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

/// How many digits a value begins with.
fn digits_of(value: &[u8]) -> usize {
    let head = part(value, 0, MAX_DIGITS.plus(1));
    count_while(head, 0, |byte| byte.is_ascii_digit())
}

/// Whether the value is a card number, which may be padded with `F`.
fn is_number(value: &[u8]) -> bool {
    let digits = digits_of(value);
    rest(value, digits)
        .iter()
        .all(|byte| matches!(byte, b'F' | b'f'))
        && is_card(part(value, 0, digits))
}

/// The number, `D`, year and month.
fn is_track2(value: &[u8]) -> bool {
    let digits = digits_of(value);
    let month = slice_number(value, digits.plus(3), digits.plus(5));
    matches!(at(value, digits), b'D' | b'd')
        && (1..=12).contains(&month)
        && is_card(part(value, 0, digits))
}

/// Characters: `B`, the number, and a separator.
fn is_track1(value: &[u8]) -> bool {
    let mut number = Vec::new();
    let mut position = 2;
    while let Some(digit @ b'0'..=b'9') = byte_of(value, position)
        && number.len() <= MAX_DIGITS
    {
        number.push(digit);
        position = position.plus(2);
    }
    byte_of(value, 0) == Some(b'B') && byte_of(value, position) == Some(b'^') && is_card(&number)
}

/// The shortest tag with a number.
const LEAST_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use crate::fixtures::{plan_of, redacted};

    #[test]
    fn cards_in_the_tags_of_a_chip_are_found() {
        let plan = plan_of(r#"{"presets":["pci"]}"#);
        let of = |data: &str| redacted(&plan, "text/plain", data);
        let hex =
            |text: &str| -> String { text.bytes().map(|byte| format!("{byte:02X}")).collect() };
        let track1 = hex("B4111111111111111^DOE/JANE^3012201");
        for (data, expected) in [
            (
                "4F07A00000000310105A0841111111111111115F2403301231".to_owned(),
                "4F07A00000000310105A08************11115F2403301231",
            ),
            (
                "9f1a0202765a08378282246310005f9f3501".to_owned(),
                "9f1a0202765a08***********0005f9f3501",
            ),
            (
                "57134111111111111111D3012201000001234567899F20031234565F2403301231".to_owned(),
                "57139F20035F2403301231",
            ),
            (
                "9F6B134111111111111111D30122010000012345678982021980".to_owned(),
                "9F6B1382021980",
            ),
            (format!("5622{track1}9F1F02AB12"), "56229F1F02"),
        ] {
            assert_eq!(of(&data), expected, "{data}");
        }
        // No card, no month, or less than the tag says.
        for data in [
            "4F07A00000000310105A0841111111111111125F2403301231",
            "57134111111111111112D3012201000001234567895F2403301231",
            "57134111111111111111D301320100000123456789",
            "5713411111111111",
            "9F20031234565F24033012319F3501",
        ] {
            assert_eq!(of(data), data);
        }
        let member = r#"{"emv":{"9F20":"1230000000","discretionaryData":"1230000000"}}"#;
        assert_eq!(
            redacted(&plan, "application/json", member),
            r#"{"emv":{"9F20":"","discretionaryData":""}}"#
        );
    }
}
