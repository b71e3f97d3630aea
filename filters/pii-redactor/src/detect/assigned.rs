//! Values that a text gives a name: `password: hunter2`, `AccountKey=...`, `DOB: 12/10/1931`.
//!
//! Some kinds have no form to go by, and are known by the name of their member. In a text the same name
//! stands before the value, with `:` or `=` between.

use super::boundary::separates_values;
use super::find::{Span, Text};
use super::kind::{API_KEY, CARD_CVV, CARD_PIN, MEDICAL_RECORD, PASSWORD, PERSON_DATE};
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

const KINDS: [u8; 6] = [
    API_KEY,
    PASSWORD,
    CARD_CVV,
    CARD_PIN,
    PERSON_DATE,
    MEDICAL_RECORD,
];

/// Finds the values of the assignable kinds.
pub(super) fn find(text: &Text<'_>, near: &mut Surroundings, spans: &mut Vec<Span>) {
    if text.least > Confidence::Medium || !has_assignment(text.bytes) {
        return;
    }
    let bytes = text.bytes;
    let mut run = Run::default();
    let mut taken = EntitySet::EMPTY;
    let mut taken_to = 0;
    near.each_phrase(text.lexicon, bytes, text.assignable, |kinds, name_end| {
        let Some((sign, start)) = value_start(bytes, name_end) else {
            return;
        };
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
                && let Some(end) =
                    run.value_end(bytes, start, (sign, entity), text.lexicon.labels())
            {
                taken.insert(entity);
                taken_to = run.end;
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
        let length = value.len();
        let fits = match entity {
            CARD_CVV | CARD_PIN => (3..=6).contains(&length) && digits() == length,
            PERSON_DATE => (6..=10).contains(&length) && digits() >= 4 && is_date(value),
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

/// Three numbers with the same sign between them, as days are written.
fn is_date(value: &[u8]) -> bool {
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

const LEAST_SECRET_BYTES: usize = 4;
/// A number with more digits may be a secret.
const LONGEST_NUMBER_BYTES: usize = 5;
const LONGEST_RECORD_BYTES: usize = 24;
