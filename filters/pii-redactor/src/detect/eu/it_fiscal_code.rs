//! IT_FISCAL_CODE: a fiscal code of Italy: a control letter.

use crate::detect::prelude::*;

/// Finds a fiscal code of Italy: a control letter.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IT_FISCAL_CODE",
    about: "A fiscal code of Italy: a control letter",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["AAAAAAXXAXXAXXXA"],
        announced: &[],
        check,
    },
    checked: true,
    words: &[
        "codice fiscale",
        "fiscal code",
        "cf",
        "codicefiscale",
        "tax code",
    ],
    lookalikes: &[],
    examples: &["RSSMRA85T10A562S", "VRCCCL47R16G698J"],
    counterexamples: &["RSSMRA85T10A562T"],
};

/// Odd and even places have values of their own, MOD 26. Digits may be letters of a second set
/// (omocodia).
fn check(code: &[u8]) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
        6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    let sum = part(code, 0, 15)
        .iter()
        .zip([true, false].into_iter().cycle())
        .fold(0_u32, |sum, (byte, odd)| {
            let place = usize::try_from(base36(*byte)).unwrap_or(0);
            let value = match (odd, byte.is_ascii_digit()) {
                (true, _) => ODD.get(place).copied().unwrap_or(0),
                (false, true) => digit(*byte),
                (false, false) => base36(*byte).wrapping_sub(10),
            };
            sum.wrapping_add(value)
        });
    let number = |byte: &u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte);
    b"ABCDEHLMPRST".contains(&at(code, 8))
        && [6, 7, 9, 10, 12, 13, 14]
            .iter()
            .all(|place| code.get(*place).is_some_and(number))
        && u32::from(at(code, 15)) == sum.wrapping_rem(26).wrapping_add(65)
}
