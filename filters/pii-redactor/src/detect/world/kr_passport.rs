//! KR_PASSPORT: a number of a Korean passport.

use crate::detect::prelude::*;

/// Finds a number of a Korean passport.
pub(crate) const DETECTOR: Detector = Detector {
    name: "KR_PASSPORT",
    about: "A number of a Korean passport",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["A99999999", "A999A9999"],
        check,
    },
    checked: false,
    words: &[
        "passport",
        "passport number",
        "여권",
        "여권번호",
        "korean passport",
    ],
    lookalikes: &[],
    examples: &["M12345678", "M123A4567"],
    counterexamples: &["M00000000"],
};

/// A kind of passport, then a number that is not nothing.
fn check(number: &[u8]) -> bool {
    b"MSRODG".contains(&at(number, 0)) && !is_uniform(part(number, 1, 9))
}
