//! UNION_MEMBERSHIP: membership of a trade union.

use crate::detect::prelude::*;

/// Finds membership of a trade union.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UNION_MEMBERSHIP",
    about: "Membership of a trade union",
    category: Category::Special,
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "trade union",
        "union member",
        "union membership",
        "labor union",
        "trade union membership",
        "member of union",
    ],
    lookalikes: &[],
    examples: &["yes"],
    counterexamples: &[],
};
