//! GCP_API_KEY: an API key, OAuth client secret or access token of Google.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// `AIza` and 35 characters, `GOCSPX-` and 28, `ya29.` and 20 or more.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let begin = start.plus(prefix.len());
    match prefix {
        b"AIza" => runs.exactly(Class::Base64Url, begin, 35),
        b"ya29." => runs.at_least(Class::Dotted, begin, 20),
        _ => runs.exactly(Class::Base64Url, begin, 28),
    }
}
