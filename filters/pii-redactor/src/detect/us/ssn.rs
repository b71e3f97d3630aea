//! US_SSN: a social security number: area, group and serial that can have been issued.

use crate::detect::prelude::*;

/// Finds a social security number: area, group and serial that can have been issued.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_SSN",
    about: "A social security number: area, group and serial that can have been issued",
    category: Category::Governmental,
    presets: GDPR | CCPA | HIPAA,
    form: Form::Shapes {
        alone: &["999-99-9999"],
        announced: &["999999999", "999 99 9999"],
        check,
    },
    checked: true,
    words: &[
        "ssn",
        "social security",
        "social security number",
        "social security no",
        "ss number",
        "ss no",
        "socialsecurity",
        "socialsecuritynumber",
        "ssn number",
        "ssns",
        "tax payer id",
        "taxpayer id",
    ],
    lookalikes: &[],
    examples: &["536-22-8145", "078-05-1121"],
    counterexamples: &[
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "078-05-1120",
        "219-09-9999",
        "123-45-67890",
    ],
};

/// No area 000, 666 or 900 to 999, no group 00, no serial 0000, and none of the numbers that
/// advertisements made famous.
fn check(number: &[u8]) -> bool {
    let (area, group, serial) = (
        slice_number(number, 0, 3),
        slice_number(number, 3, 5),
        slice_number(number, 5, 9),
    );
    let famous = matches!(number, b"078051120" | b"219099999" | b"457555462");
    let advertised = area == 987 && group == 65 && (4320..=4329).contains(&serial);
    !matches!(area, 0 | 666 | 900..)
        && group != 0
        && serial != 0
        && !famous
        && !advertised
        && !is_uniform(number)
}
