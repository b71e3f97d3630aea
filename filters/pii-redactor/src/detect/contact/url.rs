//! URL: an address of the world wide web, where a member is called so.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "URL",
    about: "An address of the world wide web, where a member is called so",
    presets: HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "url",
        "website",
        "web site",
        "homepage",
        "home page",
        "web",
        "link",
        "blog",
        "profile url",
    ],
    lookalikes: &[],
    examples: &["https://example.com/jane?x=1"],
    counterexamples: &["/relative", "example"],
};

/// A scheme of the web, or `www.`.
fn check(value: &[u8]) -> bool {
    let lower = part(value, 0, 8).to_ascii_lowercase();
    begins_with(&lower, &[b"http://", b"https://", b"www."])
}
