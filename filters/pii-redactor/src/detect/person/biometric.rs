//! BIOMETRIC: biometric data.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "BIOMETRIC",
    about: "Biometric data",
    presets: GDPR | CCPA | HIPAA,
    form: Form::Named,
    checked: false,
    words: &[
        "biometric",
        "biometrics",
        "biometric id",
        "fingerprint",
        "voiceprint",
        "voice print",
        "retina",
        "iris scan",
        "faceprint",
        "face id",
        "face embedding",
        "palm print",
        "finger print",
    ],
    lookalikes: &[],
    examples: &["Rk1SACAyMAAA"],
    counterexamples: &[],
};
