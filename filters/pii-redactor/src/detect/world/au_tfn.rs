//! AU_TFN: a tax file number of Australia: MOD 11.

use crate::detect::prelude::*;

/// Finds a tax file number of Australia: MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AU_TFN",
    about: "A tax file number of Australia: MOD 11",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "999 999 999", "99999999"],
        check,
    },
    checked: true,
    words: &["tfn", "tax file", "tax file number", "tfn number"],
    lookalikes: &[],
    examples: &["967 106 992", "954409959"],
    counterexamples: &["967 106 993"],
};

/// Nine digits with weights, or eight of the old form.
fn check(number: &[u8]) -> bool {
    let sum = if number.len() == 9 {
        weighted(number, &[1, 4, 3, 7, 5, 8, 6, 9, 10])
    } else {
        weighted(number, &[10, 7, 8, 4, 6, 3, 5, 1])
    };
    sum % 11 == 0 && !is_uniform(number)
}
