//! GR_AFM: a tax number of Greece: powers of two.

use crate::detect::prelude::*;

/// Finds a tax number of Greece: powers of two.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GR_AFM",
    about: "A tax number of Greece: powers of two",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999999", "EL999999999"],
        check,
    },
    checked: true,
    words: &["afm", "αφμ", "tax number", "greek tax", "vat"],
    lookalikes: &[],
    examples: &["820375349", "233355264"],
    counterexamples: &["820375348"],
};

/// Weights 256 to 2.
fn check(number: &[u8]) -> bool {
    let number = number.strip_prefix(b"EL").unwrap_or(number);
    weighted(number, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == nth(number, 8)
        && !is_uniform(number)
}
