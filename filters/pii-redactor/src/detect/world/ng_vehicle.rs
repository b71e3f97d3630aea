//! NG_VEHICLE_REGISTRATION: a Nigerian number plate.

use crate::detect::prelude::*;

/// Finds a Nigerian number plate.
pub(crate) const DETECTOR: Detector = Detector {
    name: "NG_VEHICLE_REGISTRATION",
    about: "A Nigerian number plate",
    category: Category::Personal,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["AAA-999AA", "AAA 999 AA", "AAA999AA", "AAA-999-AA"],
        check,
    },
    checked: false,
    words: &[
        "vehicle registration",
        "number plate",
        "plate number",
        "registration number",
        "license plate",
    ],
    lookalikes: &[],
    examples: &["ABC-123DE"],
    counterexamples: &["ABC-000DE"],
};

/// A number that is not nothing.
fn check(number: &[u8]) -> bool {
    part(number, 3, 6) != b"000"
}
