//! LT_PERSONAL_CODE: a personal code of Lithuania: a date and two rounds of weights.

use crate::detect::prelude::*;

/// Finds a personal code of Lithuania: a date and two rounds of weights.
pub(crate) const DETECTOR: Detector = Detector {
    name: "LT_PERSONAL_CODE",
    about: "A personal code of Lithuania: a date and two rounds of weights",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &[
        "asmens kodas",
        "personal code",
        "asmens",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["35508018748", "36807185844"],
    counterexamples: &["35508018749"],
};

/// A century and sex, a day of birth, the check of the Baltic states.
fn check(number: &[u8]) -> bool {
    matches!(at(number, 0), b'1'..=b'6') && date::yymmdd(number, 1) && baltic(number)
}
