//! NL_BSN: a citizen service number of the Netherlands: the eleven test.

use crate::detect::prelude::*;

/// Finds a citizen service number of the Netherlands: the eleven test.
pub(crate) const DETECTOR: Detector = Detector {
    name: "NL_BSN",
    about: "A citizen service number of the Netherlands: the eleven test",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "99999999", "9999.99.999"],
        check,
    },
    checked: true,
    words: &[
        "bsn",
        "burgerservicenummer",
        "sofi",
        "sofinummer",
        "sofi nummer",
        "citizen service number",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["808772922", "111222333"],
    counterexamples: &["808772923", "000000000"],
};

/// Weights 9 to 2 and minus 1.
fn check(number: &[u8]) -> bool {
    let nine = number.len() == 9;
    let sum = if nine {
        weighted(number, &[9, 8, 7, 6, 5, 4, 3, 2, 10])
    } else {
        weighted(number, &[8, 7, 6, 5, 4, 3, 2, 10])
    };
    sum % 11 == 0 && !is_uniform(number)
}
