//! NZ_IRD: a tax number of New Zealand: MOD 11 with a second try.

use crate::detect::prelude::*;

/// Finds a tax number of New Zealand: MOD 11 with a second try.
pub(crate) const DETECTOR: Detector = Detector {
    name: "NZ_IRD",
    about: "A tax number of New Zealand: MOD 11 with a second try",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999", "999999999", "99-999-999", "999-999-999"],
        check,
    },
    checked: true,
    words: &["ird", "ird number", "inland revenue", "ird no"],
    lookalikes: &[],
    examples: &["048-813-232", "49091850"],
    counterexamples: &["048-813-233"],
};

/// Weights, and other weights where the first give ten.
fn check(number: &[u8]) -> bool {
    let value = slice_number(number, 0, number.len());
    let mut padded = [b'0'; 9];
    let offset = 9_usize.less(number.len());
    for (to, from) in padded.iter_mut().skip(offset).zip(number) {
        *to = *from;
    }
    let digit_of = |weights: &[u32]| match weighted(&padded, weights) % 11 {
        0 => 0,
        remainder => 11_u32.wrapping_sub(remainder),
    };
    let mut check = digit_of(&[3, 2, 7, 6, 5, 4, 3, 2]);
    if check == 10 {
        check = digit_of(&[7, 4, 3, 2, 5, 2, 7, 6]);
    }
    (10_000_000..150_000_000).contains(&value) && check == nth(&padded, 8)
}
