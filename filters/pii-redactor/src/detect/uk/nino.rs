//! UK_NINO: a national insurance number.

use crate::detect::prelude::*;

/// Finds a national insurance number.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UK_NINO",
    about: "A national insurance number",
    category: Category::Governmental,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &["AA999999A", "AA 99 99 99 A"],
        announced: &["AA 999999 A", "AA-99-99-99-A", "AA999999"],
        check,
    },
    checked: true,
    words: &[
        "nino",
        "national insurance",
        "national insurance number",
        "ni number",
        "ni no",
        "insurance number",
    ],
    lookalikes: &[],
    examples: &["AB123456C", "JG 10 37 59 A"],
    counterexamples: &["DB123456C", "GB123456A", "AO123456C", "AB123456E"],
};

/// Letters that are given out, and A to D at the end.
fn check(number: &[u8]) -> bool {
    let (first, second) = (at(number, 0), at(number, 1));
    !b"DFIQUV".contains(&first)
        && !b"DFIOQUV".contains(&second)
        && !begins_with(number, &[b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"])
        && number
            .get(8)
            .is_none_or(|last| (b'A'..=b'D').contains(last))
}
