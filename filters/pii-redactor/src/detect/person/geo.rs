//! GEO_COORDINATE: a latitude or longitude.

use crate::detect::prelude::*;

/// Finds a latitude or longitude.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GEO_COORDINATE",
    about: "A latitude or longitude",
    category: Category::Personal,
    presets: CCPA | GDPR | HIPAA,
    form: Form::NamedIf(check),
    checked: false,
    words: &[
        "lat",
        "latitude",
        "lng",
        "lon",
        "long",
        "longitude",
        "geo lat",
        "geo lon",
        "geo lng",
        "gps",
        "gps coordinates",
        "coordinates",
        "latlng",
        "lat lng",
        "geolocation",
        "geo location",
        "geo point",
        "precise location",
    ],
    lookalikes: &[],
    examples: &["52.52001", "-122.4194", "52.520, 13.405"],
    counterexamples: &["far away"],
};

/// One number up to 180 with decimals, or two of them.
fn check(value: &[u8]) -> bool {
    let mut parts = 0;
    let all = value
        .split(|byte| matches!(byte, b',' | b';' | b' '))
        .all(|part| {
            if part.is_empty() {
                return true;
            }
            parts = 1_u8.saturating_add(parts);
            let text = std::str::from_utf8(part).unwrap_or_default();
            text.contains('.')
                && text
                    .parse::<f64>()
                    .is_ok_and(|number| number.abs() <= 180.0)
        });
    all && (1..=2).contains(&parts)
}
