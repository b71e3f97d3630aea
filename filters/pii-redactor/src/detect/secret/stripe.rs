//! STRIPE_KEY: a secret or restricted key of Stripe, or the secret of a web hook.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// Finds a secret or restricted key of Stripe, or the secret of a web hook.
pub(crate) const DETECTOR: Detector = Detector {
    name: "STRIPE_KEY",
    about: "A secret or restricted key of Stripe, or the secret of a web hook",
    category: Category::Security,
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["stripe"],
    lookalikes: &[],
    examples: &["sk_live_0123456789abcdefghijABCD"],
    counterexamples: &["sk_live_", "pk_live_0123456789abcdefghijABCD"],
};

/// Sixteen characters or more behind the prefix.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    runs.at_least(Class::Alphanumeric, start.plus(prefix.len()), 16)
}
