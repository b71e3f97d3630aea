//! MEDICAL_RECORD: the number of a medical record.

use crate::detect::prelude::*;

/// Finds the number of a medical record.
pub(crate) const DETECTOR: Detector = Detector {
    name: "MEDICAL_RECORD",
    about: "The number of a medical record",
    category: Category::Health,
    presets: GDPR | CCPA | HIPAA,
    form: Form::Named,
    checked: false,
    words: &[
        "mrn",
        "medical record",
        "medical record number",
        "patient id",
        "patient number",
        "patient identifier",
        "chart number",
        "encounter id",
        "encounter number",
        "health record number",
        "chart no",
        "accession number",
        "mrn number",
    ],
    lookalikes: &[],
    examples: &["MRN-0012345"],
    counterexamples: &[],
};
