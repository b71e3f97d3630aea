//! IN_PASSPORT: a number of an Indian passport.

use crate::detect::prelude::*;

/// Finds a number of an Indian passport.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IN_PASSPORT",
    about: "A number of an Indian passport",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["A9999999"],
        check,
    },
    checked: false,
    words: &[
        "passport",
        "passport number",
        "indian passport",
        "passport no",
    ],
    lookalikes: &[],
    examples: &["K1234567"],
    counterexamples: &["K0000000"],
};

/// A letter that is given out, then digits that are not nothing.
fn check(number: &[u8]) -> bool {
    !b"QXZ".contains(&at(number, 0)) && !is_uniform(part(number, 1, 8))
}
