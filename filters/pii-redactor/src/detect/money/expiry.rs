//! CARD_EXPIRY: the expiry date of a card.

use crate::detect::prelude::*;

/// Finds the expiry date of a card.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CARD_EXPIRY",
    about: "The expiry date of a card",
    category: Category::Financial,
    presets: PCI,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "expiry",
        "expiry date",
        "expiration date",
        "card expiry",
        "exp date",
        "card expiration",
        "card exp",
        "exp month",
        "exp year",
        "expiry month",
        "expiry year",
        "card exp month",
        "card exp year",
        "valid thru",
    ],
    lookalikes: &[],
    examples: &["12/30", "12/2030", "2030-12"],
    counterexamples: &["2026-11-24T10:00:00Z", "3600", "13/30"],
};

/// A month, a year or both, with a month that exists.
fn check(value: &[u8]) -> bool {
    let is_month = |text: &[u8]| (1..=12).contains(&crate::bytes::number(text));
    let is_year = |text: &[u8]| match text.len() {
        2 => true,
        4 => (1980..=2099).contains(&crate::bytes::number(text)),
        _ => false,
    };
    let mut parts = value
        .split(|byte| matches!(byte, b'/' | b'-' | b' '))
        .filter(|part| !part.is_empty());
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let all_digits = [first, second]
        .into_iter()
        .flatten()
        .all(|part| part.len() <= 6 && is_digits(part));
    let fits = match (first, second, third) {
        (Some(one), None, None) => match one.len() {
            1 | 2 => is_month(one) || is_year(one),
            4 => is_year(one) || is_month(part(one, 0, 2)),
            6 => is_month(part(one, 0, 2)) && is_year(part(one, 2, 6)),
            _ => false,
        },
        (Some(one), Some(two), None) => {
            one.len() <= 2 && is_month(one) && is_year(two)
                || is_year(one) && two.len() <= 2 && is_month(two)
        }
        _ => false,
    };
    all_digits && fits
}
