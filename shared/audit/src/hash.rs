//! The three hashes of the format, each in a domain of its own, so that none can pass for another.

use std::fmt;

use policy::hex;
use policy::json::Json;
use sha2::{Digest as _, Sha256};

use crate::canonical;

/// A SHA-256 digest, in text 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first record of a chain has before it.
    pub const NONE: Self = Self([0; 32]);

    /// What the input of the hash of a core begins with.
    pub const CORE: u8 = 0;

    /// What that of a link begins with.
    const LINK: u8 = 1;

    /// What that of a commitment begins with.
    pub const COMMITMENT: u8 = 2;

    /// `SHA-256(02 ‖ salt ‖ value)`: holds on to a value that may be erased later.
    #[must_use]
    pub fn commitment(salt: &[u8], value: &str) -> Self {
        Self::of(&[&[Self::COMMITMENT], salt, value.as_bytes()])
    }

    /// `SHA-256(00 ‖ core)`: what of a record is never erased.
    #[must_use]
    pub fn core(core: &str) -> Self {
        Self::of(&[&[Self::CORE], core.as_bytes()])
    }

    /// As [`Hash::core`], of a core that is not in one piece.
    pub(crate) fn core_in_pieces<'p>(pieces: impl Iterator<Item = &'p str>) -> Self {
        let mut digest = Sha256::new();
        digest.update([Self::CORE]);
        for piece in pieces {
            digest.update(piece);
        }
        Self(digest.finalize().into())
    }

    /// `SHA-256(01 ‖ chain ‖ u64(sequence) ‖ previous ‖ core)`, the number with its most significant
    /// byte first.
    #[must_use]
    pub fn link(chain: &[u8; 16], sequence: u64, previous: &Self, core: &Self) -> Self {
        Self::of(&[
            &[Self::LINK],
            chain,
            &sequence.to_be_bytes(),
            &previous.0,
            &core.0,
        ])
    }

    /// Plain SHA-256, for what is no part of a record: keys, files; and for who has
    /// put the input of one of the others together, with what it begins with.
    #[must_use]
    pub fn plain(bytes: &[u8]) -> Self {
        Self::of(&[bytes])
    }

    /// Of a configuration, however it is spelled: SHA-256 of its canonical text, so that whoever has the file in
    /// which it stands comes to the same one.
    #[must_use]
    pub fn configuration(text: &str) -> Self {
        let json = Json::parse(text.as_bytes());
        json.map_or_else(
            |_| Self::plain(text.as_bytes()),
            |json| Self::plain(canonical::to_string(&json).as_bytes()),
        )
    }

    /// Reads 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        bytes(text).map(Self)
    }

    /// The hash as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(&self.0)
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// Hexadecimal, so that a log can be compared with what other tools print.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// Exactly so many bytes from lower-case hexadecimal digits.
#[must_use]
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N.checked_mul(2)? {
        return None;
    }
    let value = |character: u8| {
        char::from(character)
            .to_digit(16)
            .filter(|_| !character.is_ascii_uppercase())
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let hash = Hash::plain(b"abc");
        assert_eq!(
            hash.to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Hash::from_hex(&hash.to_hex()), Some(hash));
        for wrong in ["", "ba", &hash.to_hex().to_uppercase(), &"0g".repeat(32)] {
            assert_eq!(Hash::from_hex(wrong), None, "{wrong}");
        }
        assert_eq!(bytes::<2>("ff09"), Some([255, 9]));
    }

    #[test]
    fn no_hash_passes_for_another() {
        let zero = Hash::NONE;
        let all = [
            Hash::commitment(&[], ""),
            Hash::core(""),
            Hash::link(&[0; 16], 0, &zero, &zero),
            Hash::plain(b""),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| one != other));
        }
    }
}
