//! ES_NIE: a number of foreigners in Spain: MOD 23.

use crate::detect::prelude::*;

/// Finds a number of foreigners in Spain: MOD 23.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ES_NIE",
    about: "A number of foreigners in Spain: MOD 23",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["A9999999A", "A-9999999-A", "A9999999-A"],
        announced: &[],
        check,
    },
    checked: true,
    words: &["nie", "nie number", "extranjero"],
    lookalikes: &[],
    examples: &["Y1750285E", "X-5256782-V"],
    counterexamples: &["Y1750285F"],
};

/// X, Y or Z stands for 0, 1 or 2.
fn check(number: &[u8]) -> bool {
    let first = match at(number, 0) {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return false,
    };
    let value = slice_number(number, 1, 8).wrapping_add(10_000_000_u64.wrapping_mul(first));
    letter_at(
        number,
        8,
        b"TRWAGMYFPDXBNJZSQVHLCKE",
        u32::try_from(value % 23).unwrap_or(99),
    )
}
