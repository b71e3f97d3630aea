//! CITY: the place where a person lives, below the state.

use crate::detect::prelude::*;

/// Finds the place where a person lives, below the state.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CITY",
    about: "The place where a person lives, below the state",
    category: Category::Personal,
    presets: HIPAA,
    form: Form::Named,
    checked: false,
    words: &[
        "city",
        "town",
        "county",
        "precinct",
        "locality",
        "address city",
        "home town",
        "hometown",
        "municipality",
        "district",
        "suburb",
        "village",
        "ort",
        "ville",
        "ciudad",
    ],
    lookalikes: &[],
    examples: &["Springfield"],
    counterexamples: &[],
};
