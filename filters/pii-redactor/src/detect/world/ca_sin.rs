//! CA_SIN: a social insurance number of Canada: Luhn.

use crate::detect::prelude::*;

/// Finds a social insurance number of Canada: Luhn.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CA_SIN",
    about: "A social insurance number of Canada: Luhn",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "999 999 999", "999-999-999"],
        check,
    },
    checked: true,
    words: &[
        "sin",
        "social insurance",
        "social insurance number",
        "sin number",
        "canadian sin",
        "nas",
    ],
    lookalikes: &[],
    examples: &["734 207 509", "524601952"],
    counterexamples: &["734 207 508", "834207508"],
};

/// Luhn; 0 and 8 are not given out to people.
fn check(number: &[u8]) -> bool {
    !matches!(number.first(), Some(b'0' | b'8')) && luhn(number)
}
