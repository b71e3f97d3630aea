//! DE_LANR: a number of a physician in Germany: weights 4 and 9.

use crate::detect::prelude::*;

/// Finds a number of a physician in Germany: weights 4 and 9.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_LANR",
    about: "A number of a physician in Germany: weights 4 and 9",
    category: Category::Health,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999"],
        check,
    },
    checked: true,
    words: &["lanr", "arztnummer", "lebenslange arztnummer"],
    lookalikes: &[],
    examples: &["123456601"],
    counterexamples: &["123456701"],
};

/// The seventh digit is the check digit of the six before it.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[4, 9, 4, 9, 4, 9]) % 10;
    10_u32.wrapping_sub(sum) % 10 == nth(number, 6) && !is_uniform(part(number, 0, 6))
}
