//! STRIPE_KEY: a secret or restricted key of Stripe, or the secret of a web hook.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// Sixteen characters or more behind the prefix. The secrets of web hooks, as others write them, are in base64.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let class = if prefix == b"whsec_" {
        Class::Base64
    } else {
        Class::Alphanumeric
    };
    runs.at_least(class, start.plus(prefix.len()), 16)
}
