//! ZA_ID_NUMBER: an identity number of South Africa: a date and Luhn.

use crate::detect::prelude::*;

/// Finds an identity number of South Africa: a date and Luhn.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ZA_ID_NUMBER",
    about: "An identity number of South Africa: a date and Luhn",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999999", "999999 9999 999"],
        check,
    },
    checked: true,
    words: &[
        "id number",
        "south african id",
        "sa id",
        "identity number",
        "rsa id",
        "national id",
    ],
    lookalikes: &[],
    examples: &["8412043249084", "7206110743081"],
    counterexamples: &["8412043249085", "8413043249084"],
};

/// A day of birth, citizenship 0 to 2, Luhn.
fn check(number: &[u8]) -> bool {
    date::yymmdd(number, 0) && matches!(at(number, 10), b'0'..=b'2') && luhn(number)
}
