//! CARD_CVV: the verification code of a card (PCI DSS 3.3.1: never kept).

use crate::detect::prelude::*;

/// Finds the verification code of a card (PCI DSS 3.3.1: never kept).
pub(crate) const DETECTOR: Detector = Detector {
    name: "CARD_CVV",
    about: "The verification code of a card (PCI DSS 3.3.1: never kept)",
    category: Category::Financial,
    presets: PCI | CCPA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "cvv",
        "cvv2",
        "cvc",
        "cvc2",
        "cid",
        "csc",
        "cav2",
        "card code",
        "security code",
        "card security code",
        "verification code card",
        "card verification",
        "card verification value",
        "cvn",
        "card cvv",
        "card cvc",
    ],
    lookalikes: &[],
    examples: &["123", "1234"],
    counterexamples: &["12", "none"],
};

/// Three or four digits.
fn check(value: &[u8]) -> bool {
    (3..=4).contains(&value.len()) && is_digits(value)
}
