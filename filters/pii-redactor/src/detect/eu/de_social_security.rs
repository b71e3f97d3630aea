//! DE_SOCIAL_SECURITY: a pension insurance number of Germany.

use crate::detect::prelude::*;

/// Finds a pension insurance number of Germany.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_SOCIAL_SECURITY",
    about: "A pension insurance number of Germany",
    category: Category::Governmental,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &["99999999A999"],
        announced: &["99 999999 A 999"],
        check,
    },
    checked: true,
    words: &[
        "sozialversicherungsnummer",
        "rentenversicherungsnummer",
        "rvnr",
        "svnr",
        "sv nummer",
        "versicherungsnummer",
        "social security",
    ],
    lookalikes: &[],
    examples: &["65070649C104", "15070649C103"],
    counterexamples: &["15070649C104", "15073949C103"],
};

/// The area, a day of birth, a letter as two digits, weights 2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1 by
/// cross sums.
fn check(number: &[u8]) -> bool {
    let letter = u32::from(at(number, 8).wrapping_sub(b'A')).wrapping_add(1);
    let mut digits = [0_u32; 12];
    let values = part(number, 0, 8).iter().map(|byte| digit(*byte));
    let values = values
        .chain([letter / 10, letter % 10])
        .chain(part(number, 9, 11).iter().map(|byte| digit(*byte)));
    for (slot, value) in digits.iter_mut().zip(values) {
        *slot = value;
    }
    let sum = digits
        .iter()
        .zip([2_u32, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .fold(0_u32, |sum, (value, weight)| {
            let product = value.wrapping_mul(weight);
            sum.wrapping_add(product / 10).wrapping_add(product % 10)
        });
    date::exists(
        slice_number(number, 6, 8),
        slice_number(number, 4, 6),
        slice_number(number, 2, 4) % 50,
    ) && sum % 10 == nth(number, 11)
}
