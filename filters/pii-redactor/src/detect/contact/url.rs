//! URL: an address of the world wide web, where a member is called so.

use crate::detect::prelude::*;

/// Finds an address of the world wide web that is about a person, by the name of its member.
pub(crate) const DETECTOR: Detector = Detector {
    name: "URL",
    about: "An address of the world wide web that is about a person, by the name of its member",
    category: Category::Personal,
    presets: HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "website",
        "web site",
        "blog",
        "blog url",
        "profile url",
        "profile link",
        "personal url",
        "personal homepage",
        "personal page",
        "portal url",
        "patient portal",
        "linkedin",
        "linkedin url",
        "facebook url",
        "twitter url",
        "social url",
        "person url",
        "patient url",
        "user url",
        "customer url",
        "member url",
        "employee url",
        "profile homepage",
        "person homepage",
        "user homepage",
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
