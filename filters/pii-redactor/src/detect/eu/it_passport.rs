//! IT_PASSPORT: a number of an Italian passport.

use crate::detect::prelude::*;

/// Finds a number of an Italian passport.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IT_PASSPORT",
    about: "A number of an Italian passport",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["AA9999999"],
        check,
    },
    checked: false,
    words: &[
        "passaporto",
        "passport",
        "passport number",
        "numero passaporto",
    ],
    lookalikes: &[],
    examples: &["YA1234567"],
    counterexamples: &["YA0000000"],
};

/// A number that is not nothing.
fn check(number: &[u8]) -> bool {
    !is_uniform(part(number, 2, 9))
}
