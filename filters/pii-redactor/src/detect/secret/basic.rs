//! BASIC_AUTH: the credentials of HTTP basic authentication (RFC 7617).

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "BASIC_AUTH",
    about: "The credentials of HTTP basic authentication (RFC 7617)",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["authorization", "proxy authorization"],
    examples: &["Basic amFuZTpzZWNyZXQ="],
    counterexamples: &["Basic knowledge", "Basic !!"],
};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The end of credentials that begin with `Basic ` at `start`.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let begin = start.plus(6);
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let length = crate::bytes::count_while(text, begin, is_base64);
    let end = begin.plus(length);
    let engine = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let decoded = engine
        .decode(part(text, begin, end.min(begin.plus(1024))))
        .ok()?;
    let is_pair =
        decoded.contains(&b':') && decoded.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    (length >= 4 && is_pair).then_some(end)
}
