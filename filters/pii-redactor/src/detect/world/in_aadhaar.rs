//! IN_AADHAAR: an Aadhaar number of India: Verhoeff.

use crate::detect::prelude::*;

/// Finds an Aadhaar number of India: Verhoeff.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IN_AADHAAR",
    about: "An Aadhaar number of India: Verhoeff",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999999", "9999 9999 9999", "9999-9999-9999"],
        check,
    },
    checked: true,
    words: &[
        "aadhaar",
        "aadhar",
        "uid",
        "uidai",
        "aadhaar number",
        "aadhaar no",
        "aadhar number",
    ],
    lookalikes: &[],
    examples: &["6570 9319 7056", "322475614704"],
    counterexamples: &["6570 9319 7057", "157093197056"],
};

/// Begins with 2 to 9 and is not the same backwards.
fn check(number: &[u8]) -> bool {
    let palindrome = number.iter().eq(number.iter().rev());
    matches!(number.first(), Some(b'2'..=b'9')) && !palindrome && verhoeff(number)
}
