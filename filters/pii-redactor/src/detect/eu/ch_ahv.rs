//! CH_AHV: a social security number of Switzerland: EAN-13.

use crate::detect::prelude::*;

/// Finds a social security number of Switzerland: EAN-13.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CH_AHV",
    about: "A social security number of Switzerland: EAN-13",
    category: Category::Governmental,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &["756.9999.9999.99"],
        announced: &["7569999999999"],
        check,
    },
    checked: true,
    words: &[
        "ahv",
        "avs",
        "ahv nummer",
        "ahv nr",
        "avs number",
        "navs",
        "sozialversicherungsnummer",
    ],
    lookalikes: &[],
    examples: &["756.4390.6653.77", "7569490009847"],
    counterexamples: &["756.4390.6653.78"],
};

/// Weights 1 and 3.
fn check(number: &[u8]) -> bool {
    weighted(number, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 == 0
}
