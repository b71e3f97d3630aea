//! FR_NIR: a social security number of France: MOD 97.

use crate::detect::prelude::*;

/// Finds a social security number of France: MOD 97.
pub(crate) const DETECTOR: Detector = Detector {
    name: "FR_NIR",
    about: "A social security number of France: MOD 97",
    category: Category::Governmental,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &["9 99 99 99 999 999 99"],
        announced: &[
            "999999999999999",
            "9 99 99 9X 999 999 99",
            "99999XX99999999",
        ],
        check,
    },
    checked: true,
    words: &[
        "nir",
        "insee",
        "sécurité sociale",
        "securite sociale",
        "numero de securite sociale",
        "carte vitale",
        "num secu",
        "numéro de sécurité sociale",
    ],
    lookalikes: &[],
    examples: &["2 55 08 14 168 025 38", "255081416802538"],
    counterexamples: &["255081416802539"],
};

/// Sex, month and key; 2A and 2B of Corsica count as 19 and 18.
fn check(number: &[u8]) -> bool {
    let mut digits: Vec<u8> = number.to_vec();
    if let Some(letter) = digits.get_mut(6) {
        match letter {
            b'A' => *letter = b'9',
            b'B' => *letter = b'8',
            _ => {}
        }
    }
    let corsica = number.get(6).is_some_and(u8::is_ascii_alphabetic);
    if corsica {
        if number.get(5) != Some(&b'2') {
            return false;
        }
        if let Some(tens) = digits.get_mut(5) {
            *tens = b'1';
        }
    }
    let value = slice_number(&digits, 0, 13);
    let month = slice_number(&digits, 3, 5);
    is_digits(&digits)
        && matches!(at(number, 0), b'1'..=b'4' | b'7' | b'8')
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && slice_number(&digits, 13, 15) == 97_u64.wrapping_sub(value % 97)
}
