//! CRYPTO: a Bitcoin address: base58check, or bech32 and bech32m.

use crate::detect::prelude::*;

use sha2::{Digest as _, Sha256};

/// Whether a word is an address.
pub(crate) fn is_address(word: &[u8]) -> bool {
    match word.first() {
        Some(b'1' | b'3') if (26..=35).contains(&word.len()) => base58check(word),
        Some(b'b' | b'B') if (42..=62).contains(&word.len()) => bech32(word),
        _ => false,
    }
}

/// Twenty-five bytes in base 58, the last four the beginning of a double SHA-256.
fn base58check(word: &[u8]) -> bool {
    // 25 bytes in seven words, the highest first; more than that in the first is too much.
    let mut words = [0_u32; 7];
    for letter in word {
        step(words.len());
        let Some(value) = VALUES
            .get(usize::from(*letter))
            .filter(|value| **value < 58)
        else {
            return false;
        };
        let mut carry = u64::from(*value);
        for word in words.iter_mut().rev() {
            carry = u64::from(*word).wrapping_mul(58).wrapping_add(carry);
            *word = u32::try_from(carry & 0xffff_ffff).unwrap_or(0);
            carry >>= 32;
        }
        if carry != 0 {
            return false;
        }
    }
    let mut all = [0_u8; 28];
    for (bytes, word) in all.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    let Some((too_much, bytes)) = all.split_at_checked(3) else {
        return false;
    };
    // The versions of addresses: 0 and 5.
    if too_much != [0; 3] || !matches!(bytes.first(), Some(0 | 5)) {
        return false;
    }
    let Some((payload, check)) = bytes.split_at_checked(21) else {
        return false;
    };
    step(crate::steps::HASH);
    let digest = Sha256::digest(Sha256::digest(payload));
    digest.starts_with(check)
}

/// The value of each letter in base 58; 255 for what is none.
const VALUES: [u8; 128] = {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut values = [u8::MAX; 128];
    let mut value = 0_u8;
    while value < 58 {
        #[allow(clippy::indexing_slicing, reason = "runs while compiling")]
        {
            values[ALPHABET[value as usize] as usize] = value;
        }
        value = value.wrapping_add(1);
    }
    values
};

/// BIP 173 and BIP 350: the checksum of `bc1`, one case.
fn bech32(word: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [
        0x3b6a_57b2,
        0x2650_8e6d,
        0x1ea1_19fa,
        0x3d42_33dd,
        0x2a14_62b3,
    ];
    let mixed = word.iter().any(u8::is_ascii_lowercase) && word.iter().any(u8::is_ascii_uppercase);
    let lower = word.to_ascii_lowercase();
    let Some(data) = lower.strip_prefix(b"bc1").filter(|_| !mixed) else {
        return false;
    };
    // The human part `bc`, expanded.
    let mut sum = 1_u32;
    let mut add = |value: u32| {
        let top = sum >> 25;
        sum = (sum & 0x01ff_ffff) << 5 ^ value;
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 != 0 {
                sum ^= generator;
            }
        }
    };
    [3, 3, 0, 2, 3].into_iter().for_each(&mut add);
    for letter in data {
        step(12);
        let Some(value) = ALPHABET.iter().position(|known| known == letter) else {
            return false;
        };
        add(u32::try_from(value).unwrap_or(0));
    }
    matches!(sum, 1 | 0x2bc8_30a3)
}
