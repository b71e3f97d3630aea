//! DE_HEALTH_INSURANCE: a health insurance number of Germany: a letter and a Luhn-like check.

use crate::detect::prelude::*;

/// Finds a health insurance number of Germany: a letter and a Luhn-like check.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_HEALTH_INSURANCE",
    about: "A health insurance number of Germany: a letter and a Luhn-like check",
    category: Category::Health,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &["A999999999"],
        announced: &[],
        check,
    },
    checked: true,
    words: &[
        "krankenversichertennummer",
        "kvnr",
        "versichertennummer",
        "krankenversicherung",
        "health insurance",
    ],
    lookalikes: &[],
    examples: &["A123456780", "M123456785"],
    counterexamples: &["A123456781"],
};

/// The letter as two digits, weights 1 and 2 by cross sums.
fn check(number: &[u8]) -> bool {
    let letter = u32::from(at(number, 0).wrapping_sub(b'A')).wrapping_add(1);
    let values = [letter / 10, letter % 10]
        .into_iter()
        .chain(part(number, 1, 9).iter().map(|byte| digit(*byte)));
    let sum = values
        .zip([1_u32, 2].into_iter().cycle())
        .fold(0_u32, |sum, (value, weight)| {
            let product = value.wrapping_mul(weight);
            sum.wrapping_add(product / 10).wrapping_add(product % 10)
        });
    sum % 10 == nth(number, 9) && !is_uniform(part(number, 1, 10))
}
