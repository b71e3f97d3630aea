//! IT_IDENTITY_CARD: a number of an Italian identity card.

use crate::detect::prelude::*;

/// Finds a number of an Italian identity card.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IT_IDENTITY_CARD",
    about: "A number of an Italian identity card",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["AA99999AA", "AA9999999", "9999999AA"],
        check,
    },
    checked: false,
    words: &[
        "carta identita",
        "carta d identita",
        "identity card",
        "carta di identita",
        "id card",
    ],
    lookalikes: &[],
    examples: &["CA12345AB", "AA1234567"],
    counterexamples: &["CA00000AB"],
};

/// A number that is not nothing.
fn check(number: &[u8]) -> bool {
    number
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .any(|byte| *byte != b'0')
}
