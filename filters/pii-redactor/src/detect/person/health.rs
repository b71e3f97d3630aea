//! HEALTH: the health of a person.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "HEALTH",
    about: "The health of a person",
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "diagnosis",
        "diagnoses",
        "icd",
        "icd10",
        "icd 10",
        "medication",
        "medications",
        "prescription",
        "blood type",
        "disability",
        "allergy",
        "allergies",
        "condition code",
        "medical condition",
        "medical history",
        "symptoms",
        "treatment",
        "hiv status",
        "pregnant",
        "mental health",
        "lab result",
        "vaccination",
        "health status",
    ],
    lookalikes: &[],
    examples: &["I10"],
    counterexamples: &[],
};
