//! IT_VAT_CODE: a VAT number of Italy: Luhn.

use crate::detect::prelude::*;

/// Finds a VAT number of Italy: Luhn.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IT_VAT_CODE",
    about: "A VAT number of Italy: Luhn",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999", "IT99999999999"],
        check,
    },
    checked: true,
    words: &[
        "partita iva",
        "piva",
        "p iva",
        "vat",
        "vat number",
        "vat code",
        "iva",
    ],
    lookalikes: &[],
    examples: &["83760590154", "IT56977720368"],
    counterexamples: &["83760590155"],
};

/// Luhn over eleven digits.
fn check(number: &[u8]) -> bool {
    luhn(number.strip_prefix(b"IT").unwrap_or(number))
}
