//! How a person or a device is reached.

mod calling_codes;
pub(crate) mod email;
pub(crate) mod ip;
pub(crate) mod mac;
pub(crate) mod phone;
mod tld;

use super::prelude::*;

/// A scheme of the web, or `www.`.
pub(crate) fn url(value: &[u8]) -> bool {
    let lower = part(value, 0, 8).to_ascii_lowercase();
    begins_with(&lower, &[b"http://", b"https://", b"www."])
}
