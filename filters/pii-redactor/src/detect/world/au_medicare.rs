//! AU_MEDICARE: a Medicare number of Australia.

use crate::detect::prelude::*;

/// Finds a Medicare number of Australia.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AU_MEDICARE",
    about: "A Medicare number of Australia",
    category: Category::Health,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999", "9999 99999 9", "99999999999"],
        check,
    },
    checked: true,
    words: &[
        "medicare",
        "medicare number",
        "medicare card",
        "medicare no",
    ],
    lookalikes: &[],
    examples: &["2123 45670 1", "2428778132"],
    counterexamples: &["2123 45671 1", "1123456701"],
};

/// Begins with 2 to 6; the ninth digit is the check digit.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[1, 3, 7, 9, 1, 3, 7, 9]);
    matches!(number.first(), Some(b'2'..=b'6')) && sum % 10 == nth(number, 8)
}
