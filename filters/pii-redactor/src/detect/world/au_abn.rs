//! AU_ABN: a business number of Australia: MOD 89.

use crate::detect::prelude::*;

/// Finds a business number of Australia: MOD 89.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AU_ABN",
    about: "A business number of Australia: MOD 89",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999", "99 999 999 999"],
        check,
    },
    checked: true,
    words: &["abn", "australian business number", "business number"],
    lookalikes: &[],
    examples: &["46 694 536 929", "51824753556"],
    counterexamples: &["46 694 536 928"],
};

/// One less at the first digit, then weights and MOD 89.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    number.first() != Some(&b'0') && sum.wrapping_sub(10) % 89 == 0
}
