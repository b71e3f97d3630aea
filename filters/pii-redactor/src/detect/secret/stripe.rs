//! STRIPE_KEY: a secret or restricted key of Stripe, or the secret of a web hook.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// Sixteen characters or more behind the prefix.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    runs.at_least(Class::Alphanumeric, start.plus(prefix.len()), 16)
}
