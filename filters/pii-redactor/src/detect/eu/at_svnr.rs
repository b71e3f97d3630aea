//! AT_SVNR: a social insurance number of Austria: weights and a date.

use crate::detect::prelude::*;

/// Finds a social insurance number of Austria: weights and a date.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AT_SVNR",
    about: "A social insurance number of Austria: weights and a date",
    category: Category::Governmental,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999", "9999 999999"],
        check,
    },
    checked: true,
    words: &[
        "svnr",
        "sozialversicherungsnummer",
        "sv nummer",
        "versicherungsnummer",
        "svnummer",
    ],
    lookalikes: &[],
    examples: &["3863111172", "1237 010180"],
    counterexamples: &["3863111173"],
};

/// The fourth digit is the check digit of the others.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11;
    number.first() != Some(&b'0')
        && sum == nth(number, 3)
        && slice_number(number, 4, 6) <= 31
        && slice_number(number, 6, 8) <= 15
}
