//! US_ITIN: an individual taxpayer identification number.

use crate::detect::prelude::*;

/// Finds an individual taxpayer identification number.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_ITIN",
    about: "An individual taxpayer identification number",
    category: Category::Governmental,
    presets: CCPA | HIPAA,
    form: Form::Shapes {
        alone: &["999-99-9999"],
        announced: &["999999999", "999 99 9999"],
        check,
    },
    checked: true,
    words: &[
        "itin",
        "individual taxpayer",
        "individual taxpayer identification number",
        "tax id",
        "taxpayer id",
        "taxpayer identification",
        "tin",
    ],
    lookalikes: &[],
    examples: &["937-86-5797", "924708227"],
    counterexamples: &["937-49-5797", "123-45-6789"],
};

/// Begins with 9, and the group is one of those that are given out.
fn check(number: &[u8]) -> bool {
    number.first() == Some(&b'9')
        && matches!(slice_number(number, 3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
        && !is_uniform(number)
}
