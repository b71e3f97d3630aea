//! USERNAME: the name under which a person has an account.

use crate::detect::prelude::*;

/// Finds the name under which a person has an account.
pub(crate) const DETECTOR: Detector = Detector {
    name: "USERNAME",
    about: "The name under which a person has an account",
    category: Category::Personal,
    presets: GDPR | CCPA | HIPAA,
    form: Form::Named,
    checked: false,
    words: &[
        "username",
        "login",
        "login name",
        "user login",
        "screen name",
        "handle",
        "userid",
        "user id",
        "account name",
        "account login",
    ],
    lookalikes: &[
        "service account name",
        "storage account name",
        "cloud account name",
        "billing account name",
    ],
    examples: &["jdoe42"],
    counterexamples: &[],
};
