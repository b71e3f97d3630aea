//! PT_NIF: a tax number of Portugal: MOD 11.

use crate::detect::prelude::*;

/// Finds a tax number of Portugal: MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PT_NIF",
    about: "A tax number of Portugal: MOD 11",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "999 999 999", "PT999999999"],
        check,
    },
    checked: true,
    words: &[
        "nif",
        "contribuinte",
        "nif number",
        "número de contribuinte",
        "numero de contribuinte",
        "nipc",
    ],
    lookalikes: &[],
    examples: &["219984280", "299712702"],
    counterexamples: &["219984281", "019984280"],
};

/// Weights 9 to 2.
fn check(number: &[u8]) -> bool {
    let number = number.strip_prefix(b"PT").unwrap_or(number);
    let remainder = weighted(number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if remainder < 2 {
        0
    } else {
        11_u32.wrapping_sub(remainder)
    };
    number.first() != Some(&b'0') && check == nth(number, 8) && !is_uniform(number)
}
