//! EE_PERSONAL_CODE: a personal code of Estonia: a date and two rounds of weights.

use crate::detect::prelude::*;

/// Finds a personal code of Estonia: a date and two rounds of weights.
pub(crate) const DETECTOR: Detector = Detector {
    name: "EE_PERSONAL_CODE",
    about: "A personal code of Estonia: a date and two rounds of weights",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &[
        "isikukood",
        "personal code",
        "isik",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["37101226447", "39406176350"],
    counterexamples: &["37101226448"],
};

/// A century and sex, a day of birth, the check of the Baltic states.
fn check(number: &[u8]) -> bool {
    matches!(at(number, 0), b'1'..=b'8') && date::yymmdd(number, 1) && baltic(number)
}
