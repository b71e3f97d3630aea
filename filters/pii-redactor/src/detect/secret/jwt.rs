//! JWT: a JSON web token: three parts of base64url, the first of which is a JSON header.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "JWT",
    about: "A JSON web token: three parts of base64url, the first of which is a JSON header",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["jwt", "id token", "access token", "bearer"],
    examples: &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlc2lnbmF0dXJl"],
    counterexamples: &["eyJhbGciOiJIUzI1NiJ9", "eyJub3QuanNvbg.a.b"],
};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The end of a token that begins at `start`. One that is longer than what is held ends there.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let header = crate::bytes::count_while(text, start, is_part);
    let header_end = start.plus(header);
    if header > MAX_HEADER_BYTES || at(text, header_end) != b'.' {
        return None;
    }
    let decoded = URL_SAFE_NO_PAD.decode(part(text, start, header_end)).ok()?;
    let is_header = decoded.ends_with(b"}")
        && std::str::from_utf8(&decoded).is_ok_and(|text| text.contains("\"alg\""));
    if !is_header {
        return None;
    }
    let rest = crate::bytes::count_while(text, header_end, |byte| is_part(byte) || byte == b'.');
    // A payload of at least `{}`.
    (rest > 3).then(|| header_end.plus(rest))
}

const MAX_HEADER_BYTES: usize = 2048;
