//! SE_ORGANISATIONSNUMMER: an organisation number of Sweden: Luhn.

use crate::detect::prelude::*;

/// Finds an organisation number of Sweden: Luhn.
pub(crate) const DETECTOR: Detector = Detector {
    name: "SE_ORGANISATIONSNUMMER",
    about: "An organisation number of Sweden: Luhn",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999-9999", "9999999999"],
        check,
    },
    checked: true,
    words: &[
        "organisationsnummer",
        "org nr",
        "orgnr",
        "organisation number",
        "org number",
    ],
    lookalikes: &[],
    examples: &["556036-0793", "5567322226"],
    counterexamples: &["556036-0794", "811228-9874"],
};

/// The third digit is at least 2, so that it is no month; Luhn.
fn check(number: &[u8]) -> bool {
    at(number, 2) >= b'2' && luhn(number)
}
