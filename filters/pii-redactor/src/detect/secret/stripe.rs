//! STRIPE_KEY: a secret or restricted key of Stripe, or the secret of a web hook.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "STRIPE_KEY",
    about: "A secret or restricted key of Stripe, or the secret of a web hook",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["stripe"],
    examples: &["sk_live_0123456789abcdefghijABCD"],
    counterexamples: &["sk_live_", "pk_live_0123456789abcdefghijABCD"],
};

/// Sixteen characters or more behind the prefix.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let underscores = if at(text, start) == b'w' { 1 } else { 2 };
    let mut begin = start;
    for _ in 0..underscores {
        begin = begin
            .plus(crate::bytes::count_while(text, begin, |byte| byte != b'_'))
            .plus(1);
    }
    super::at_least(text, begin, 16, |byte| byte.is_ascii_alphanumeric())
}
