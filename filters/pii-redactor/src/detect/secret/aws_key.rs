//! AWS_ACCESS_KEY: the id of an AWS access key.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AWS_ACCESS_KEY",
    about: "The id of an AWS access key",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["aws", "access key", "aws access key id"],
    examples: &["AKIAIOSFODNN7EXAMPLE"],
    counterexamples: &["AKIAIOSFODNN7EXAMPL", "AKIAiosfodnn7example"],
};

/// Sixteen letters or digits of base 32 behind the prefix.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    super::exactly(text, start.plus(4), 16, is_part)
}
