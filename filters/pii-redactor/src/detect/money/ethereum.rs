//! ETHEREUM_ADDRESS: an Ethereum address; mixed case must pass EIP-55.

use crate::detect::prelude::*;

use sha3::{Digest as _, Keccak256};

/// Whether a word is an address. All small or all great letters have no checksum; zeros are none.
pub(crate) fn is_address(word: &[u8]) -> bool {
    let Some(digits) = word.strip_prefix(b"0x").filter(|digits| digits.len() == 40) else {
        return false;
    };
    if !digits.iter().all(u8::is_ascii_hexdigit) || is_uniform(digits) {
        return false;
    }
    let has_small = digits.iter().any(u8::is_ascii_lowercase);
    let has_great = digits.iter().any(u8::is_ascii_uppercase);
    if !(has_small && has_great) {
        return has_small || has_great;
    }
    // EIP-55: a letter is great where the digest of the small ones has a digit of 8 or more.
    step(crate::steps::HASH);
    let digest = Keccak256::digest(digits.to_ascii_lowercase());
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.iter().zip(nibbles).all(|(byte, nibble)| {
        !byte.is_ascii_alphabetic() || byte.is_ascii_uppercase() == (nibble >= 8)
    })
}
