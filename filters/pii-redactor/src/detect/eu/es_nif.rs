//! ES_NIF: a tax number of people in Spain: MOD 23.

use crate::detect::prelude::*;

/// Finds a tax number of people in Spain: MOD 23.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ES_NIF",
    about: "A tax number of people in Spain: MOD 23",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["99999999A", "99999999-A"],
        announced: &[],
        check,
    },
    checked: true,
    words: &["nif", "dni", "nif number", "dni number", "documento"],
    lookalikes: &[],
    examples: &["74981001N", "12345678-Z"],
    counterexamples: &["74981001M"],
};

/// The letter is the remainder by 23.
fn check(number: &[u8]) -> bool {
    letter_at(
        number,
        8,
        b"TRWAGMYFPDXBNJZSQVHLCKE",
        remainder(part(number, 0, 8), 23),
    )
}
