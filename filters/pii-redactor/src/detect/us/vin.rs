//! VIN: a vehicle identification number (ISO 3779) with its check digit.

use crate::detect::prelude::*;

/// Finds a vehicle identification number (ISO 3779) with its check digit.
pub(crate) const DETECTOR: Detector = Detector {
    name: "VIN",
    about: "A vehicle identification number (ISO 3779) with its check digit",
    category: Category::Personal,
    presets: HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &["XXXXXXXXXXXXXXXXX"],
        check,
    },
    checked: true,
    words: &[
        "vin",
        "vehicle identification",
        "vehicle identification number",
        "vehicle id",
        "chassis number",
        "vin number",
        "vehicle",
    ],
    lookalikes: &[],
    examples: &["1HGCM82633A004352", "1M8GDM9AXKP042788"],
    counterexamples: &["1HGCM82633A004353", "1HGCM82633O004352"],
};

/// No I, O or Q; the ninth character is the check digit over the others, X for ten.
fn check(number: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    const LETTERS: [u32; 26] = [
        1, 2, 3, 4, 5, 6, 7, 8, 99, 1, 2, 3, 4, 5, 99, 7, 99, 9, 2, 3, 4, 5, 6, 7, 8, 9,
    ];
    let value = |byte: &u8| {
        if byte.is_ascii_digit() {
            digit(*byte)
        } else {
            let place = usize::from(byte.wrapping_sub(b'A'));
            LETTERS.get(place).copied().unwrap_or(99)
        }
    };
    let sum = number
        .iter()
        .zip(WEIGHTS)
        .fold(0_u32, |sum, (byte, weight)| {
            sum.wrapping_add(value(byte).wrapping_mul(weight))
        });
    let check = match at(number, 8) {
        b'X' => 10,
        other if other.is_ascii_digit() => digit(other),
        _ => 99,
    };
    !number.iter().any(|byte| b"IOQ".contains(byte)) && sum % 11 == check && !is_uniform(number)
}
