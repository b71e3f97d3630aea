//! DEVICE_ID: an identifier of a device or an installation.

use crate::detect::prelude::*;

/// Finds an identifier of a device or an installation.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DEVICE_ID",
    about: "An identifier of a device or an installation",
    category: Category::Personal,
    presets: GDPR | CCPA | HIPAA,
    form: Form::Named,
    checked: false,
    words: &[
        "device id",
        "deviceid",
        "device serial",
        "device serial number",
        "serial number",
        "serial no",
        "device identifier",
        "udi",
        "idfa",
        "idfv",
        "gaid",
        "android id",
        "advertising id",
        "ad id",
        "imsi",
        "iccid",
        "udid",
        "hardware id",
        "machine id",
        "installation id",
        "device fingerprint",
        "pacemaker serial",
        "implant id",
        "implant serial",
        "carrier hrf",
    ],
    lookalikes: &[
        "certificate serial number",
        "cert serial number",
        "zone serial number",
    ],
    examples: &["38400000-8cf0-11bd-b23e-10b96e40000d"],
    counterexamples: &[],
};
