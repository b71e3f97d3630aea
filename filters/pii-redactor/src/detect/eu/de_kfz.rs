//! DE_KFZ: a German number plate.

use crate::detect::prelude::*;

/// Finds a German number plate.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_KFZ",
    about: "A German number plate",
    category: Category::Personal,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["Aaa-Aa?9ddda"],
        check,
    },
    checked: false,
    words: &[
        "kennzeichen",
        "kfz",
        "kfz kennzeichen",
        "nummernschild",
        "license plate",
        "autokennzeichen",
    ],
    lookalikes: &[],
    examples: &[
        "B-MW 1234",
        "M-AB 123",
        "HH-X 7",
        "B-MW1234",
        "KA-PA 777E",
        "MÜ-AB 12",
    ],
    counterexamples: &["B-MW", "B-MW 1234X", "B-MW 0123"],
};

/// No number begins with zero, and behind it stands nothing but `E` or `H`.
fn check(plate: &[u8]) -> bool {
    let letters = crate::bytes::count_while(plate, 0, |byte| byte.is_ascii_alphabetic());
    let last = plate.last().copied().unwrap_or(0);
    at(plate, letters) != b'0' && (last.is_ascii_digit() || matches!(last, b'E' | b'H'))
}
