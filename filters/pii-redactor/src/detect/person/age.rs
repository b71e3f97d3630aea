//! AGE: the age of a person; the usual action keeps those up to 89.

use crate::detect::prelude::*;

/// Finds the age of a person; the usual action keeps those up to 89.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AGE",
    about: "The age of a person; the usual action keeps those up to 89",
    category: Category::Personal,
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
        "age at diagnosis",
        "age at admission",
        "edad",
        "leeftijd",
    ],
    lookalikes: &[],
    examples: &["42", "97", "90.5", "93 years", "90+", "103 y/o"],
    counterexamples: &["forty", "3600", "3 items"],
};

/// Years: up to three digits, perhaps a fraction, and what says that they are years or more.
fn check(value: &[u8]) -> bool {
    let years = crate::bytes::count_while(value, 0, |byte| byte.is_ascii_digit());
    let mut behind = part(value, years, value.len());
    if behind.first() == Some(&b'.') {
        let fraction = crate::bytes::count_while(behind, 1, |byte| byte.is_ascii_digit());
        behind = part(behind, fraction.plus(1), behind.len());
    }
    let unit = behind.trim_ascii().to_ascii_lowercase();
    let units: [&[u8]; 11] = [
        b"",
        b"+",
        b"y",
        b"yr",
        b"yrs",
        b"yo",
        b"y/o",
        b"year",
        b"years",
        b"years old",
        b"yrs old",
    ];
    (1..=3).contains(&years) && value.len() <= 24 && units.contains(&unit.as_slice())
}
