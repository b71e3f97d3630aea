//! CARD_PIN: a PIN or a PIN block (PCI DSS 3.3.1: never kept).

use crate::detect::prelude::*;

/// Finds a PIN or a PIN block (PCI DSS 3.3.1: never kept).
pub(crate) const DETECTOR: Detector = Detector {
    name: "CARD_PIN",
    about: "A PIN or a PIN block (PCI DSS 3.3.1: never kept)",
    category: Category::Financial,
    presets: PCI | CCPA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "pin",
        "pin code",
        "pin block",
        "pinblock",
        "card pin",
        "pin number",
    ],
    lookalikes: &[],
    examples: &["1234", "0412AC89ABCDEF67"],
    counterexamples: &["unknown"],
};

/// Four to sixteen hexadecimal digits, a digit first: a PIN or its block.
fn check(value: &[u8]) -> bool {
    (4..=16).contains(&value.len())
        && value.iter().all(u8::is_ascii_hexdigit)
        && value.iter().any(u8::is_ascii_digit)
}
