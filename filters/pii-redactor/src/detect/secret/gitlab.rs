//! GITLAB_TOKEN: a token of GitLab.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// Twenty characters or more behind the prefix, and of a routable token the parts behind its dots.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let end = runs.at_least(Class::Base64Url, start.plus(prefix.len()), 20)?;
    let is_routable = at(runs.text(), end) == b'.'
        && part(runs.text(), end.plus(1), end.plus(3))
            .iter()
            .all(u8::is_ascii_alphanumeric)
        && at(runs.text(), end.plus(3)) == b'.';
    if !is_routable {
        return Some(end);
    }
    let tail = end.plus(4);
    let length = runs.at(Class::Alphanumeric, tail).length_from(tail);
    Some(if length >= 7 { tail.plus(length) } else { end })
}
