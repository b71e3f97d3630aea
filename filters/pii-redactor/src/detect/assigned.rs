//! Values that a text gives a name: `password: hunter2`, `AccountKey=...`, `DOB: 12/10/1931`.
//!
//! Some kinds have no form to go by, and are known by the name of their member. In a text the same name
//! stands before the value, with `:` or `=` between.

use super::boundary::separates_values;
use super::find::{Span, Text};
use super::kind::{
    AGE, API_KEY, BASIC_AUTH, CARD_CVV, CARD_PIN, GEO_COORDINATE, MEDICAL_RECORD, PASSWORD,
    PERSON_DATE, US_SSN_LAST4,
};
use super::prose::{is_of_another_unit, is_over_89, written_date};
use super::secret::basic::is_pair;
use super::secret_end::SecretEnds;
use super::{Confidence, DETECTORS, Form};
use crate::bytes::{Position as _, at, before, count_while, count_while_back, part, rest};
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

/// Whether kinds are wanted that a text may give a value without any sign of its own: `DB_PASSWORD=postgres`.
#[inline]
pub(crate) fn finds_settings(wanted: &EntitySet) -> bool {
    wanted.has(API_KEY) || wanted.has(PASSWORD)
}

const KINDS: [u8; 10] = [
    API_KEY,
    BASIC_AUTH,
    GEO_COORDINATE,
    PASSWORD,
    CARD_CVV,
    CARD_PIN,
    PERSON_DATE,
    MEDICAL_RECORD,
    US_SSN_LAST4,
    AGE,
];

/// Of those, the ones that need no sign between the name and the value: `MRN 0012345`, `Bearer …`.
const WITHOUT_SIGN: [u8; 7] = [
    API_KEY,
    CARD_CVV,
    PASSWORD,
    PERSON_DATE,
    MEDICAL_RECORD,
    US_SSN_LAST4,
    AGE,
];

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
                && let Some((start, end)) = run.value(
                    bytes,
                    (name_end, start),
                    (sign, entity),
                    text.lexicon.labels(),
                )
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
    memchr::memchr3_iter(b':', b'=', b',', text).any(|sign| {
        step(2);
        if at(text, sign) == b',' {
            // Of a name and its value as arguments.
            let behind = rest(part(text, 0, sign.plus(3)), sign.plus(1)).trim_ascii_start();
            let is_quote = |byte| matches!(byte, b'"' | b'\'');
            return is_quote(before(text, sign)) && is_quote(at(behind, 0));
        }
        let mut end = sign;
        while end > 0
            && matches!(before(text, end), b' ' | b'"' | b'\'' | b'\\' | b']' | b'.')
            && sign.less(end) < 3
        {
            end = end.less(1);
        }
        // `CVV2: 123`, but not `12:30`.
        let end = end.less(usize::from(before(text, end).is_ascii_digit()));
        before(text, end).is_ascii_alphabetic() && at(text, sign.plus(1)) != b'/'
    })
}

/// The sign behind a name, and where the value begins: behind a few spaces, and an opening quote or bracket.
fn value_start(text: &[u8], name_end: usize) -> Option<(u8, usize)> {
    let behind = |from: usize, most: usize, is_skipped: fn(u8) -> bool| {
        from.plus(count_while(
            part(text, 0, from.plus(most)),
            from,
            is_skipped,
        ))
    };
    let is_blank = |byte| matches!(byte, b' ' | b'\t');
    let opens = |byte| matches!(byte, b'[' | b'(' | b'*');
    let is_beside_name = |byte| matches!(byte, b' ' | b'"' | b'\'' | b'\t' | b'\\' | b']');
    let name_end = past_abbreviation(text, name_end);
    let place = behind(name_end, 3, is_beside_name);
    let sign = at(text, place);
    if sign == b',' {
        return argument_behind(text, name_end, place);
    }
    matches!(sign, b':' | b'=').then(|| {
        // `:=`, `=>` and `==` as well.
        let is_long = matches!((sign, at(text, place.plus(1))), (_, b'=') | (b'=', b'>'));
        let opening = behind(place.plus(1).plus(usize::from(is_long)), 4, is_blank);
        let mut start = behind(opening, 2, opens);
        // An anchor or a tag of YAML.
        if opening > place.plus(1) && matches!(at(text, start), b'&' | b'!') {
            let length = count_while(part(text, 0, start.plus(MAX_TAG_BYTES)), start, |byte| {
                byte > b' '
            });
            let tagged = behind(start.plus(length), 4, is_blank);
            start = if tagged > start.plus(length) {
                tagged
            } else {
                start
            };
        }
        let escape = usize::from(at(text, start) == b'\\');
        let is_quote = matches!(at(text, start.plus(escape)), b'"' | b'\'' | b'`');
        (sign, start.plus(if is_quote { escape.plus(1) } else { 0 }))
    })
}

/// Behind the full stop of a name of single letters: `D.O.B.`.
fn past_abbreviation(text: &[u8], name_end: usize) -> usize {
    let is_one = at(text, name_end) == b'.' && before(text, name_end.less(1)) == b'.';
    name_end.plus(usize::from(is_one))
}

/// Where the argument begins that follows the name of a setting: `define('DB_PASSWORD', 'hunter2')`.
fn argument_behind(text: &[u8], name_end: usize, comma: usize) -> Option<(u8, usize)> {
    let is_quote = |byte| matches!(byte, b'"' | b'\'');
    let head = part(text, name_end.less(MAX_OPTION_BYTES), name_end);
    let name = count_while_back(head, head.len(), |byte| {
        byte.is_ascii_alphanumeric() || byte == b'_'
    });
    let opening = name_end.less(name).less(1);
    let is_first = is_quote(at(text, opening)) && before(text, opening) == b'(';
    let blanks = count_while(part(text, 0, comma.plus(5)), comma.plus(1), |byte| {
        byte == b' '
    });
    let start = comma.plus(1).plus(blanks);
    (is_first && is_quote(at(text, start))).then(|| (b',', start.plus(1)))
}

/// Whether something stands behind a word without a sign: a number, or the credentials of a bearer.
fn has_value_without_sign(text: &[u8]) -> bool {
    step(text.len() / 8);
    let is_value = |sign: usize| {
        step(1);
        let word = part(text, sign.less(6), sign).to_ascii_lowercase();
        at(text, sign.plus(1)).is_ascii_digit()
            || word == b"bearer"
            || word == b"ssword"
            || word.ends_with(b" by")
            || word.ends_with(b"login")
            || part(text, sign, sign.plus(3)) == b" --"
    };
    memchr::memchr2_iter(b' ', b'#', text).any(is_value)
}

/// Where a value begins that stands behind a name without a sign, but for what people write between them.
fn value_behind(text: &[u8], name_end: usize) -> Option<(u8, usize)> {
    let name_end = past_abbreviation(text, name_end);
    let mut place = name_end;
    for between in [&b" "[..], b" ", b"is ", b"was ", b"on ", b"no. ", b"#"] {
        let word = part(text, place, place.plus(between.len()));
        if word.eq_ignore_ascii_case(between) {
            place = place.plus(between.len());
        }
    }
    let quote = usize::from(matches!(at(text, place), b'"' | b'\''));
    (place > name_end).then_some((b' ', place.plus(quote)))
}

/// Whether a secret stands behind its name without a sign: `--password hunter2` of a command line, `IDENTIFIED BY
/// 'hunter2'` of SQL, `login joe password hunter2` of a `.netrc`.
fn is_argument(text: &[u8], name_end: usize, start: usize) -> bool {
    let line = part(text, name_end.less(MAX_OPTION_BYTES), name_end);
    let name = count_while_back(line, line.len(), |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
    });
    let is_quoted = start > name_end.plus(1);
    let before_name = part(line, 0, line.len().less(name));
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut words_before = before_name
        .rsplit(is_blank)
        .filter(|word| !word.is_empty())
        .skip(1);
    rest(line, line.len().less(name)).starts_with(b"--")
        || is_quoted && line.to_ascii_lowercase().ends_with(b"identified by")
        || memchr::memmem::find(before_name, b"login ").is_some()
        || words_before.next() == Some(b"machine")
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
        API_KEY if is_argument(text, name_end, start) => true,
        API_KEY => {
            part(text, name_end.less(6), name_end).eq_ignore_ascii_case(b"bearer")
                && value.len() >= LEAST_TOKEN_BYTES
        }
        // `password hunter2` is all of a line of a `.netrc`.
        PASSWORD => {
            is_argument(text, name_end, start)
                || is_all_of_line(text, (name_end, start), value.len())
        }
        // `cvv 123`, `CVC2 123`; a security code has a sign, and so has `CSC 101`.
        CARD_CVV => {
            let letters_end = name_end.less(usize::from(before(text, name_end) == b'2'));
            matches!(
                part(text, letters_end.less(3), letters_end),
                [b'c' | b'C', b'v' | b'V', b'v' | b'V' | b'c' | b'C']
            )
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
    secrets: SecretEnds,
}

impl Run {
    /// Goes on to a place behind those before.
    fn go_to(&mut self, text: &[u8], start: usize) {
        if start >= self.end {
            let length = count_while(text, start, |byte| {
                byte > b' '
                    && !separates_values(byte)
                    && !matches!(byte, b'&' | b'\\' | b'`' | b'*')
            });
            step(length);
            self.end = start.plus(length);
        }
    }

    /// The place of a value of a kind.
    fn value(
        &mut self,
        text: &[u8],
        (name_end, start): (usize, usize),
        (sign, entity): (u8, u8),
        labels: &Labels,
    ) -> Option<(usize, usize)> {
        let is_secret = matches!(entity, API_KEY | BASIC_AUTH | PASSWORD);
        let quoted = is_secret
            .then(|| self.secrets.quoted(text, start))
            .flatten();
        let end = match quoted {
            Some(end) => end,
            None if is_secret => self.secrets.bare(text, start),
            None => self.end,
        };
        let mut value = part(text, start, end);
        // The full stop of a sentence is not part of it.
        if sign == b':'
            && quoted.is_none()
            && let Some((b'.', shorter)) = value.split_last()
        {
            value = shorter;
        }
        // A run may hold as many names as it has room for, so of a value no more is looked at than what can be one.
        let digits = || {
            step(value.len());
            value.iter().filter(|byte| byte.is_ascii_digit()).count()
        };
        let number = count_while(part(value, 0, LONGEST_COUNT_BYTES), 0, |byte| {
            byte.is_ascii_digit()
        });
        // Some have an end of their own.
        let own_end = match entity {
            PERSON_DATE => written_date(text, start),
            US_SSN_LAST4 | AGE => Some(start.plus(number)),
            _ => None,
        };
        if let Some(end) = own_end {
            value = part(text, start, end);
        } else if matches!(value.last(), Some(b'.')) && sign == b' ' && quoted.is_none() {
            value = part(text, start, end.less(1));
        }
        let length = value.len();
        let behind = rest(text, start.plus(length));
        let fits = match entity {
            BASIC_AUTH => sign != b' ' && is_pair(value),
            CARD_CVV | CARD_PIN => (3..=6).contains(&length) && digits() == length,
            PERSON_DATE => {
                own_end.is_some() || length <= LONGEST_TIME_BYTES && digits() >= 4 && is_date(value)
            }
            // So exactly only positions are written.
            GEO_COORDINATE => {
                length <= LONGEST_POSITION_BYTES && digits() >= 5 && value.contains(&b'.')
            }
            US_SSN_LAST4 => length == 4 && !at(behind, 0).is_ascii_alphanumeric(),
            AGE => is_over_89(value) && !is_of_another_unit(behind) && !is_of_a_thing(text, start),
            MEDICAL_RECORD => length <= LONGEST_RECORD_BYTES && digits() >= 4,
            _ => {
                let is_short = length <= LONGEST_NUMBER_BYTES;
                length >= LEAST_SECRET_BYTES
                    && (self.secrets.has_digit(text, start, start.plus(length))
                        || is_setting(text, (name_end, start), value, sign))
                    && !(is_short && digits() == length)
            }
        };
        let passes = || match DETECTORS.get(usize::from(entity)).map(|known| known.form) {
            Some(Form::NamedIf(check)) => check(value),
            _ => true,
        };
        let is_labelled =
            || before(text, start) == b'[' && labels.length(rest(text, start.less(1))) > 0;
        let is_value = fits && passes() && !labels.is_placeholder(value) && !is_labelled();
        is_value.then(|| (start, start.plus(length)))
    }
}

/// Whether a name and a value without a digit are written as a setting is, and not as a sentence: `NAME=value`,
/// `name: "value"`, or a line that has nothing else.
fn is_setting(text: &[u8], (name_end, start): (usize, usize), value: &[u8], sign: u8) -> bool {
    let is_quoted = matches!(before(text, start), b'"' | b'\'' | b'`');
    let head = part(text, name_end.less(MAX_OPTION_BYTES), name_end);
    let name = count_while_back(head, head.len(), |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
    });
    step(name);
    let (head, name) = head.split_at(head.len().less(name));
    let is_tight = sign == b'=' && start == name_end.plus(1).plus(usize::from(is_quoted));
    let behind_name =
        matches!(head.trim_ascii_end().last(), Some(byte) if byte.is_ascii_alphanumeric());
    let is_written_as_one = match sign {
        b',' => true,
        // A comparison is none.
        b'=' if is_quoted => !part(text, name_end, start)
            .windows(2)
            .any(|signs| signs == b"=="),
        b':' if is_quoted && !behind_name => true,
        // `arn:aws:secretsmanager:eu-west-1:111122223333:secret:name` is an address.
        b':' if at(text, start.less(1)) == b':' => false,
        b':' | b'=' => is_tight || is_all_of_line(text, (name_end, start), value.len()),
        _ => false,
    };
    let is_called = matches!(at(text, start.plus(value.len())), b'(' | b'[');
    is_written_as_one && !is_called && !is_expression(value) && !repeats(name, value)
}

/// Whether what stands for a value is to be worked out or filled in: `${DB_PASSWORD}`, `get_password()`,
/// `settings.password`, `<your password>`, `****`.
fn is_expression(value: &[u8]) -> bool {
    let is_filled_in = matches!(
        at(value, 0),
        b'$' | b'<' | b'{' | b'%' | b'*' | b'[' | b'(' | b'@'
    );
    // What is longer is no name.
    let beginning = part(value, 0, MAX_OPTION_BYTES);
    step(beginning.len() / 4);
    let is_of_names = beginning
        .iter()
        .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'));
    let is_form = SAID_OF_SECRETS
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    is_filled_in || is_form || is_of_names && beginning.contains(&b'.') || beginning.contains(&b'(')
}

/// `password=password` and `token=api_token` of a call, `password=Password` of a form; not `DB_PASSWORD=password`.
fn repeats(name: &[u8], value: &[u8]) -> bool {
    let last = part(name, name.len().less(value.len()), name.len());
    let is_variable = || {
        value
            .strip_suffix(name)
            .is_some_and(|head| head.ends_with(b"_"))
    };
    last.eq_ignore_ascii_case(value) && (last == value || at(value, 0).is_ascii_uppercase())
        || !name.is_empty() && is_variable()
}

/// Whether a line has nothing but a name of one word and its value.
fn is_all_of_line(text: &[u8], (name_end, start): (usize, usize), length: usize) -> bool {
    let from = name_end.less(MAX_OPTION_BYTES);
    let head = part(text, from, start);
    let line = memchr::memrchr(b'\n', head).map_or(0, |end| end.plus(1));
    let words = rest(head, line).split(|byte| matches!(byte, b' ' | b'\t'));
    let end = start.plus(length);
    let behind = part(text, end, end.plus(MAX_OPTION_BYTES));
    let quote = usize::from(matches!(at(behind, 0), b'"' | b'\'' | b'`'));
    let blanks = count_while(behind, quote, |byte| matches!(byte, b' ' | b'\t' | b'\r'));
    matches!(at(behind, quote.plus(blanks)), 0 | b'\n' | b'#')
        && words
            .filter(|word| word.iter().any(u8::is_ascii_alphanumeric))
            .count()
            == 1
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
const MAX_TAG_BYTES: usize = 24;
/// An option of a command line, or what stands before a name in a line, is not longer.
const MAX_OPTION_BYTES: usize = 64;
/// Shorter ones may be words behind `bearer`.
const LEAST_TOKEN_BYTES: usize = 16;
const LONGEST_TIME_BYTES: usize = 35;
const LONGEST_POSITION_BYTES: usize = 64;
/// An age, or the end of a number.
const LONGEST_COUNT_BYTES: usize = 8;
const LEAST_SECRET_BYTES: usize = 4;
/// What forms, schemas and logs say of a secret.
const SAID_OF_SECRETS: [&[u8]; 33] = [
    b"string",
    b"text",
    b"number",
    b"integer",
    b"boolean",
    b"object",
    b"varchar",
    b"input",
    b"field",
    b"self",
    b"unknown",
    b"hidden",
    b"redacted",
    b"masked",
    b"empty",
    b"default",
    b"failed",
    b"expired",
    b"revoked",
    b"valid",
    b"invalid",
    b"incorrect",
    b"wrong",
    b"missing",
    b"changed",
    b"unchanged",
    b"updated",
    b"reset",
    b"weak",
    b"strong",
    b"forgotten",
    b"mismatch",
    b"verified",
];
/// A number with more digits may be a secret.
const LONGEST_NUMBER_BYTES: usize = 5;
const LONGEST_RECORD_BYTES: usize = 24;
