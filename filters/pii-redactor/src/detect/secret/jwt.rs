//! JWT: a JSON web token: three parts of base64url, the first of which is a JSON header.

use super::{Class, Runs};
use crate::detect::prelude::*;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The end of a token that begins at `start`. One that is longer than what is held ends there.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, _: &[u8]) -> Option<usize> {
    let header = runs.at(Class::Base64Url, start);
    if header.length_from(start) > MAX_HEADER_BYTES || at(runs.text(), header.end) != b'.' {
        return None;
    }
    let whole = runs.at(Class::Dotted, start);
    // A payload of at least `{}`.
    if whole.length_from(header.end) <= 3 {
        return None;
    }
    if !runs.may_decode(header.length_from(start)) {
        return Some(whole.end);
    }
    let decoded = URL_SAFE_NO_PAD
        .decode(part(runs.text(), start, header.end))
        .ok()?;
    let is_header = decoded.ends_with(b"}")
        && std::str::from_utf8(&decoded).is_ok_and(|text| text.contains("\"alg\""));
    is_header.then_some(whole.end)
}

const MAX_HEADER_BYTES: usize = 2048;
