//! IN_VOTER: a voter id of India.

use crate::detect::prelude::*;

/// Finds a voter id of India.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IN_VOTER",
    about: "A voter id of India",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["AAA9999999"],
        check,
    },
    checked: false,
    words: &[
        "voter",
        "voter id",
        "epic",
        "voter card",
        "election card",
        "voter number",
    ],
    lookalikes: &[],
    examples: &["ABC1234567"],
    counterexamples: &["ABC0000000"],
};

/// A running number that is not nothing.
fn check(number: &[u8]) -> bool {
    !is_uniform(part(number, 3, 10))
}
