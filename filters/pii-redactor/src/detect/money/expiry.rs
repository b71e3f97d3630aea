//! CARD_EXPIRY: the expiry date of a card.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CARD_EXPIRY",
    about: "The expiry date of a card",
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
    counterexamples: &["2026-11-24T10:00:00Z"],
};

/// A month, a year or both.
fn check(value: &[u8]) -> bool {
    (1..=7).contains(&value.len())
        && value
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'/' | b'-' | b' '))
}
