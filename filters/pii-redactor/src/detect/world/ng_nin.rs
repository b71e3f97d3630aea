//! NG_NIN: a national identification number of Nigeria: Verhoeff.

use crate::detect::prelude::*;

/// Finds a national identification number of Nigeria: Verhoeff.
pub(crate) const DETECTOR: Detector = Detector {
    name: "NG_NIN",
    about: "A national identification number of Nigeria: Verhoeff",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &[
        "nin",
        "national identification",
        "national identification number",
        "nimc",
        "nin number",
    ],
    lookalikes: &[],
    examples: &["12345678902"],
    counterexamples: &["12345678903"],
};

/// Verhoeff.
fn check(number: &[u8]) -> bool {
    verhoeff(number) && !is_uniform(number)
}
