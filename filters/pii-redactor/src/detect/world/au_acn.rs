//! AU_ACN: a company number of Australia: weights 8 to 1.

use crate::detect::prelude::*;

/// Finds a company number of Australia: weights 8 to 1.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AU_ACN",
    about: "A company number of Australia: weights 8 to 1",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "999 999 999"],
        check,
    },
    checked: true,
    words: &["acn", "australian company number", "company number"],
    lookalikes: &[],
    examples: &["329 897 270", "004085616"],
    counterexamples: &["329 897 271"],
};

/// The complement of the weighted sum to ten.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10;
    10_u32.wrapping_sub(sum) % 10 == nth(number, 8) && !is_uniform(number)
}
