//! BR_CPF: a taxpayer number of people in Brazil: two check digits.

use crate::detect::prelude::*;

/// Finds a taxpayer number of people in Brazil: two check digits.
pub(crate) const DETECTOR: Detector = Detector {
    name: "BR_CPF",
    about: "A taxpayer number of people in Brazil: two check digits",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &["999.999.999-99"],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &[
        "cpf",
        "cpf number",
        "cadastro de pessoas",
        "número cpf",
        "numero cpf",
    ],
    lookalikes: &[],
    examples: &["680.816.832-67", "27613128210"],
    counterexamples: &["680.816.832-68", "111.111.111-11"],
};

/// Weights 10 to 2, then 11 to 2.
fn check(number: &[u8]) -> bool {
    let check = |sum: u32| match sum % 11 {
        0 | 1 => 0,
        remainder => 11_u32.wrapping_sub(remainder),
    };
    check(weighted(number, &[10, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 9)
        && check(weighted(number, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 10)
        && !is_uniform(number)
}
