//! DE_TAX_NUMBER: a tax number of a German tax office, where a word announces it.

use crate::detect::prelude::*;

/// Finds a tax number of a German tax office, where a word announces it.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_TAX_NUMBER",
    about: "A tax number of a German tax office, where a word announces it",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "99/999/99999",
            "999/999/99999",
            "999/9999/9999",
            "9999999999999",
            "99 999 99999",
        ],
        check: form_only,
    },
    checked: false,
    words: &[
        "steuernummer",
        "steuernr",
        "st nr",
        "steuer nr",
        "tax number",
    ],
    lookalikes: &[],
    examples: &["93/815/08152", "181/815/08155"],
    counterexamples: &["93/815"],
};
