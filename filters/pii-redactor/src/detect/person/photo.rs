//! PHOTO: a picture of a face.

use crate::detect::prelude::*;

/// Finds a picture of a face.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PHOTO",
    about: "A picture of a face",
    category: Category::Personal,
    presets: GDPR | HIPAA,
    form: Form::Named,
    checked: false,
    words: &[
        "photo",
        "photo url",
        "profile photo",
        "profile picture",
        "avatar",
        "avatar url",
        "headshot",
        "face image",
        "portrait",
        "profile image",
        "picture url",
        "selfie",
    ],
    lookalikes: &[],
    examples: &["https://example.com/jane.png"],
    counterexamples: &[],
};
