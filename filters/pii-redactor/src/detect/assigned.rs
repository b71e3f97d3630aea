//! Values that a text gives a name: `password: hunter2`, `AccountKey=...`, `DOB: 12/10/1931`.
//!
//! Some kinds have no form to go by, and are known by the name of their member. In a text the same name
//! stands before the value, with `:` or `=` between.

use super::boundary::separates_values;
use super::find::{Span, Text};
use super::kind::{
    AGE, API_KEY, CARD_CVV, CARD_PIN, MEDICAL_RECORD, PASSWORD, PERSON_DATE, US_SSN_LAST4,
};
use super::prose::{is_of_another_unit, is_over_89, written_date};
use super::{Confidence, DETECTORS, Form};
use crate::bytes::{Position as _, at, before, count_while, part, rest};
use crate::entity::EntitySet;
use crate::lexicon::Surroundings;
use crate::placeholder::Labels;
use crate::steps::step;

/// The kinds that are found in this way, if they are wanted.
pub(crate) fn kinds(wanted: &EntitySet) -> EntitySet {
    let mut kinds = EntitySet::EMPTY;
    for entity in KINDS {
        kinds.insert(entity);
    }
    kinds.and(wanted)
}

const KINDS: [u8; 8] = [
    API_KEY,
    PASSWORD,
    CARD_CVV,
    CARD_PIN,
    PERSON_DATE,
    MEDICAL_RECORD,
    US_SSN_LAST4,
    AGE,
];

/// Of those, the ones that need no sign between the name and the value: `MRN 0012345`, `Bearer …`.
const WITHOUT_SIGN: [u8; 5] = [API_KEY, PERSON_DATE, MEDICAL_RECORD, US_SSN_LAST4, AGE];

/// Finds the values of the assignable kinds.
pub(super) fn find(text: &Text<'_>, near: &mut Surroundings, spans: &mut Vec<Span>) {
    let bytes = text.bytes;
    let needs_no_sign = WITHOUT_SIGN.iter().any(|kind| text.assignable.has(*kind));
    if !(has_assignment(bytes) || needs_no_sign && has_value_without_sign(bytes)) {
        return;
    }
    let mut run = Run::default();
    let mut taken = EntitySet::EMPTY;
    let mut taken_to = 0;
    near.each_phrase(text.lexicon, bytes, text.assignable, |kinds, name_end| {
        let Some((sign, start)) = value_start(bytes, name_end).or_else(|| {
            let may_be = WITHOUT_SIGN.iter().any(|kind| kinds.has(*kind));
            may_be.then(|| value_behind(bytes, name_end)).flatten()
        }) else {
            return;
        };
        let scheme = scheme_length(bytes, name_end, start, sign);
        let start = start.plus(scheme);
        if start < text.from {
            return;
        }
        run.go_to(bytes, start);
        if start >= taken_to {
            taken = EntitySet::EMPTY;
        }
        for entity in KINDS {
            step(1);
            // `a=b=c`: what stands in a value goes with it.
            if kinds.has(entity)
                && !taken.has(entity)
                && (scheme == 0 || entity == API_KEY)
                && (sign != b' ' || stands_without_sign(bytes, (name_end, start), run.end, entity))
                && let Some(end) =
                    run.value_end(bytes, start, (sign, entity), text.lexicon.labels())
            {
                taken.insert(entity);
                taken_to = run.end.max(end);
                spans.push(Span {
                    start,
                    end,
                    entity,
                    confidence: Confidence::Medium,
                });
            }
        }
    });
}

/// Whether anything in a text is like `name:` or `name=`.
fn has_assignment(text: &[u8]) -> bool {
    step(text.len() / 8);
    memchr::memchr2_iter(b':', b'=', text).any(|sign| {
        step(2);
        let mut end = sign;
        while end > 0 && matches!(before(text, end), b' ' | b'"' | b'\'') && sign.less(end) < 2 {
            end = end.less(1);
        }
        before(text, end).is_ascii_alphabetic() && at(text, sign.plus(1)) != b'/'
    })
}

/// The sign behind a name, and where the value begins: behind a few spaces and an opening quote or bracket.
fn value_start(text: &[u8], name_end: usize) -> Option<(u8, usize)> {
    let behind = |from: usize, most: usize, is_skipped: fn(u8) -> bool| {
        from.plus(count_while(
            part(text, 0, from.plus(most)),
            from,
            is_skipped,
        ))
    };
    let is_blank = |byte| matches!(byte, b' ' | b'"' | b'\'' | b'\t');
    let opens = |byte| matches!(byte, b'[' | b'(' | b'`' | b'*');
    let place = behind(name_end, 2, is_blank);
    let sign = at(text, place);
    matches!(sign, b':' | b'=').then(|| {
        let opening = behind(place.plus(1), 2, is_blank);
        (sign, behind(opening, 2, opens))
    })
}

/// Whether something stands behind a word without a sign: a number, or the credentials of a bearer.
fn has_value_without_sign(text: &[u8]) -> bool {
    step(text.len() / 8);
    let is_value = |sign: usize| {
        step(1);
        let word = part(text, sign.less(6), sign);
        at(text, sign.plus(1)).is_ascii_digit() || word.eq_ignore_ascii_case(b"bearer")
    };
    memchr::memchr2_iter(b' ', b'#', text).any(is_value)
}

/// Where a value begins that stands behind a name without a sign, but for what people write between them.
fn value_behind(text: &[u8], name_end: usize) -> Option<(u8, usize)> {
    let mut place = name_end;
    for between in [&b" "[..], b" ", b"is ", b"was ", b"on ", b"no. ", b"#"] {
        let word = part(text, place, place.plus(between.len()));
        if word.eq_ignore_ascii_case(between) {
            place = place.plus(between.len());
        }
    }
    (place > name_end).then_some((b' ', place))
}

/// How long a scheme of authentication is before the credentials, with the blanks behind it:
/// `Authorization: Token …`. What has a kind of its own is not counted.
fn scheme_length(text: &[u8], name_end: usize, start: usize, sign: u8) -> usize {
    let name = part(text, name_end.less(13), name_end);
    if sign == b' ' || !name.eq_ignore_ascii_case(b"authorization") {
        return 0;
    }
    let is_scheme = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
    let length = count_while(
        part(text, 0, start.plus(MAX_SCHEME_BYTES)),
        start,
        is_scheme,
    );
    let end = start.plus(length);
    let blanks = count_while(part(text, 0, end.plus(4)), end, |byte| byte == b' ');
    let is_basic = part(text, start, end.plus(blanks)) == b"Basic ";
    if length < 3 || blanks == 0 || is_basic {
        0
    } else {
        length.plus(blanks)
    }
}

/// Whether a value of a kind may stand behind a name that ends at one place, with no sign before it.
fn stands_without_sign(
    text: &[u8],
    (name_end, start): (usize, usize),
    end: usize,
    entity: u8,
) -> bool {
    let value = part(text, start, end);
    match entity {
        API_KEY => {
            part(text, name_end.less(6), name_end).eq_ignore_ascii_case(b"bearer")
                && value.len() >= LEAST_TOKEN_BYTES
        }
        MEDICAL_RECORD => value.iter().filter(|byte| byte.is_ascii_digit()).count() > 4,
        _ => WITHOUT_SIGN.contains(&entity),
    }
}

/// What stands together in a text without anything that ends a value. It is read once, however many
/// names are in it: `key=key=key=…`.
#[derive(Debug, Default)]
struct Run {
    end: usize,
    /// The first digit at or behind the last place that was asked about; the end if there is none.
    digit: usize,
}

impl Run {
    /// Goes on to a place behind those before.
    fn go_to(&mut self, text: &[u8], start: usize) {
        let is_another = start >= self.end;
        if is_another {
            let length = count_while(text, start, |byte| {
                byte > b' '
                    && !separates_values(byte)
                    && !matches!(byte, b'&' | b'\\' | b'`' | b'*')
            });
            step(length);
            self.end = start.plus(length);
        }
        if is_another || start > self.digit {
            let none = count_while(part(text, 0, self.end), start, |byte| {
                !byte.is_ascii_digit()
            });
            step(none / 4);
            self.digit = start.plus(none);
        }
    }

    /// The end of a value of a kind.
    fn value_end(
        &self,
        text: &[u8],
        start: usize,
        (sign, entity): (u8, u8),
        labels: &Labels,
    ) -> Option<usize> {
        let mut value = part(text, start, self.end);
        // The full stop of a sentence is not part of it.
        if sign == b':'
            && let Some((b'.', shorter)) = value.split_last()
        {
            value = shorter;
        }
        let digits = || value.iter().filter(|byte| byte.is_ascii_digit()).count();
        let number = count_while(value, 0, |byte| byte.is_ascii_digit());
        // Some have an end of their own.
        let own_end = match entity {
            PERSON_DATE => written_date(text, start),
            US_SSN_LAST4 | AGE => Some(start.plus(number)),
            _ => None,
        };
        if let Some(end) = own_end {
            value = part(text, start, end);
        } else if matches!(value.last(), Some(b'.')) && sign == b' ' {
            value = part(text, start, self.end.less(1));
        }
        let length = value.len();
        let behind = rest(text, start.plus(length));
        let fits = match entity {
            CARD_CVV | CARD_PIN => (3..=6).contains(&length) && digits() == length,
            PERSON_DATE => own_end.is_some() || digits() >= 4 && is_date(value),
            US_SSN_LAST4 => length == 4 && !at(behind, 0).is_ascii_alphanumeric(),
            AGE => is_over_89(value) && !is_of_another_unit(behind) && !is_of_a_thing(text, start),
            MEDICAL_RECORD => length <= LONGEST_RECORD_BYTES && digits() >= 4,
            _ => {
                let is_short = length <= LONGEST_NUMBER_BYTES;
                length >= LEAST_SECRET_BYTES
                    && self.digit < start.plus(length)
                    && !(is_short && digits() == length)
            }
        };
        let passes = match DETECTORS.get(usize::from(entity)).map(|known| known.form) {
            Some(Form::NamedIf(check)) => check(value),
            _ => true,
        };
        let is_labelled =
            || before(text, start) == b'[' && labels.length(rest(text, start.less(1))) > 0;
        let is_value = fits && passes && !labels.is_placeholder(value) && !is_labelled();
        is_value.then(|| start.plus(length))
    }
}

/// Whether the age at a place is that of what a cache holds, or a bound.
fn is_of_a_thing(text: &[u8], start: usize) -> bool {
    let head = part(text, start.less(24), start).to_ascii_lowercase();
    let name = memchr::memmem::rfind(&head, b"age").unwrap_or(0);
    let name = part(&head, 0, name).trim_ascii_end();
    let signs: [&[u8]; 8] = [
        b"-", b"_", b".", b"max", b"min", b"maximum", b"minimum", b"cache",
    ];
    signs.iter().any(|sign| name.ends_with(sign))
}

/// Three numbers with the same sign between them, as days are written; perhaps with a time.
fn is_date(value: &[u8]) -> bool {
    let day = count_while(value, 0, |byte| byte != b'T');
    if !(6..=10).contains(&day) || value.len() > LONGEST_TIME_BYTES {
        return false;
    }
    let value = part(value, 0, day);
    let parts = |sign: u8| {
        let numbers = value.split(|byte| *byte == sign);
        let mut count = 0_usize;
        let all = numbers
            .clone()
            .all(|number| (1..=4).contains(&number.len()) && number.iter().all(u8::is_ascii_digit));
        numbers.for_each(|_| count = count.plus(1));
        all && count == 3
    };
    parts(b'/') || parts(b'-') || parts(b'.')
}

const MAX_SCHEME_BYTES: usize = 16;
/// Shorter ones may be words behind `bearer`.
const LEAST_TOKEN_BYTES: usize = 16;
const LONGEST_TIME_BYTES: usize = 35;
const LEAST_SECRET_BYTES: usize = 4;
/// A number with more digits may be a secret.
const LONGEST_NUMBER_BYTES: usize = 5;
const LONGEST_RECORD_BYTES: usize = 24;
