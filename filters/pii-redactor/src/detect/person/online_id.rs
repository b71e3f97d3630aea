//! ONLINE_ID: a cookie, session or similar identifier of a person on line.

use crate::detect::prelude::*;

/// Finds a cookie, session or similar identifier of a person on line.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ONLINE_ID",
    about: "A cookie, session or similar identifier of a person on line",
    category: Category::Personal,
    presets: GDPR,
    form: Form::Named,
    checked: false,
    words: &[
        "cookie",
        "cookie id",
        "session id",
        "sessionid",
        "client id cookie",
        "visitor id",
        "ga client id",
        "tracking id person",
        "user agent",
        "browser fingerprint",
    ],
    lookalikes: &[],
    examples: &["GA1.2.1234.5678"],
    counterexamples: &[],
};
