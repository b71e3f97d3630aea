//! HU_TAX_ID: a tax identification number of people in Hungary: weights 1 to 9, MOD 11.

use crate::detect::prelude::*;

/// Finds a tax identification number of people in Hungary: weights 1 to 9, MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "HU_TAX_ID",
    about: "A tax identification number of people in Hungary: weights 1 to 9, MOD 11",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999"],
        check,
    },
    checked: true,
    words: &[
        "adoazonosito",
        "adóazonosító",
        "adoszam",
        "adóazonosító jel",
        "tax id",
    ],
    lookalikes: &[],
    examples: &["8071592153"],
    counterexamples: &["8071592154"],
};

/// Begins with 8.
fn check(number: &[u8]) -> bool {
    number.first() == Some(&b'8')
        && weighted(number, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == nth(number, 9)
}
