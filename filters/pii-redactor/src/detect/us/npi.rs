//! US_NPI: a national provider identifier: ten digits, Luhn over 80840 and the number.

use crate::detect::prelude::*;

/// Finds a national provider identifier: ten digits, Luhn over 80840 and the number.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_NPI",
    about: "A national provider identifier: ten digits, Luhn over 80840 and the number",
    category: Category::Health,
    presets: HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999"],
        check,
    },
    checked: true,
    words: &[
        "npi",
        "national provider identifier",
        "provider id",
        "npi number",
        "provider number",
        "provider npi",
    ],
    lookalikes: &[],
    examples: &["1234567893"],
    counterexamples: &["1234567890", "3234567893"],
};

/// Begins with 1 or 2; the prefix adds 24 to the Luhn sum.
fn check(number: &[u8]) -> bool {
    matches!(number.first(), Some(b'1' | b'2')) && luhn_sum(number).wrapping_add(24) % 10 == 0
}
