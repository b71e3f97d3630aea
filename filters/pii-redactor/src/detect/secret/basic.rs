//! BASIC_AUTH: the credentials of HTTP basic authentication (RFC 7617), and of Docker and npm.

use super::{Class, Runs};
use crate::bytes::{count_while, rest};
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
    let encoded = part(
        runs.text(),
        begin,
        run.end.min(begin.plus(MAX_DECODED_BYTES)),
    );
    if !runs.may_decode(encoded.len()) {
        return Some(run.end);
    }
    is_decodable(encoded).then_some(run.end)
}

/// Whether all of a value is a user name and a password in base64, as `auth` of the configuration of Docker and `_auth`
/// of that of npm are.
pub(crate) fn is_pair(value: &[u8]) -> bool {
    let letters = count_while(value, 0, |byte| Class::Base64.has(byte) && byte != b'=');
    step(letters);
    let padding = rest(value, letters);
    (4..=MAX_DECODED_BYTES).contains(&value.len())
        && padding.len() <= 2
        && padding.iter().all(|byte| *byte == b'=')
        && is_decodable(value)
}

fn is_decodable(encoded: &[u8]) -> bool {
    let engine = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    engine.decode(encoded).is_ok_and(|decoded| {
        decoded.contains(&b':') && decoded.iter().all(|byte| *byte >= b' ' && *byte != 0x7f)
    })
}

const MAX_DECODED_BYTES: usize = 1024;
