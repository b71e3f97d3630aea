//! US_DRIVER_LICENSE: a number of a driver licence in a form that a state uses.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_DRIVER_LICENSE",
    about: "A number of a driver licence in a form that a state uses",
    presets: CCPA | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "A9999999",
            "A99999999",
            "A999999999",
            "A999999999999",
            "A99999999999999",
            "9999999",
            "99999999",
            "999999999",
            "9999999999",
            "AA999999",
            "AA99999999",
            "AAA999999",
            "A999-9999-9999",
            "A999-999-99-999-9",
            "99AAA9999",
            "A99-99-9999",
            "999AA9999",
        ],
        check: form_only,
    },
    checked: false,
    words: &[
        "driver license",
        "drivers license",
        "driver licence",
        "drivers licence",
        "driving license",
        "driving licence",
        "dl number",
        "dl",
        "license number",
        "driver s license",
        "driver license number",
        "dl no",
        "driverlicense",
        "driverslicense",
        "license",
    ],
    lookalikes: &[],
    examples: &["F1234567", "D12345678901234", "S12345678"],
    counterexamples: &["ABCDEFG"],
};
