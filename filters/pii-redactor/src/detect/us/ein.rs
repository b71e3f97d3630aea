//! US_EIN: an employer identification number, where a word announces it.

use crate::detect::prelude::*;

/// Finds an employer identification number, where a word announces it.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_EIN",
    about: "An employer identification number, where a word announces it",
    category: Category::Business,
    presets: CCPA,
    form: Form::Shapes {
        alone: &[],
        announced: &["99-9999999", "999999999"],
        check,
    },
    checked: false,
    words: &[
        "ein",
        "employer identification",
        "employer identification number",
        "fein",
        "federal tax id",
        "employer id",
    ],
    lookalikes: &[],
    examples: &["41-1603629"],
    counterexamples: &["00-1234567"],
};

/// A prefix that an office of the tax authority gives out.
fn check(number: &[u8]) -> bool {
    !matches!(slice_number(number, 0, 2), 0 | 7..=9 | 17..=19 | 28..=29 | 49 | 69..=70 | 78..=79 | 89 | 96..=97)
}
