//! PASSWORD: a password, passphrase or one-time code.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PASSWORD",
    about: "A password, passphrase or one-time code",
    presets: SECRETS | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "pass word",
        "user password",
        "new password",
        "old password",
        "current password",
        "confirm password",
        "otp",
        "otp code",
        "one time password",
        "one time code",
        "mfa code",
        "totp",
        "totp secret",
        "recovery code",
        "backup code",
        "passcode",
        "security answer",
        "passwort",
        "mot de passe",
        "contrasena",
        "db password",
        "password hash",
    ],
    lookalikes: &[],
    examples: &["hunter2!"],
    counterexamples: &[],
};
