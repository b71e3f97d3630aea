//! DE_FUEHRERSCHEIN: a number of a German driving licence.

use crate::detect::prelude::*;

/// Finds a number of a German driving licence.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_FUEHRERSCHEIN",
    about: "A number of a German driving licence",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["X999XXXXX9X", "A999AAXXX99", "XXX999999X9"],
        check: form_only,
    },
    checked: false,
    words: &[
        "führerschein",
        "fuehrerschein",
        "führerscheinnummer",
        "fahrerlaubnis",
        "driver license",
        "fuhrerschein",
    ],
    lookalikes: &[],
    examples: &["B072RRE2I55"],
    counterexamples: &["ABCDEFGHIJK"],
};
