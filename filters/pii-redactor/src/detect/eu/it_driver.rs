//! IT_DRIVER_LICENSE: a number of an Italian driving licence.

use crate::detect::prelude::*;

/// Finds a number of an Italian driving licence.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IT_DRIVER_LICENSE",
    about: "A number of an Italian driving licence",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["AA9999999A", "U1XXXXXXXA"],
        check,
    },
    checked: false,
    words: &[
        "patente",
        "driver license",
        "driving licence",
        "numero patente",
        "patente di guida",
    ],
    lookalikes: &[],
    examples: &["AA1234567B"],
    counterexamples: &["AA0000000B"],
};

/// A number that is not nothing.
fn check(number: &[u8]) -> bool {
    !is_uniform(part(number, 2, 9))
}
