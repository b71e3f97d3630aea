//! BASIC_AUTH: the credentials of HTTP basic authentication (RFC 7617).

use super::{Class, Runs};
use crate::detect::prelude::*;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The end of credentials that begin with `Basic ` at `start`.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let begin = start.plus(prefix.len());
    let run = runs.at(Class::Base64, begin);
    let length = run.length_from(begin);
    if length < 4 {
        return None;
    }
    let engine = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let encoded = part(
        runs.text(),
        begin,
        run.end.min(begin.plus(MAX_DECODED_BYTES)),
    );
    if !runs.may_decode(encoded.len()) {
        return Some(run.end);
    }
    let decoded = engine.decode(encoded).ok()?;
    let is_pair =
        decoded.contains(&b':') && decoded.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    is_pair.then_some(run.end)
}

const MAX_DECODED_BYTES: usize = 1024;
