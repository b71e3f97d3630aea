//! SLACK_TOKEN: a token or web hook of Slack.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "SLACK_TOKEN",
    about: "A token or web hook of Slack",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["slack token"],
    examples: &["xoxb-123456789012-1234567890123-abcdefghijklmnopqrstuvwx"],
    counterexamples: &["xoxb-1"],
};

/// Groups of letters and digits with dashes behind the prefix, a number among them.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let end = super::at_least(text, start.plus(5), 20, is_part)?;
    part(text, start, end)
        .iter()
        .any(u8::is_ascii_digit)
        .then_some(end)
}
