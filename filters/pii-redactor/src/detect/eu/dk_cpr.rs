//! DK_CPR: a personal number of Denmark: a date; since 2007 without a check digit.

use crate::detect::prelude::*;

/// Finds a personal number of Denmark: a date; since 2007 without a check digit.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DK_CPR",
    about: "A personal number of Denmark: a date; since 2007 without a check digit",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999-9999", "9999999999"],
        check,
    },
    checked: true,
    words: &[
        "cpr",
        "cpr nummer",
        "cpr number",
        "personnummer",
        "cpr nr",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["211062-5629", "2107847807"],
    counterexamples: &["331062-5629"],
};

/// A day of birth.
fn check(number: &[u8]) -> bool {
    date::ddmmyy(number, 0) && !is_uniform(part(number, 6, 10))
}
