//! ES_PASSPORT: a number of a Spanish passport.

use crate::detect::prelude::*;

/// Finds a number of a Spanish passport.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ES_PASSPORT",
    about: "A number of a Spanish passport",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["AAA999999", "AA999999"],
        check,
    },
    checked: false,
    words: &[
        "pasaporte",
        "passport",
        "passport number",
        "numero de pasaporte",
    ],
    lookalikes: &[],
    examples: &["AAB123456"],
    counterexamples: &["AAB000000"],
};

/// A number that is not nothing.
fn check(number: &[u8]) -> bool {
    !is_uniform(part(number, number.len().less(6), number.len()))
}
