//! UK_PASSPORT: a number of a British passport.

use crate::detect::prelude::*;

/// Finds a number of a British passport.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UK_PASSPORT",
    about: "A number of a British passport",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "AA9999999"],
        check: form_only,
    },
    checked: false,
    words: &[
        "passport",
        "passport number",
        "passport no",
        "uk passport",
        "british passport",
    ],
    lookalikes: &[],
    examples: &["925665416", "AB1234567"],
    counterexamples: &["92566541"],
};
