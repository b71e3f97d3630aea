//! AWS_ACCESS_KEY: the id of an AWS access key.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// Finds the id of an AWS access key.
pub(crate) const DETECTOR: Detector = Detector {
    name: "AWS_ACCESS_KEY",
    about: "The id of an AWS access key",
    category: Category::Security,
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["aws", "access key", "aws access key id"],
    lookalikes: &[],
    examples: &["AKIAIOSFODNN7EXAMPLE"],
    counterexamples: &["AKIAIOSFODNN7EXAMPL", "AKIAiosfodnn7example"],
};

/// Sixteen letters or digits of base 32 behind the prefix.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, _: &[u8]) -> Option<usize> {
    runs.exactly(Class::Base32, start.plus(4), 16)
}
