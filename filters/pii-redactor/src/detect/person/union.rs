//! UNION_MEMBERSHIP: membership of a trade union.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UNION_MEMBERSHIP",
    about: "Membership of a trade union",
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "trade union",
        "union member",
        "union membership",
        "labor union",
        "trade union membership",
    ],
    lookalikes: &[],
    examples: &["yes"],
    counterexamples: &[],
};
