//! KR_BRN: a business registration number of Korea.

use crate::detect::prelude::*;

/// Finds a business registration number of Korea.
pub(crate) const DETECTOR: Detector = Detector {
    name: "KR_BRN",
    about: "A business registration number of Korea",
    category: Category::Business,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999", "999-99-99999"],
        check,
    },
    checked: true,
    words: &[
        "brn",
        "business registration",
        "business registration number",
        "사업자등록번호",
    ],
    lookalikes: &[],
    examples: &["220-81-62517", "2208162517"],
    counterexamples: &["220-81-62518"],
};

/// Weights, and the eighth product counted in tens too.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[1, 3, 7, 1, 3, 7, 1, 3, 5]);
    let sum = sum.wrapping_add(nth(number, 8).wrapping_mul(5) / 10);
    10_u32.wrapping_sub(sum % 10) % 10 == nth(number, 9) && !is_uniform(number)
}
