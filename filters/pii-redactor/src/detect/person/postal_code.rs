//! POSTAL_CODE: a postal code; the usual action keeps three digits.

use crate::detect::prelude::*;

/// Finds a postal code; the usual action keeps three digits.
pub(crate) const DETECTOR: Detector = Detector {
    name: "POSTAL_CODE",
    about: "A postal code; the usual action keeps three digits",
    category: Category::Personal,
    presets: GDPR | HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "zip",
        "zip code",
        "zipcode",
        "postal code",
        "postalcode",
        "postcode",
        "post code",
        "plz",
        "zip 4",
        "zip5",
        "cap code",
        "code postal",
    ],
    lookalikes: &[],
    examples: &["94110", "94110-1234", "SW1A 1AA"],
    counterexamples: &["not a code at all"],
};

/// Up to ten letters, digits, spaces and dashes, a digit among them.
fn check(value: &[u8]) -> bool {
    value.len() <= 10
        && value.iter().any(u8::is_ascii_digit)
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'*'))
}
