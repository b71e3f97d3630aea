//! SLACK_TOKEN: a token or web hook of Slack.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// Groups of letters and digits with dashes behind the prefix, a number among them.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let begin = start.plus(prefix.len());
    let run = runs.at(Class::Base64Url, begin);
    (run.length_from(begin) >= 20 && run.has_digit_from(begin)).then_some(run.end)
}

/// `hooks.slack.com/services/`, `/workflows/` or `/triggers/`, then the parts that make the secret.
pub(crate) fn web_hook_end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let path = start.plus(prefix.len());
    let run = runs.at(Class::Path, path);
    let ahead = part(runs.text(), path, path.plus(10));
    let is_hook = [&b"services/"[..], b"workflows/", b"triggers/"]
        .iter()
        .any(|kind| ahead.starts_with(kind));
    (is_hook && run.length_from(path) >= 30).then_some(run.end)
}
