//! BR_CNPJ: a taxpayer number of companies in Brazil: two check digits.

use crate::detect::prelude::*;

/// Finds a taxpayer number of companies in Brazil: two check digits.
pub(crate) const DETECTOR: Detector = Detector {
    name: "BR_CNPJ",
    about: "A taxpayer number of companies in Brazil: two check digits",
    category: Category::Business,
    presets: 0,
    form: Form::Shapes {
        alone: &["99.999.999/9999-99"],
        announced: &["99999999999999"],
        check,
    },
    checked: true,
    words: &["cnpj", "cnpj number", "cadastro nacional"],
    lookalikes: &[],
    examples: &["31.351.200/3366-17", "54504700207596"],
    counterexamples: &["31.351.200/3366-18"],
};

/// Weights 5 to 2 and 9 to 2, then 6 to 2 and 9 to 2.
fn check(number: &[u8]) -> bool {
    let check = |sum: u32| match sum % 11 {
        0 | 1 => 0,
        remainder => 11_u32.wrapping_sub(remainder),
    };
    check(weighted(number, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 12)
        && check(weighted(number, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 13)
        && !is_uniform(number)
}
