//! DE_ID_CARD: a number of a German identity card: ICAO 9303.

use crate::detect::prelude::*;

/// Finds a number of a German identity card: ICAO 9303.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_ID_CARD",
    about: "A number of a German identity card: ICAO 9303",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["XXXXXXXXX9", "A99999999", "XXXXXXXXX"],
        check,
    },
    checked: true,
    words: &[
        "personalausweis",
        "ausweisnummer",
        "personalausweisnummer",
        "id card",
        "ausweis",
        "identity card",
    ],
    lookalikes: &[],
    examples: &["L01X00T471", "T220001293"],
    counterexamples: &["L01X00T472"],
};

/// The letters that are given out; with a tenth character, the check digit.
fn check(number: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    at(number, 0).is_ascii_alphabetic()
        && part(number, 0, 9).iter().all(allowed)
        && number.iter().any(u8::is_ascii_digit)
        && (number.len() == 9 || icao_731(number))
}
