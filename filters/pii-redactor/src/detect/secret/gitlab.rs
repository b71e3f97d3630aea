//! GITLAB_TOKEN: a token of GitLab.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GITLAB_TOKEN",
    about: "A token of GitLab",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["gitlab token"],
    examples: &["glpat-0123456789abcdefghij"],
    counterexamples: &["glpat-short"],
};

/// Twenty characters or more behind the prefix.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let prefix = crate::bytes::count_while(text, start, |byte| byte != b'-').plus(1);
    super::at_least(text, start.plus(prefix), 20, is_part)
}
