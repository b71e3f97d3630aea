//! HEALTH_PLAN: the number of a beneficiary or member of a health plan.

use crate::detect::prelude::*;

/// Finds the number of a beneficiary or member of a health plan.
pub(crate) const DETECTOR: Detector = Detector {
    name: "HEALTH_PLAN",
    about: "The number of a beneficiary or member of a health plan",
    category: Category::Health,
    presets: GDPR | CCPA | HIPAA,
    form: Form::Named,
    checked: false,
    words: &[
        "member id",
        "member number",
        "beneficiary",
        "beneficiary id",
        "beneficiary number",
        "subscriber id",
        "policy number",
        "insurance number",
        "insurance id",
        "insurance policy",
        "health plan number",
        "group number",
        "health insurance",
        "medicaid id",
        "medicaid number",
        "subscriber number",
        "health plan id",
        "insurance identifier",
    ],
    lookalikes: &[],
    examples: &["XYZ123456789"],
    counterexamples: &[],
};
