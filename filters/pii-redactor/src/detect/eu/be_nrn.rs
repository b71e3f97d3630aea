//! BE_NRN: a national register number of Belgium: a date and MOD 97.

use crate::detect::prelude::*;

/// Finds a national register number of Belgium: a date and MOD 97.
pub(crate) const DETECTOR: Detector = Detector {
    name: "BE_NRN",
    about: "A national register number of Belgium: a date and MOD 97",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["99.99.99-999.99"],
        announced: &["99999999999", "99.99.99.999.99"],
        check,
    },
    checked: true,
    words: &[
        "nrn",
        "rijksregisternummer",
        "national register",
        "numéro national",
        "numero national",
        "niss",
        "insz",
        "registre national",
        "national register number",
    ],
    lookalikes: &[],
    examples: &["85.07.30-033.28", "50101070122"],
    counterexamples: &["85.07.30-033.29"],
};

/// The complement to 97 of the nine digits, with a 2 before them for those born since 2000.
fn check(number: &[u8]) -> bool {
    let value = slice_number(number, 0, 9);
    let check = slice_number(number, 9, 11);
    let complement = |value: u64| 97_u64.wrapping_sub(value % 97);
    let month = slice_number(number, 2, 4) % 20;
    (check == complement(value)
        || slice_number(number, 0, 2) < 50
            && check == complement(value.wrapping_add(2_000_000_000)))
        && month <= 12
        && slice_number(number, 4, 6) <= 31
        && !is_uniform(number)
}
