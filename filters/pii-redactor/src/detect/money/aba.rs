//! ABA_ROUTING_NUMBER: a routing number of United States banks: weights 3, 7, 1.

use crate::detect::prelude::*;

/// Finds a routing number of United States banks: weights 3, 7, 1.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ABA_ROUTING_NUMBER",
    about: "A routing number of United States banks: weights 3, 7, 1",
    category: Category::Financial,
    presets: CCPA | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "9999-9999-9"],
        check,
    },
    checked: true,
    words: &[
        "aba",
        "routing",
        "routing number",
        "routing no",
        "aba number",
        "aba routing",
        "rtn",
        "bank routing",
        "transit number",
        "ach routing",
    ],
    lookalikes: &[],
    examples: &["023904248", "021000021"],
    counterexamples: &["023904249", "999999990"],
};

/// A prefix that a Federal Reserve district has, and weights 3, 7, 1.
fn check(number: &[u8]) -> bool {
    let district = slice_number(number, 0, 2);
    matches!(district, 0..=12 | 21..=32 | 61..=72 | 80)
        && weighted(number, &[3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 == 0
        && !is_uniform(number)
}
