//! SWIFT_BIC: a bank identifier code (ISO 9362).

use crate::detect::prelude::*;

/// Finds a bank identifier code (ISO 9362).
pub(crate) const DETECTOR: Detector = Detector {
    name: "SWIFT_BIC",
    about: "A bank identifier code (ISO 9362)",
    category: Category::Financial,
    presets: GDPR | CCPA,
    form: Form::Shapes {
        alone: &[],
        announced: &["AAAAAAXX", "AAAAAAXXXXX"],
        check,
    },
    checked: true,
    words: &[
        "bic",
        "swift",
        "swift code",
        "bic code",
        "swift bic",
        "bank identifier",
    ],
    lookalikes: &[],
    examples: &["DEUTDEFF500", "COBADEFFXXX", "DEUTDEFF"],
    counterexamples: &["SHOPPING", "DEUTZZFF"],
};

/// A country in the middle.
fn check(code: &[u8]) -> bool {
    super::iban::is_country(part(code, 4, 6))
}
