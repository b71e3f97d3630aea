//! MEDICAL_LICENSE: a registration number of the Drug Enforcement Administration.

use crate::detect::prelude::*;

/// Finds a registration number of the Drug Enforcement Administration.
pub(crate) const DETECTOR: Detector = Detector {
    name: "MEDICAL_LICENSE",
    about: "A registration number of the Drug Enforcement Administration",
    category: Category::Health,
    presets: HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["AA9999999"],
        check,
    },
    checked: true,
    words: &[
        "dea",
        "dea number",
        "dea registration",
        "medical license",
        "prescriber",
    ],
    lookalikes: &[],
    examples: &["AB1234563", "FB1234563"],
    counterexamples: &["AB1234564", "QB1234563"],
};

/// A kind of registrant, and the check digit over the others.
fn check(number: &[u8]) -> bool {
    let digits = part(number, 2, 9);
    let sum = weighted(digits, &[1, 2, 1, 2, 1, 2]);
    number
        .first()
        .is_some_and(|kind| b"ABCDEFGHJKLMPRSTUX".contains(kind))
        && sum % 10 == nth(digits, 6)
        && !is_uniform(digits)
}
