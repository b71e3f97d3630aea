//! MAC_ADDRESS: the hardware address of a network interface (EUI-48).

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "MAC_ADDRESS",
    about: "The hardware address of a network interface (EUI-48)",
    presets: GDPR | HIPAA,
    form: Form::Scanned,
    checked: true,
    words: &["mac", "mac address", "hardware address", "bssid"],
    examples: &["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7"],
    counterexamples: &["00:1B:44", "00:00:00:00:00:00"],
};

use crate::detect::boundary::{ends_free, starts_free};

/// The end of six pairs of hexadecimal digits with the same sign between, from `start` on.
pub(crate) fn find(text: &[u8], start: usize) -> Option<usize> {
    let sign = at(text, start.plus(2));
    if !matches!(sign, b':' | b'-') || !starts_free(text, start) {
        return None;
    }
    let mut position = start;
    let mut same = true;
    for place in 0..6 {
        if place > 0 {
            if at(text, position) != sign {
                return None;
            }
            position = position.plus(1);
        }
        let pair = part(text, position, position.plus(2));
        if pair.len() != 2 || !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        same &= pair == part(text, start, start.plus(2));
        position = position.plus(2);
    }
    let goes_on = at(text, position) == sign || !ends_free(text, position);
    (!same && !goes_on).then_some(position)
}
