//! UK_NHS: a number of the National Health Service: weights 10 to 2, MOD 11.

use crate::detect::prelude::*;

/// Finds a number of the National Health Service: weights 10 to 2, MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UK_NHS",
    about: "A number of the National Health Service: weights 10 to 2, MOD 11",
    category: Category::Health,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999", "999 999 9999", "999-999-9999"],
        check,
    },
    checked: true,
    words: &[
        "nhs",
        "nhs number",
        "nhs no",
        "national health service",
        "national health",
        "nhs id",
    ],
    lookalikes: &[],
    examples: &["943 476 5919", "8735570636"],
    counterexamples: &["943 476 5918"],
};

/// MOD 11; a check digit of ten is not given out.
fn check(number: &[u8]) -> bool {
    let check = 11_u32.wrapping_sub(weighted(number, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    check == nth(number, 9) && !is_uniform(number)
}
