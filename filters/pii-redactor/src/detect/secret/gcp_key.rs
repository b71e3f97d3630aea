//! GCP_API_KEY: an API key or OAuth client secret of Google.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GCP_API_KEY",
    about: "An API key or OAuth client secret of Google",
    category: Category::Security,
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["google api key", "gcp"],
    lookalikes: &[],
    examples: &["AIzaSyA1234567890abcdefghijklmnopqrstuv"],
    counterexamples: &["AIzaSy"],
};

/// `AIza` and 35 characters, `GOCSPX-` and 28.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let count = if prefix == b"AIza" { 35 } else { 28 };
    runs.exactly(Class::Base64Url, start.plus(prefix.len()), count)
}
