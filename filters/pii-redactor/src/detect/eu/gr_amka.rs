//! GR_AMKA: a social security number of Greece: a date and Luhn.

use crate::detect::prelude::*;

/// Finds a social security number of Greece: a date and Luhn.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GR_AMKA",
    about: "A social security number of Greece: a date and Luhn",
    category: Category::Governmental,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &["amka", "αμκα", "social security number"],
    lookalikes: &[],
    examples: &["18065812069", "16025128220"],
    counterexamples: &["18065812068"],
};

/// A day of birth, Luhn.
fn check(number: &[u8]) -> bool {
    date::ddmmyy(number, 0) && luhn(number)
}
