//! HR_OIB: a personal number of Croatia: MOD 11,10.

use crate::detect::prelude::*;

/// Finds a personal number of Croatia: MOD 11,10.
pub(crate) const DETECTOR: Detector = Detector {
    name: "HR_OIB",
    about: "A personal number of Croatia: MOD 11,10",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &[
        "oib",
        "osobni identifikacijski broj",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["94746133038", "51395283678"],
    counterexamples: &["94746133039"],
};

/// MOD 11,10.
fn check(number: &[u8]) -> bool {
    mod11_10(number) && !is_uniform(number)
}
