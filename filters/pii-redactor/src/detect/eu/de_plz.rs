//! DE_PLZ: a German postal code, where a word announces it.

use crate::detect::prelude::*;

/// Finds a German postal code, where a word announces it.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_PLZ",
    about: "A German postal code, where a word announces it",
    category: Category::Personal,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999", "D-99999"],
        check,
    },
    checked: false,
    words: &["plz", "postleitzahl", "postal code", "zip"],
    lookalikes: &[],
    examples: &["10115"],
    counterexamples: &["00000"],
};

/// From 01001 to 99998.
fn check(code: &[u8]) -> bool {
    (1_001..=99_998).contains(&slice_number(code, code.len().less(5), code.len()))
}
