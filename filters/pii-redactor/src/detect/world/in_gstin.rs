//! IN_GSTIN: a goods and services tax number of India: a state, a PAN and MOD 36.

use crate::detect::prelude::*;

/// Finds a goods and services tax number of India: a state, a PAN and MOD 36.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IN_GSTIN",
    about: "A goods and services tax number of India: a state, a PAN and MOD 36",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["99AAAAA9999AXXX"],
        announced: &[],
        check,
    },
    checked: true,
    words: &["gstin", "gst", "gst number", "gst no"],
    lookalikes: &[],
    examples: &["27AAPFU0939F1ZV", "27GBMPU5468E1ZX"],
    counterexamples: &["27AAPFU0939F1ZW", "99AAPFU0939F1ZV"],
};

/// A state or territory, Z as the fourteenth character, and a check character.
fn check(number: &[u8]) -> bool {
    let sum = part(number, 0, 14)
        .iter()
        .zip([1_u32, 2].into_iter().cycle())
        .fold(0_u32, |sum, (byte, factor)| {
            let product = base36(*byte).wrapping_mul(factor);
            sum.wrapping_add(product / 36).wrapping_add(product % 36)
        });
    let check = 36_u32.wrapping_sub(sum % 36) % 36;
    matches!(slice_number(number, 0, 2), 1..=38 | 97)
        && at(number, 13) == b'Z'
        && base36(at(number, 14)) == check
}
