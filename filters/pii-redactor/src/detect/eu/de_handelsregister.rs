//! DE_HANDELSREGISTER: a number in a German trade register.

use crate::detect::prelude::*;

/// Finds a number in a German trade register.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_HANDELSREGISTER",
    about: "A number in a German trade register",
    category: Category::Business,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "HRB 9999",
            "HRB 99999",
            "HRB 999999",
            "HRA 9999",
            "HRA 99999",
            "HRB9999",
            "HRB99999",
            "HRB999999",
            "HRA99999",
        ],
        check,
    },
    checked: false,
    words: &[
        "handelsregister",
        "hrb",
        "hra",
        "registergericht",
        "handelsregisternummer",
        "amtsgericht",
    ],
    lookalikes: &[],
    examples: &["HRB 12345", "HRA 9876"],
    counterexamples: &["HRC 12345"],
};

/// Division A or B, and a number.
fn check(number: &[u8]) -> bool {
    begins_with(number, &[b"HRA", b"HRB"])
}
