//! CARD_TRACK: the magnetic stripe of a card: track 1 or track 2 (ISO/IEC 7813).

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CARD_TRACK",
    about: "The magnetic stripe of a card: track 1 or track 2 (ISO/IEC 7813)",
    presets: PCI,
    form: Form::Scanned,
    checked: true,
    words: &["track", "track1", "track2", "track data", "magstripe"],
    examples: &[
        "%B4111111111111111^DOE/JANE^30121010000000000000?",
        ";4111111111111111=30121010000000000?",
    ],
    counterexamples: &[";4111111111111112=30121010000000000?"],
};

use super::card::is_card;
use crate::bytes::{before, count_while};

/// The span of a track around the card number at `start`.
pub(crate) fn find(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let length = count_while(text, start, |byte| byte.is_ascii_digit());
    let end = start.plus(length);
    if !is_card(part(text, start, end)) {
        return None;
    }
    match (before(text, start), at(text, end)) {
        (b'B' | b'b', b'^') if before(text, start.less(1)) == b'%' => {
            let name = count_while(text, end.plus(1), |byte| {
                !matches!(byte, b'^' | b'"' | b'\n')
            })
            .min(40);
            let data = end.plus(name).plus(1);
            if at(text, data) != b'^' {
                return None;
            }
            let rest = count_while(text, data.plus(1), |byte| {
                byte.is_ascii_alphanumeric() || byte == b' '
            });
            let close = data.plus(1).plus(rest.min(60));
            Some((
                start.less(2),
                close.plus(usize::from(at(text, close) == b'?')),
            ))
        }
        (b';', b'=' | b'D') => {
            let rest = count_while(text, end.plus(1), |byte| byte.is_ascii_digit());
            if rest < 4 {
                return None;
            }
            let close = end.plus(1).plus(rest.min(40));
            Some((
                start.less(1),
                close.plus(usize::from(at(text, close) == b'?')),
            ))
        }
        _ => None,
    }
}
