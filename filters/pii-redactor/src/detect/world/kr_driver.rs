//! KR_DRIVER_LICENSE: a driver licence of Korea: a region, a year, a number.

use crate::detect::prelude::*;

/// Finds a driver licence of Korea: a region, a year, a number.
pub(crate) const DETECTOR: Detector = Detector {
    name: "KR_DRIVER_LICENSE",
    about: "A driver licence of Korea: a region, a year, a number",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["99-99-999999-99", "999999999999"],
        check,
    },
    checked: true,
    words: &[
        "driver license",
        "driving license",
        "driver licence",
        "운전면허",
        "운전면허번호",
        "license number",
    ],
    lookalikes: &[],
    examples: &["11-22-333333-44"],
    counterexamples: &["10-22-333333-44", "99-22-333333-44"],
};

/// A region that gives out licences.
fn check(number: &[u8]) -> bool {
    matches!(slice_number(number, 0, 2), 11..=26 | 28) && !is_uniform(part(number, 4, 10))
        || matches!(slice_number(number, 0, 2), 11..=26 | 28) && number.len() == 12
}
