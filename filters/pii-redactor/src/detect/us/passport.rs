//! US_PASSPORT: a number of a United States passport: nine digits, or a letter and eight.

use crate::detect::prelude::*;

/// Finds a number of a United States passport: nine digits, or a letter and eight.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_PASSPORT",
    about: "A number of a United States passport: nine digits, or a letter and eight",
    category: Category::Governmental,
    presets: CCPA | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "A99999999"],
        check: form_only,
    },
    checked: false,
    words: &[
        "passport",
        "passport number",
        "passport no",
        "us passport",
        "travel document",
    ],
    lookalikes: &[],
    examples: &["340020013", "A12345678"],
    counterexamples: &["12345678"],
};
