//! Who signs, and how a signature is checked.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use policy::hex;
use sha2::Sha256;

use crate::hash::{Hash, bytes};
use crate::log_line::TAG_DIGITS;

pub use policy::secret::looks_guessable;

/// An Ed25519 key that signs fingerprints (RFC 8032).
pub struct SigningKey {
    id: String,
    key: ed25519_dalek::SigningKey,
}

/// The key that checks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The environment variable is not set.
    #[error("there is no key")]
    Missing,
    /// It is not what a key looks like.
    #[error(
        "expected 32 bytes as 64 hexadecimal digits or as base64; `meshward audit keygen` makes one"
    )]
    Malformed,
    /// The key can be guessed.
    #[error("a key that can be guessed; `meshward audit keygen` makes one")]
    Weak,
}

impl SigningKey {
    /// From 32 random bytes in text. Without an `id` its public key names it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_text(id: Option<&str>, text: &str) -> Result<Self, KeyError> {
        let seed = secret_bytes(text)?;
        Ok(Self::from_seed(id, &seed))
    }

    /// Makes a key from 32 random bytes, its Ed25519 seed (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(id: Option<&str>, seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = PublicKey(key.verifying_key());
        let id = id.map_or_else(|| public.id(), str::to_owned);
        Self { id, key }
    }

    /// The key's id, as records name it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key())
    }

    /// The key that tags lines in logs: made from this one, which it does not give away.
    #[must_use]
    pub fn log_key(&self) -> LogKey {
        let input = [b"meshward-audit-log-v1\0".as_slice(), self.key.as_bytes()].concat();
        LogKey(Hash::plain(&input).0)
    }

    /// Signs a fingerprint: 128 hexadecimal digits.
    #[must_use]
    pub fn sign(&self, fingerprint: &Hash) -> String {
        hex::encode(&self.key.sign(&message(fingerprint)).to_bytes())
    }
}

/// The key is not shown.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// A secret that an emitter and whoever reads its log share: a line that it has tagged is the
/// emitter's, also where no signature vouches for its record yet.
#[derive(Clone, PartialEq, Eq)]
pub struct LogKey([u8; 32]);

impl LogKey {
    /// From 64 hexadecimal digits or base64, as `meshward audit keygen` writes it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        secret_bytes(text).map(Self)
    }

    /// 64 hexadecimal digits. To be kept as secret as the log itself.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// The first 32 hexadecimal digits of `HMAC-SHA256(key, text)`.
    pub(crate) fn tag(&self, text: &str) -> String {
        let mut digits = hex::encode(&self.mac(text).finalize().into_bytes());
        digits.truncate(TAG_DIGITS);
        digits
    }

    /// Whether a tag is this key's, in a time that does not tell how much of it is right.
    pub(crate) fn verifies(&self, text: &str, tag: &str) -> bool {
        let Some(tag) = bytes::<16>(tag) else {
            return false;
        };
        self.mac(text).verify_truncated_left(&tag).is_ok()
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        // A key of this length fits any HMAC.
        let mac = Hmac::<Sha256>::new_from_slice(&self.0);
        let mut mac = mac.unwrap_or_else(|_| Hmac::new(&Default::default()));
        mac.update(text.as_bytes());
        mac
    }
}

/// The key is not shown.
impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogKey(...)")
    }
}

impl PublicKey {
    /// From 64 hexadecimal digits.
    ///
    /// # Errors
    /// Not a point of the curve, or one that any signature would fit.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let bytes = bytes::<32>(text).ok_or(KeyError::Malformed)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Malformed)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self(key))
    }

    /// The public key as 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0.as_bytes())
    }

    /// The id of a key that was given none: the first 16 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        Hash::plain(self.0.as_bytes())
            .to_hex()
            .chars()
            .take(16)
            .collect()
    }

    /// Whether `signature`, 128 hexadecimal digits, is one of this key over the fingerprint.
    #[must_use]
    pub fn verifies(&self, fingerprint: &Hash, signature: &str) -> bool {
        let Some(signature) = bytes::<64>(signature) else {
            return false;
        };
        let signature = Signature::from_bytes(&signature);
        self.0
            .verify_strict(&message(fingerprint), &signature)
            .is_ok()
    }
}

/// Reads 32 secret bytes from hexadecimal or base64 text.
///
/// # Errors
/// Text of another form, or bytes that no random source gives: 32 random ones are never all
/// printable, and have never fewer than 12 values among them (both happen less than once in 2^40
/// times).
pub fn secret_bytes(text: &str) -> Result<[u8; 32], KeyError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(KeyError::Missing);
    }
    let decoded = bytes::<32>(&text.to_ascii_lowercase()).or_else(|| {
        let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD];
        engines
            .iter()
            .find_map(|engine| engine.decode(text).ok()?.try_into().ok())
    });
    let seed = decoded.ok_or(KeyError::Malformed)?;
    if looks_guessable(&seed) {
        return Err(KeyError::Weak);
    }
    Ok(seed)
}

/// What is signed is never anything else that a key might sign.
fn message(fingerprint: &Hash) -> Vec<u8> {
    [b"meshward-audit-v1\0".as_slice(), &fingerprint.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    #[test]
    fn signs_what_its_public_key_verifies() {
        let key = SigningKey::from_text(None, SEED).unwrap();
        // Test 1 of RFC 8032 section 7.1 has this key pair.
        assert_eq!(
            key.public().to_hex(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(key.id(), key.public().id());
        assert_eq!(key.id().len(), 16);
        let hash = Hash::plain(b"x");
        let signature = key.sign(&hash);
        let public = PublicKey::from_hex(&key.public().to_hex()).unwrap();
        assert!(public.verifies(&hash, &signature));
        assert!(!public.verifies(&Hash::plain(b"y"), &signature));
        assert!(!public.verifies(&hash, &signature.replace('a', "b")));
        assert!(!public.verifies(&hash, ""));
        assert!(!format!("{key:?}").contains("9d61"));
    }

    #[test]
    fn takes_the_usual_spellings_and_refuses_what_can_be_guessed() {
        let seed = bytes::<32>(SEED).unwrap();
        for text in [
            SEED.to_owned(),
            format!("{}\n", SEED.to_uppercase()),
            STANDARD.encode(seed),
            URL_SAFE_NO_PAD.encode(seed),
        ] {
            assert_eq!(secret_bytes(&text), Ok(seed), "{text}");
        }
        let counting: Vec<u8> = (0..32).collect();
        for (text, expected) in [
            (String::new(), KeyError::Missing),
            (" \n".to_owned(), KeyError::Missing),
            ("secret".to_owned(), KeyError::Malformed),
            (SEED.replacen('9', "x", 1), KeyError::Malformed),
            ("00".repeat(32), KeyError::Weak),
            ("0123456789abcdef".repeat(4), KeyError::Weak),
            (hex::encode(&counting), KeyError::Weak),
            (
                STANDARD.encode(b"correct horse battery staple 123"),
                KeyError::Weak,
            ),
        ] {
            assert_eq!(secret_bytes(&text), Err(expected), "{text}");
        }
        assert_eq!(PublicKey::from_hex(&"00".repeat(32)), Err(KeyError::Weak));
    }
}
