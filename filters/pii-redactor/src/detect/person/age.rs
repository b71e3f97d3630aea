//! AGE: the age of a person; the usual action keeps those up to 89.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AGE",
    about: "The age of a person; the usual action keeps those up to 89",
    presets: HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "age",
        "age years",
        "patient age",
        "current age",
        "alter",
        "age in years",
    ],
    lookalikes: &[],
    examples: &["42", "97"],
    counterexamples: &["forty"],
};

/// A whole number of years.
fn check(value: &[u8]) -> bool {
    (1..=3).contains(&value.len()) && is_digits(value)
}
