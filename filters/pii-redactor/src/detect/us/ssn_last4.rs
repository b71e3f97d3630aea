//! US_SSN_LAST4: the last four digits of a social security number, where a member is called so.

use crate::detect::prelude::*;

/// Finds the last four digits of a social security number.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_SSN_LAST4",
    about: "The last four digits of a social security number",
    category: Category::Governmental,
    presets: GDPR | CCPA | HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "ssn last4",
        "ssn last 4",
        "ssn last four",
        "last4 ssn",
        "last 4 ssn",
        "last four ssn",
        "ssn4",
        "ssn suffix",
    ],
    lookalikes: &[],
    examples: &["8145"],
    counterexamples: &["814", "none"],
};

/// Four digits.
fn check(value: &[u8]) -> bool {
    value.len() == 4 && is_digits(value)
}
