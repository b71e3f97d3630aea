//! GCP_API_KEY: an API key or OAuth client secret of Google.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GCP_API_KEY",
    about: "An API key or OAuth client secret of Google",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["google api key", "gcp"],
    examples: &["AIzaSyA1234567890abcdefghijklmnopqrstuv"],
    counterexamples: &["AIzaSy"],
};

/// `AIza` and 35 characters, `GOCSPX-` and 28.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if at(text, start) == b'G' {
        super::exactly(text, start.plus(7), 28, is_part)
    } else {
        super::exactly(text, start.plus(4), 35, is_part)
    }
}
