//! AWS_ACCESS_KEY: the id of an AWS access key.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// Sixteen letters or digits of base 32 behind the prefix.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, _: &[u8]) -> Option<usize> {
    runs.exactly(Class::Base32, start.plus(4), 16)
}
