//! CN_RESIDENT_ID: a resident identity number of China: a date and MOD 11-2.

use crate::detect::prelude::*;

/// Finds a resident identity number of China: a date and MOD 11-2.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CN_RESIDENT_ID",
    about: "A resident identity number of China: a date and MOD 11-2",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &["99999999999999999X"],
        announced: &[],
        check,
    },
    checked: true,
    words: &[
        "id number",
        "resident id",
        "identity card",
        "shenfenzheng",
        "id card",
        "citizen id",
        "身份证",
    ],
    lookalikes: &[],
    examples: &["110101195511112021", "11010519491231002X"],
    counterexamples: &["110101195511112022", "110101195513112021"],
};

/// A province, a day of birth, and ISO 7064 MOD 11-2.
fn check(number: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum = weighted(number, &WEIGHTS) % 11;
    matches!(slice_number(number, 0, 2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
        && date::yyyymmdd(number, 6)
        && letter_at(number, 17, b"10X98765432", sum)
}
