//! GITHUB_TOKEN: a token of GitHub: the prefix, and for classic ones the CRC-32 at the end.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "GITHUB_TOKEN",
    about: "A token of GitHub: the prefix, and for classic ones the CRC-32 at the end",
    presets: SECRETS,
    form: Form::Scanned,
    checked: true,
    words: &["github token"],
    examples: &["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"],
    counterexamples: &["ghp_short", "ghp_0123456789abcdefghijABCDEFGHIJ000000"],
};

/// `ghp_` and the like: thirty characters and their CRC-32 in base 62. `github_pat_`: 82 characters.
pub(crate) fn end(text: &[u8], start: usize) -> Option<usize> {
    if part(text, start, start.plus(11)) == b"github_pat_" {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        return super::at_least(text, start.plus(11), 60, is_part);
    }
    let begin = start.plus(4);
    let end = super::exactly(text, begin, 36, |byte| byte.is_ascii_alphanumeric())?;
    let (body, check) = part(text, begin, end).split_at_checked(30)?;
    (check == base62(crc32fast::hash(body))).then_some(end)
}

fn base62(mut value: u32) -> [u8; 6] {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for slot in digits.iter_mut().rev() {
        let index = usize::try_from(value % 62).unwrap_or(0);
        *slot = ALPHABET.get(index).copied().unwrap_or(b'0');
        value /= 62;
    }
    digits
}
