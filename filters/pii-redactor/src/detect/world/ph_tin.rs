//! PH_TIN: a tax number of the Philippines.

use crate::detect::prelude::*;

/// Finds a tax number of the Philippines.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PH_TIN",
    about: "A tax number of the Philippines",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "999-999-999",
            "999-999-999-999",
            "999999999",
            "999999999999",
            "999-999-999-99999",
        ],
        check,
    },
    checked: true,
    words: &[
        "tin",
        "tax identification",
        "tax identification number",
        "bir",
        "bir tin",
        "tin number",
    ],
    lookalikes: &[],
    examples: &["123-456-786-000", "123-456-786"],
    counterexamples: &["123-456-783", "000-000-000"],
};

/// Weights 1 to 8, MOD 11.
fn check(number: &[u8]) -> bool {
    weighted(number, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 == nth(number, 8)
        && !is_uniform(part(number, 0, 9))
}
