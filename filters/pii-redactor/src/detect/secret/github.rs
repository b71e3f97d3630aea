//! GITHUB_TOKEN: a token of GitHub: the prefix, and for classic ones the CRC-32 at the end.

use super::{Class, Runs};
use crate::detect::prelude::*;

/// `ghp_` and the like: thirty characters and their CRC-32 in base 62. `github_pat_`: 82 characters.
pub(crate) fn end(runs: &mut Runs<'_>, start: usize, prefix: &[u8]) -> Option<usize> {
    let begin = start.plus(prefix.len());
    if prefix == b"github_pat_" {
        return runs.at_least(Class::Base64Url, begin, 60);
    }
    let end = runs.exactly(Class::Alphanumeric, begin, 36)?;
    step(36);
    let (body, check) = part(runs.text(), begin, end).split_at_checked(30)?;
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
