//! SEX_LIFE: sex life or sexual orientation.

use crate::detect::prelude::*;

/// Finds sex life or sexual orientation.
pub(crate) const DETECTOR: Detector = Detector {
    name: "SEX_LIFE",
    about: "Sex life or sexual orientation",
    category: Category::Special,
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "sexual orientation",
        "sex life",
        "orientation sexual",
        "gender identity",
        "sexuality",
        "sexual preference",
    ],
    lookalikes: &[],
    examples: &["undisclosed"],
    counterexamples: &[],
};
