//! IMEI: the number of a mobile device: Luhn over fifteen digits.

use crate::detect::prelude::*;

/// Finds the number of a mobile device: Luhn over fifteen digits.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IMEI",
    about: "The number of a mobile device: Luhn over fifteen digits",
    category: Category::Personal,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "999999999999999",
            "99-999999-999999-9",
            "99 999999 999999 9",
        ],
        check,
    },
    checked: true,
    words: &[
        "imei",
        "imei number",
        "imei no",
        "imei1",
        "imei2",
        "device imei",
    ],
    lookalikes: &[],
    examples: &["437442261757618", "49-015420-323751-8"],
    counterexamples: &["437442261757619"],
};

/// Luhn.
fn check(number: &[u8]) -> bool {
    luhn(number)
}
