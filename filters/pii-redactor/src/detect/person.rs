//! Checks of what is known about a person by the names of members.

use crate::detect::prelude::*;

use crate::bytes::{before, count_while, rest};

/// None of the signs of paths, addresses and code.
pub(crate) fn name(value: &[u8]) -> bool {
    // `infra1`, `postgresql0`: members of clusters have such names, and people only as handles.
    let is_of_host = value.iter().any(u8::is_ascii_digit)
        && value.iter().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
        });
    // As airlines write passengers: `DOE/JANE MRS`.
    let is_of_passenger = value.first() != Some(&b'/')
        && value.iter().filter(|byte| **byte == b'/').count() == 1
        && value
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'/' | b' ' | b'-' | b'\''));
    is_of_passenger || !is_of_host && !value.iter().any(|byte| b"/:@{}<>=\\".contains(byte))
}

/// Not the address of a host, a page or a wallet: those are one word with signs that streets lack.
pub(crate) fn street(value: &[u8]) -> bool {
    let is_one_word = !value.iter().any(|byte| matches!(byte, b' ' | b',' | b'\n'));
    let is_technical = value
        .iter()
        .any(|byte| matches!(byte, b':' | b'.' | b'@' | b'_' | b'/'))
        || value.starts_with(b"0x");
    !(matches!(value, b"true" | b"false") || is_one_word && is_technical)
}

/// Up to ten letters, digits, spaces and dashes, a digit among them; behind a comma the state may stand, as in
/// `94110, CA`.
pub(crate) fn postal_code(value: &[u8]) -> bool {
    let end = memchr::memchr(b',', value).unwrap_or(value.len());
    let (value, state) = value.split_at(end);
    state.len() <= 4
        && !state.iter().any(u8::is_ascii_digit)
        && value.len() <= 10
        && value.iter().any(u8::is_ascii_digit)
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'*'))
}

/// A day somewhere in it: digits that can be one, or the name of a month.
pub(crate) fn date(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    // A day or a month by itself: `"birthDate": [1970, 5, 6]`.
    let is_part = value.len() <= 2 && digits == value.len() && digits > 0;
    // A measured value: `13.25`.
    let is_decimal = value.iter().filter(|byte| **byte == b'.').count() == 1
        && value
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    is_part
        || !is_decimal
            && value.len() <= 64
            && digits >= 4
            && value.iter().all(|byte| {
                byte.is_ascii_alphanumeric() || b" -/.,:+()[]'".contains(byte) || *byte >= 0x80
            })
}

/// Years: up to three digits, perhaps a fraction, and what says that they are years or more, or months; also
/// several of these, or a span (`90-95`), and a duration of ISO 8601 (`P93Y`).
pub(crate) fn age(value: &[u8]) -> bool {
    let sign = count_while(value, 0, |byte| {
        matches!(byte, b'<' | b'>' | b'=' | b'~' | b'P')
    });
    let mut position = sign;
    let is_duration = value.starts_with(b"P");
    let mut numbers = 0_usize;
    while position < value.len() {
        let byte = at(value, position);
        let digits = count_while(value, position, |byte| byte.is_ascii_digit());
        let letters = count_while(value, position, |byte| byte.is_ascii_alphabetic());
        let unit = part(value, position, position.plus(letters)).to_ascii_lowercase();
        let months = rest(value, position.plus(digits)).trim_ascii_start();
        let most = match at(months, 0) {
            b'm' if at(months, 1) == b'o' => 4,
            b'w' => 4,
            b'd' => 5,
            _ => 3,
        };
        let is_part = match byte {
            b'0'..=b'9' => digits <= most,
            _ if letters > 0 && numbers > 0 => {
                // `93y 2m`; `5m` alone is how old something in a cache is.
                let is_letter = letters == 1 && matches!(at(&unit, 0), b'm' | b'w' | b'd');
                UNITS_OF_AGE.contains(&&*unit)
                    || is_duration && letters == 1
                    || is_letter && numbers > 1
                    || unit == b"e"
            }
            _ => matches!(byte, b' ' | b'.' | b',' | b'+' | b'-' | b'/') && numbers > 0,
        };
        if !is_part {
            return false;
        }
        numbers = numbers.plus(usize::from(digits > 0));
        position = position.plus(digits.max(letters).max(1));
    }
    numbers > 0 && value.len() <= 40
}

const UNITS_OF_AGE: [&[u8]; 15] = [
    b"y", b"o", b"yr", b"yrs", b"yo", b"year", b"years", b"old", b"and", b"mo", b"mos", b"month",
    b"months", b"weeks", b"days",
];

/// One number up to 180 with decimals, or two of them; or with degrees, as a geo URI, or as a point of WKT.
pub(crate) fn geo(value: &[u8]) -> bool {
    let prefix: usize = if value.starts_with(b"geo:") {
        4
    } else if value.starts_with(b"POINT") {
        5
    } else {
        0
    };
    let value = rest(value, prefix);
    let mut numbers = 0_usize;
    let mut position = 0_usize;
    let mut has_decimals = false;
    while position < value.len() {
        let byte = at(value, position);
        let digits = count_while(value, position, |byte| byte.is_ascii_digit());
        let next = at(value, position.plus(digits));
        let behind = at(value, position.plus(digits).plus(1));
        let is_whole =
            digits > 0 && crate::bytes::number(part(value, position, position.plus(digits))) <= 180;
        if is_whole {
            let has_point = matches!(next, b'.' | b',') && behind.is_ascii_digit();
            // The sign of degrees.
            has_decimals |= has_point || next == 0xc2;
            numbers = numbers.plus(1);
            position = position.plus(digits);
            if has_point {
                position = position.plus(1);
                position =
                    position.plus(count_while(value, position, |byte| byte.is_ascii_digit()));
            }
        } else if digits == 0
            && (b" ,;-+()'\"NSEW".contains(&byte)
                || byte >= 0x80
                || byte == b'e' && before(value, position).is_ascii_digit())
        {
            position = position.plus(1);
        } else {
            return false;
        }
    }
    has_decimals && numbers > 0 && value.len() <= 64
}

/// Letters and digits, not more than in a card of a health plan: ids of members of clusters and of accounts are longer.
/// Spaces do not count: they stand where something else has been found.
pub(crate) fn plan_number(value: &[u8]) -> bool {
    let signs = value.iter().filter(|byte| !byte.is_ascii_whitespace());
    signs.count() <= 17 && value.iter().any(u8::is_ascii_digit)
}

/// Letters and digits, with at least four digits.
pub(crate) fn account(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    digits >= 4
        && value.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'/' | b'*')
        })
}

/// Not the time of a login, and not the address of a page for it.
pub(crate) fn username(value: &[u8]) -> bool {
    let begins_with_day = value.len() >= 10
        && (0..10).all(|place| match place {
            4 | 7 => at(value, place) == b'-',
            _ => at(value, place).is_ascii_digit(),
        });
    !begins_with_day && !value.starts_with(b"/") && memchr::memmem::find(value, b"://").is_none()
}

/// A template or a number, which has digits, or a long text: not the digest of a key or of an alert, and not a word that
/// says whether or how there is one.
pub(crate) fn biometric(value: &[u8]) -> bool {
    let is_hexadecimal = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
    let is_digest = (16..=128).contains(&value.len()) && value.iter().all(is_hexadecimal)
        || value.starts_with(b"SHA256:");
    let is_code = |pair: &[u8]| {
        matches!(
            pair,
            [b'a'..=b'z', b'A'..=b'Z'] | [b'0'..=b'9', _] | [_, b'0'..=b'9']
        )
    };
    // Eight bytes of a hash, as Google's cloud has them: `42WmSpB8rSM=`.
    let is_short_hash = value.len() <= 16 && value.ends_with(b"=");
    !is_digest && !is_short_hash && (value.windows(2).any(is_code) || value.len() >= 24)
}

/// A number of years below 16, perhaps with its unit.
pub(crate) fn minor_age(value: &[u8]) -> bool {
    let digits = count_while(value, 0, |byte| byte.is_ascii_digit());
    let unit = rest(value, digits).trim_ascii().to_ascii_lowercase();
    let is_years = unit.is_empty() || UNITS_OF_AGE.contains(&&*unit) || unit == b"years old";
    (1..=2).contains(&digits) && is_years && crate::bytes::number(part(value, 0, digits)) < 16
}

/// What somebody has written: not whether there is a message, what became of it, or to which number it goes.
pub(crate) fn message(value: &[u8]) -> bool {
    const STATES: [&[u8]; 16] = [
        b"true",
        b"false",
        b"yes",
        b"no",
        b"on",
        b"off",
        b"enabled",
        b"disabled",
        b"sent",
        b"delivered",
        b"pending",
        b"failed",
        b"queued",
        b"required",
        b"optional",
        b"sms",
    ];
    value.iter().any(u8::is_ascii_alphabetic)
        && !STATES.iter().any(|state| value.eq_ignore_ascii_case(state))
}
