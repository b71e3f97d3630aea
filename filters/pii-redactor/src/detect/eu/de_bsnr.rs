//! DE_BSNR: a number of a practice in Germany, where a word announces it.

use crate::detect::prelude::*;

/// Finds a number of a practice in Germany, where a word announces it.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_BSNR",
    about: "A number of a practice in Germany, where a word announces it",
    category: Category::Health,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999"],
        check: form_only,
    },
    checked: false,
    words: &[
        "bsnr",
        "betriebsstättennummer",
        "betriebsstaettennummer",
        "betriebsstatte",
    ],
    lookalikes: &[],
    examples: &["021111100"],
    counterexamples: &["000000000"],
};
