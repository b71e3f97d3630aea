//! DE_TAX_ID: a tax identification number of Germany: MOD 11,10 and a rule on repeated digits.

use crate::detect::prelude::*;

/// Finds a tax identification number of Germany: MOD 11,10 and a rule on repeated digits.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_TAX_ID",
    about: "A tax identification number of Germany: MOD 11,10 and a rule on repeated digits",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999", "99 999 999 999"],
        check,
    },
    checked: true,
    words: &[
        "steuer id",
        "steuerid",
        "steueridentifikationsnummer",
        "idnr",
        "identifikationsnummer",
        "tax id",
        "steuerliche identifikationsnummer",
        "tax identification number",
        "tin",
    ],
    lookalikes: &[],
    examples: &["42176490358", "86095742719"],
    counterexamples: &["42176490359", "86085832915"],
};

/// Among the first ten digits one occurs two or three times and no other twice.
fn check(number: &[u8]) -> bool {
    let ten = part(number, 0, 10);
    let counts = (b'0'..=b'9').map(|byte| ten.iter().filter(|found| **found == byte).count());
    let repeated: Vec<usize> = counts.filter(|count| *count > 1).collect();
    number.first() != Some(&b'0') && matches!(repeated.as_slice(), [2 | 3]) && mod11_10(number)
}
