//! CREDIT_CARD: a payment card number: issuer range, length and check digit (ISO/IEC 7812-1).

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CREDIT_CARD",
    about: "A payment card number: issuer range, length and check digit (ISO/IEC 7812-1)",
    presets: GDPR | CCPA | HIPAA | PCI,
    form: Form::Scanned,
    checked: true,
    words: &[
        "card",
        "card number",
        "credit card",
        "debit card",
        "cc",
        "ccn",
        "pan",
        "primary account number",
        "card no",
        "creditcard",
        "cardnumber",
    ],
    examples: &[
        "4111 1111 1111 1111",
        "378282246310005",
        "2223003122003222",
        "6759649826438453",
    ],
    counterexamples: &["4111111111111112", "1700000000000", "1234567812345670"],
};

use crate::detect::boundary::{ends_free, starts_free};

/// The end of a card number that begins with the digits at `start`: in one piece, or in groups with
/// the same sign, space or dash, between them. Where more groups follow than one card has, the
/// longest stretch of whole groups that is one counts. Also whether it is in groups.
pub(crate) fn find(text: &[u8], start: usize) -> Option<(usize, bool)> {
    if !starts_free(text, start) && !follows_group(text, start) {
        return None;
    }
    let mut digits = [0_u8; MAX_DIGITS];
    let mut count = 0_usize;
    let mut position = start;
    let mut sign = 0_u8;
    let mut groups = 0_usize;
    let mut best = None;
    loop {
        let before_group = count;
        while at(text, position).is_ascii_digit() {
            let slot = digits.get_mut(count)?;
            *slot = at(text, position);
            count = count.plus(1);
            position = position.plus(1);
            if count == MAX_DIGITS && at(text, position).is_ascii_digit() {
                return best;
            }
        }
        if count == before_group {
            return best;
        }
        groups = groups.plus(1);
        let spelled = digits.get(..count).unwrap_or_default();
        let free = ends_free(text, position) || sign == b' ' && at(text, position) == b' ';
        if free && is_card(spelled) && groups != 2 {
            best = Some((position, groups > 1));
        }
        let next = at(text, position);
        let joins = matches!(next, b' ' | b'-') && (sign == 0 || sign == next);
        if !joins || !at(text, position.plus(1)).is_ascii_digit() || count >= MAX_DIGITS {
            return best;
        }
        // Groups of one or two digits are not how cards are written.
        if groups == 1 && count < 3 {
            return best;
        }
        sign = next;
        position = position.plus(1);
    }
}

/// A group that stands behind another with a space is tried too: numbers beside each other.
fn follows_group(text: &[u8], start: usize) -> bool {
    crate::bytes::before(text, start) == b' '
}

/// Issuer, length and check digit.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) && has_issuer(digits) && luhn(digits)
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
            // Visa, Mastercard, JCB, Discover, UnionPay, Mir, RuPay, Diners, Maestro
            one == 4
                || (51..=55).contains(&two)
                || (2221..=2720).contains(&four)
                || jcb
                || discover
                || two == 62
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

const MIN_DIGITS: usize = 12;
const MAX_DIGITS: usize = 19;
