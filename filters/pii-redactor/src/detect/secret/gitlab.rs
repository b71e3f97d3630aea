//! GITLAB_TOKEN: a token of GitLab.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GITLAB_TOKEN",
    about: "A token of GitLab",
    category: Category::Security,
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["gitlab token"],
    lookalikes: &[],
    examples: &["glpat-0123456789abcdefghij"],
    counterexamples: &["glpat-short"],
};

/// Twenty characters or more behind the prefix.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    runs.at_least(Class::Base64Url, start.plus(prefix.len()), 20)
}
