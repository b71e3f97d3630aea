//! SG_UEN: a unique entity number of Singapore.

use crate::detect::prelude::*;

/// Finds a unique entity number of Singapore.
pub(crate) const DETECTOR: Detector = Detector {
    name: "SG_UEN",
    about: "A unique entity number of Singapore",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999A", "999999999A", "A99AA9999A"],
        check,
    },
    checked: true,
    words: &[
        "uen",
        "unique entity number",
        "company registration",
        "uen number",
    ],
    lookalikes: &[],
    examples: &["13175392D", "94013744E"],
    counterexamples: &["13175392E"],
};

/// The businesses' form has a check letter; of the others the form is checked.
fn check(number: &[u8]) -> bool {
    match number.len() {
        9 => {
            let sum = weighted(number, &[10, 4, 9, 3, 8, 2, 7, 1]) % 11;
            letter_at(number, 8, b"XMKECAWLJDB", sum)
        }
        10 if number.first().is_some_and(u8::is_ascii_digit) => {
            let sum = weighted(number, &[10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11;
            (1900..2100).contains(&slice_number(number, 0, 4))
                && letter_at(number, 9, b"ZKCMDNERGWH", sum)
        }
        _ => matches!(number.first(), Some(b'R' | b'S' | b'T')),
    }
}
