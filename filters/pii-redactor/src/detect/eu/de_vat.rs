//! DE_VAT_ID: a VAT number of Germany: MOD 11,10.

use crate::detect::prelude::*;

/// Finds a VAT number of Germany: MOD 11,10.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_VAT_ID",
    about: "A VAT number of Germany: MOD 11,10",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["DE999999999"],
        announced: &["DE 999999999", "DE 999 999 999", "DE999 999 999"],
        check,
    },
    checked: true,
    words: &[
        "ust id",
        "ustid",
        "umsatzsteuer",
        "umsatzsteuer id",
        "ustidnr",
        // `USt-IdNr.` is written with a capital in the middle.
        "u st id nr",
        "u st id",
        "ust id nr",
        "u st idnr",
        "umsatzsteuer identifikationsnummer",
        "vat",
        "vat id",
        "vat number",
    ],
    lookalikes: &[],
    examples: &["DE928594931", "DE136695976", "DE 928 594 931"],
    counterexamples: &["DE928594932"],
};

/// MOD 11,10 over nine digits.
fn check(number: &[u8]) -> bool {
    mod11_10(part(number, 2, 11)) && at(number, 2) != b'0'
}
