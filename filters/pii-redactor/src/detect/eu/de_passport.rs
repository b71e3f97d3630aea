//! DE_PASSPORT: a number of a German passport: ICAO 9303.

use crate::detect::prelude::*;

/// Finds a number of a German passport: ICAO 9303.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_PASSPORT",
    about: "A number of a German passport: ICAO 9303",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["XXXXXXXXX", "XXXXXXXXX9"],
        check,
    },
    checked: true,
    words: &[
        "reisepass",
        "passport",
        "reisepassnummer",
        "passnummer",
        "pass nr",
        "passport number",
    ],
    lookalikes: &[],
    examples: &["C01X00T478", "CF2345678"],
    counterexamples: &["C01X00T479", "AAAAAAAAA"],
};

/// Begins with C, F, G, H, J or K; with a tenth character, the check digit.
fn check(number: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    b"CFGHJK".contains(&at(number, 0))
        && part(number, 0, 9).iter().all(allowed)
        && number.iter().any(u8::is_ascii_digit)
        && (number.len() == 9 || icao_731(number))
}
