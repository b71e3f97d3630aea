//! UK_DRIVING_LICENCE: a number of a driving licence of Great Britain.

use crate::detect::prelude::*;

/// Finds a number of a driving licence of Great Britain.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UK_DRIVING_LICENCE",
    about: "A number of a driving licence of Great Britain",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["XXXXX999999XXXAA", "XXXXX999999XX9AA"],
        check,
    },
    checked: true,
    words: &[
        "driving licence",
        "driver licence",
        "driving license",
        "licence number",
        "dvla",
        "driver number",
        "uk driving licence",
        "driving licence number",
    ],
    lookalikes: &[],
    examples: &["MORGA657054SM9IJ", "SMITH801155J99AA"],
    counterexamples: &["MORGA699054SM9IJ"],
};

/// Five letters of the name filled up with 9, then the decade, the month (plus 50 for women), the
/// day and the year of birth.
fn check(number: &[u8]) -> bool {
    let month = slice_number(number, 6, 8) % 50;
    let day = slice_number(number, 8, 10);
    at(number, 0).is_ascii_alphabetic() && date::exists(4, month, day)
}
