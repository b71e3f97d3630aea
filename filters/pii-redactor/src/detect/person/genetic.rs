//! GENETIC: genetic data.

use crate::detect::prelude::*;

/// Finds genetic data.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GENETIC",
    about: "Genetic data",
    category: Category::Special,
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "genetic",
        "genetics",
        "genome",
        "genotype",
        "dna",
        "dna sequence",
        "genetic data",
        "genetic test",
        "neural data",
    ],
    lookalikes: &[],
    examples: &["AGCT"],
    counterexamples: &[],
};
