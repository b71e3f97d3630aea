//! SE_PERSONNUMMER: a personal number of Sweden: a date and Luhn.

use crate::detect::prelude::*;

/// Finds a personal number of Sweden: a date and Luhn.
pub(crate) const DETECTOR: Detector = Detector {
    name: "SE_PERSONNUMMER",
    about: "A personal number of Sweden: a date and Luhn",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "999999-9999",
            "9999999999",
            "999999+9999",
            "99999999-9999",
            "999999999999",
        ],
        check,
    },
    checked: true,
    words: &[
        "personnummer",
        "personal number",
        "pnr",
        "samordningsnummer",
        "national id",
        "identity number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["811228-9874", "070123-9774"],
    counterexamples: &["811228-9873", "811328-9874"],
};

/// A day of birth (plus 60 for those without a registered one), then Luhn over ten digits.
fn check(number: &[u8]) -> bool {
    let plain: Vec<u8> = number.iter().copied().filter(u8::is_ascii_digit).collect();
    let ten = part(&plain, plain.len().less(10), plain.len());
    let day = slice_number(ten, 4, 6);
    let day = if day > 60 { day.wrapping_sub(60) } else { day };
    ten.len() == 10
        && date::exists(slice_number(ten, 0, 2), slice_number(ten, 2, 4), day)
        && luhn(ten)
}
