//! SG_NRIC: an identity or foreign identification number of Singapore: a check letter.

use crate::detect::prelude::*;

/// Finds an identity or foreign identification number of Singapore: a check letter.
pub(crate) const DETECTOR: Detector = Detector {
    name: "SG_NRIC",
    about: "An identity or foreign identification number of Singapore: a check letter",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["A9999999A"],
        announced: &[],
        check,
    },
    checked: true,
    words: &[
        "nric",
        "fin",
        "nric number",
        "fin number",
        "singapore id",
        "nric fin",
    ],
    lookalikes: &[],
    examples: &["S1234567D", "T0123456G", "F1234567N"],
    counterexamples: &["S1234567E"],
};

/// Weights 2, 7 to 2; the series gives an offset and the letters.
fn check(number: &[u8]) -> bool {
    let sum = weighted(part(number, 1, 8), &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters): (u32, &[u8]) = match at(number, 0) {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let index = sum.wrapping_add(offset) % 11;
    let index = if at(number, 0) == b'M' {
        10_u32.wrapping_sub(index)
    } else {
        index
    };
    if at(number, 0) == b'M' {
        return letter_at(number, 8, b"KLJNPQRTUWX", index);
    }
    letter_at(number, 8, letters, index)
}
