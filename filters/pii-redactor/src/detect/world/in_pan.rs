//! IN_PAN: a permanent account number of India.

use crate::detect::prelude::*;

/// Finds a permanent account number of India.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IN_PAN",
    about: "A permanent account number of India",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["AAAAA9999A"],
        check,
    },
    checked: true,
    words: &[
        "pan",
        "pan number",
        "permanent account number",
        "pan card",
        "pan no",
    ],
    lookalikes: &[],
    examples: &["YUJPD1172Y", "AFZPK7190K"],
    counterexamples: &["AFZXK7190K", "AFZPK0000K"],
};

/// The fourth letter is the kind of holder.
fn check(number: &[u8]) -> bool {
    b"ABCFGHJLPT".contains(&at(number, 3)) && part(number, 5, 9) != b"0000"
}
