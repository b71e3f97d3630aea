//! CREDIT_CARD: a payment card number: issuer range, length and check digit (ISO/IEC 7812-1).

use crate::detect::prelude::*;

use crate::bytes::{before, count_while, rest};

use crate::detect::boundary::{Strength, ends_free, starts_free};

/// A card number in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) end: usize,
    /// It is written in groups.
    pub(crate) is_grouped: bool,
    /// Many other numbers are in the range of its issuer, or as short: numbers of accounts have twelve
    /// digits, ids and times in milliseconds thirteen, which no scheme has issued for decades.
    pub(crate) needs_word: bool,
}

/// The card number that begins with the digits at `start`: in one piece, or in groups. With the same
/// sign, space or dash, between them any groups of four or more do; otherwise groups as cards have
/// them. Where more groups follow than one card has, the longest stretch of whole groups that is one
/// counts.
pub(crate) fn find(text: &[u8], start: usize) -> Option<Found> {
    let may_begin = match at(text, start) {
        b'2'..=b'6' | b'8' => true,
        // JCB and UATP, which has groups of 4, 5 and 6.
        b'1' => at(text, start.plus(3)).is_ascii_digit(),
        b'9' => is_national(slice_number(text, start, start.plus(4))),
        _ => false,
    };
    let begins_free = starts_free(text, start, Strength::Checked)
        || before(text, start) == b'_' && !before(text, start.less(1)).is_ascii_digit();
    if !may_begin || !begins_free {
        return None;
    }
    let mut number = Number::default();
    let mut position = start;
    // The sign between all groups so far; `None` once they differ.
    let mut sign = None;
    let mut groups = [0_usize; MAX_GROUPS];
    let mut group_count = 0_usize;
    let mut best = None;
    loop {
        let before_group = number.count;
        loop {
            let byte = at(text, position);
            if !byte.is_ascii_digit() {
                break;
            }
            if number.count == MAX_DIGITS {
                return best;
            }
            number.push(byte);
            position = position.plus(1);
        }
        *groups.get_mut(group_count)? = number.count.less(before_group);
        group_count = group_count.plus(1);
        let lengths = groups.get(..group_count).unwrap_or_default();
        let is_uniform = group_count < 2 || matches!(sign, Some(b' ' | b'-'));
        let is_written_so =
            group_count == 1 || is_uniform && group_count > 2 || GROUPS.contains(&lengths);
        if is_written_so
            && number.passes()
            && (ends_free(text, position, Strength::Checked) || is_joined_to_word(text, position))
            && let Some(issuer) = issuer(number.digits())
        {
            best = Some(Found {
                end: position,
                is_grouped: group_count > 1,
                needs_word: group_count == 1
                    && (issuer == Issuer::Common || number.count <= SHORT_DIGITS),
            });
        }
        // Shorter groups are not how cards begin.
        if group_count == 1 && number.count < LEAST_GROUP_DIGITS || group_count == MAX_GROUPS {
            return best;
        }
        let (length, this) = separator(text, position);
        if length == 0 || !at(text, position.plus(length)).is_ascii_digit() {
            return best;
        }
        sign = match sign {
            None if group_count == 1 => this,
            known if known == this => known,
            _ => Some(0),
        };
        position = position.plus(length);
    }
}

/// Whether an underscore joins what ends at a place to a word or a year, as in names of files. A longer number behind
/// it makes both an identifier: `20531316728_10153740612041729`.
fn is_joined_to_word(text: &[u8], end: usize) -> bool {
    let head = part(text, 0, end.plus(2).plus(DIGITS_OF_A_YEAR));
    let digits = count_while(head, end.plus(1), |byte| byte.is_ascii_digit());
    at(text, end) == b'_' && digits <= DIGITS_OF_A_YEAR
}

const DIGITS_OF_A_YEAR: usize = 4;

/// Whether what is behind a first group may be followed by another.
pub(crate) const fn may_go_on(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'+' | b'\t' | b'_')
}

/// How long what separates two groups is, and the one sign that it is: one sign, perhaps between spaces.
fn separator(text: &[u8], position: usize) -> (usize, Option<u8>) {
    let first = at(text, position);
    if !may_go_on(first) {
        return (0, None);
    }
    if first != b' ' {
        return (1, Some(first));
    }
    match (first, at(text, position.plus(1))) {
        (b' ', b'-' | b'.' | b'/') if at(text, position.plus(2)) == b' ' => (3, Some(0)),
        (b' ', b' ') => (2, Some(0)),
        _ => (1, Some(first)),
    }
}

/// The digits of a number with their Luhn sums: of those at even places doubled, and of the others.
#[derive(Debug, Default)]
struct Number {
    digits: [u8; MAX_DIGITS],
    count: usize,
    even_doubled: u32,
    odd_doubled: u32,
}

impl Number {
    fn push(&mut self, byte: u8) {
        let value = digit(byte);
        let doubled = match value {
            5.. => value.wrapping_mul(2).wrapping_sub(9),
            _ => value.wrapping_mul(2),
        };
        let (even, odd) = if self.count % 2 == 0 {
            (doubled, value)
        } else {
            (value, doubled)
        };
        self.even_doubled = self.even_doubled.wrapping_add(even);
        self.odd_doubled = self.odd_doubled.wrapping_add(odd);
        if let Some(slot) = self.digits.get_mut(self.count) {
            *slot = byte;
            self.count = self.count.plus(1);
        }
    }

    /// Whether the length and the check digit are right.
    const fn passes(&self) -> bool {
        let sum = if self.count % 2 == 0 {
            self.even_doubled
        } else {
            self.odd_doubled
        };
        self.count >= MIN_DIGITS && sum > 0 && sum % 10 == 0
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }
}

/// Issuer, length and check digit.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len())
        && issuer(digits) == Some(Issuer::Known)
        && luhn(digits)
}

/// Who has numbers that begin like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Issuer {
    /// A range of a payment scheme.
    Known,
    /// UATP: all numbers of fifteen digits that begin with 1.
    Common,
}

fn issuer(digits: &[u8]) -> Option<Issuer> {
    if digits.len() == 15 && digits.first() == Some(&b'1') {
        return Some(if has_issuer(digits) {
            Issuer::Known
        } else {
            Issuer::Common
        });
    }
    has_issuer(digits).then_some(Issuer::Known)
}

/// The groups of digits in which cards are printed.
const GROUPS: &[&[usize]] = &[
    &[4, 4, 4, 4],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 3],
    &[4, 4, 4],
    &[4, 4, 4, 1],
    &[4, 4, 4, 2],
    &[4, 4, 4, 3],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 5, 6],
    &[8, 8],
    &[6, 13],
];
const MAX_GROUPS: usize = 7;

/// Where the number of a card is that has letters right before or behind it, and no other digits: `ORD4111111111111111`.
pub(crate) fn in_word(word: &[u8]) -> Option<(usize, usize)> {
    let start = count_while(part(word, 0, MAX_LETTERS.plus(1)), 0, |byte| {
        byte.is_ascii_alphabetic()
    });
    let digits = count_while(part(word, 0, start.plus(MAX_DIGITS)), start, |byte| {
        byte.is_ascii_digit()
    });
    let end = start.plus(digits);
    let tail = rest(word, end);
    let number = part(word, start, end);
    let is_id = start <= MAX_LETTERS
        && tail.len() <= MAX_LETTERS
        && tail.iter().all(u8::is_ascii_alphabetic)
        && is_of_scheme(number)
        && is_card(number);
    is_id.then_some((start, end))
}

/// An abbreviation, or a word: `ORD`, `INVOICE`.
const MAX_LETTERS: usize = 8;

/// The schemes of single countries whose numbers begin with 86 or 9: Troy, Humo, Uzcard, Napas, Belkart and ArCa.
const fn is_national(four: u64) -> bool {
    matches!(four, 9792 | 9860 | 8600 | 9704 | 9112 | 9051)
}

/// Whether a number that an issuer may have is as long as those of a scheme that is in use: Visa, Mastercard,
/// American Express, Diners, Discover, JCB, UnionPay, Troy. Of the numbers that begin otherwise, most are ids of
/// something else.
pub(crate) fn is_of_scheme(digits: &[u8]) -> bool {
    let prefix = |length: usize| slice_number(digits, 0, length);
    let (two, three, four) = (prefix(2), prefix(3), prefix(4));
    match digits.len() {
        14 => matches!(two, 36 | 38 | 39) || (300..=305).contains(&three),
        15 => matches!(two, 34 | 37),
        16 => {
            matches!(two, 40..=49 | 51..=55 | 62 | 65)
                || matches!(four, 2221..=2720 | 3528..=3589 | 6011 | 9792)
                || (644..=649).contains(&three)
        }
        _ => false,
    }
}

/// Whether an issuer has numbers that begin like this and are so long.
fn has_issuer(digits: &[u8]) -> bool {
    let prefix = |length: usize| slice_number(digits, 0, length);
    let (one, two, three, four) = (prefix(1), prefix(2), prefix(3), prefix(4));
    let maestro = two == 50
        || (56..=58).contains(&two)
        || two == 67
        || matches!(
            four,
            6304 | 6759 | 6761..=6763 | 6390 | 5018 | 5020 | 5038 | 5893
        );
    let discover = four == 6011 || two == 65 || (644..=649).contains(&three);
    let jcb = (3528..=3589).contains(&four);
    let diners = two == 36 || two == 38 || two == 39 || (300..=305).contains(&three);
    match digits.len() {
        12 => maestro,
        13 => one == 4 || maestro,
        14 => diners || maestro,
        15 => two == 34 || two == 37 || four == 2131 || four == 1800 || maestro,
        16 => {
            // Visa, Mastercard, JCB, Discover, UnionPay, Mir, RuPay, Diners, Maestro, and those of single countries
            one == 4
                || (51..=55).contains(&two)
                || (2221..=2720).contains(&four)
                || jcb
                || discover
                || two == 62
                || is_national(four)
                || two == 81
                || (2200..=2204).contains(&four)
                || two == 60
                || three == 508
                || three == 353
                || three == 356
                || two == 82
                || two == 30
                || diners
                || maestro
        }
        17..=18 => two == 62 || jcb || discover || maestro,
        19 => one == 4 || two == 62 || jcb || discover || maestro,
        _ => false,
    }
}

/// The fewest digits of the schemes that are in use.
pub(crate) const LEAST_OF_SCHEME: usize = 14;
pub(crate) const MIN_DIGITS: usize = 12;
/// Numbers that are not longer are seldom those of cards.
const SHORT_DIGITS: usize = 13;
pub(crate) const LEAST_GROUP_DIGITS: usize = 4;
pub(crate) const MAX_DIGITS: usize = 19;

#[cfg(test)]
mod tests {
    use crate::fixtures::{assert_keeps, assert_redacts, plan_of};

    #[test]
    fn numbers_of_cards_in_ids_with_letters_are_found() {
        let plan = plan_of(r#"{"presets":["pci"]}"#);
        assert_redacts(
            &plan,
            "application/json",
            &[
                (
                    r#"{"order_id":"ORD4111111111111111"}"#,
                    r#"{"order_id":"ORD************1111"}"#,
                ),
                (
                    r#"{"ref":"INV5500000000000004Z","x":"TX378282246310005"}"#,
                    r#"{"ref":"INV************0004Z","x":"TX***********0005"}"#,
                ),
                (
                    r#"{"x":"paid abc4111111111111111def, thanks"}"#,
                    r#"{"x":"paid abc************1111def, thanks"}"#,
                ),
                (
                    r#"{"a":"9792030394440796","b":"9792 0303 9444 0796"}"#,
                    r#"{"a":"************0796","b":"**** **** **** 0796"}"#,
                ),
            ],
        );
        assert_keeps(
            &plan,
            "application/json",
            &[
                // Another check digit, another issuer, or more digits elsewhere.
                r#"{"order_id":"ORD4111111111111112","x":"ORD1111111111111117","y":"A14111111111111111"}"#,
                r#"{"x":"a4111111111111111b2","y":"abcdefghijk4111111111111111"}"#,
                r#"{"id":"9b2e4111111111111111c0ffee0123456789abcd","t":"IMG20240101123456"}"#,
                r#"{"x":"9792030394440797"}"#,
            ],
        );
        let plan = plan_of(r#"{"rules":[{"detect":["CREDIT_CARD"]}]}"#);
        assert_keeps(
            &plan,
            "application/json",
            &[r#"{"order_id":"ORD4111111111111111"}"#],
        );
    }

    #[test]
    fn codes_of_cards_are_found_by_what_they_are_called() {
        let plan = plan_of(r#"{"presets":["pci"]}"#);
        for name in [
            "cvv",
            "ccv",
            "cv2",
            "cvvNumber",
            "cvc_number",
            "iCVV",
            "dCVV",
            "card_cvx2",
            "kartenpruefnummer",
            "cryptogrammeVisuel",
            "codigo_de_seguridad",
            "guvenlikKodu",
        ] {
            assert_redacts(
                &plan,
                "application/json",
                &[(
                    &format!(r#"{{"{name}":"123"}}"#),
                    &format!(r#"{{"{name}":""}}"#),
                )],
            );
        }
    }
}
