//! The signing keys of an identity provider: one for each algorithm, as RFC 8725 asks for, made by
//! the provider itself and replaced whenever it likes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::Generate;
use rsa::pkcs1v15;
use rsa::pss;
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use super::Token;
use crate::{Error, Result};

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256, key id `rs256`.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384, key id `rs384`.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512, key id `rs512`.
    Rs512,
    /// RSA-PSS with SHA-256, key id `ps256`.
    Ps256,
    /// RSA-PSS with SHA-384, key id `ps384`.
    Ps384,
    /// RSA-PSS with SHA-512, key id `ps512`.
    Ps512,
    /// ECDSA on P-256, key id `es256`.
    Es256,
    /// ECDSA on P-384, key id `es384`.
    Es384,
    /// ECDSA on P-521, key id `es512`.
    Es512,
    /// Ed25519, with the key id `eddsa`.
    EdDsa,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// Its name in tokens and keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// The keys that sign, and those that are only published still.
pub(super) struct SigningKeys {
    generation: u32,
    current: Vec<SigningKey>,
    former: Vec<Value>,
}

impl SigningKeys {
    pub(super) fn generate(algorithms: &[Algorithm]) -> Result<Self> {
        let mut keys = Self {
            generation: 1,
            current: Vec::new(),
            former: Vec::new(),
        };
        for algorithm in algorithms {
            keys.offer(*algorithm)?;
        }
        Ok(keys)
    }

    /// Adds a key for an algorithm, if there is none.
    pub(super) fn offer(&mut self, algorithm: Algorithm) -> Result<()> {
        if self.key(algorithm).is_none() {
            let key = SigningKey::generate(algorithm, self.generation)?;
            self.current.push(key);
        }
        Ok(())
    }

    /// Replaces every key. The old ones stay published if they are kept, and never sign again.
    pub(super) fn rotate(&mut self, keep_old: bool) -> Result<()> {
        self.generation += 1;
        if !keep_old {
            self.former.clear();
        }
        for old in std::mem::take(&mut self.current) {
            if keep_old {
                self.former.push(old.jwk());
            }
            self.offer(old.algorithm)?;
        }
        Ok(())
    }

    pub(super) fn sign(&self, issuer: &str, algorithm: Algorithm, token: &Token) -> Result<String> {
        let key = self.key(algorithm).ok_or_else(|| {
            failed(
                algorithm,
                "signing a token",
                "it has no key for it; see Idp::offer",
            )
        })?;
        let header = token.header_json(algorithm.name(), &key.id);
        let mut signed = URL_SAFE_NO_PAD.encode(header);
        signed.push('.');
        signed.push_str(&URL_SAFE_NO_PAD.encode(token.claims_json(issuer)));
        let signature = key.sign(signed.as_bytes());
        signed.push('.');
        signed.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(signed)
    }

    /// The public keys as a JWK set.
    pub(super) fn jwks(&self) -> String {
        let mut keys: Vec<_> = self.current.iter().map(SigningKey::jwk).collect();
        keys.extend(self.former.iter().cloned());
        json!({"keys": keys}).to_string()
    }

    /// The algorithms that there are keys for.
    pub(super) fn algorithms(&self) -> Vec<&'static str> {
        self.current
            .iter()
            .map(|key| key.algorithm.name())
            .collect()
    }

    fn key(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        self.current.iter().find(|key| key.algorithm == algorithm)
    }
}

struct SigningKey {
    algorithm: Algorithm,
    id: String,
    private: PrivateKey,
}

enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    #[cfg(feature = "bed")]
    P384(p384::ecdsa::SigningKey),
    #[cfg(feature = "bed")]
    P521(p521::ecdsa::SigningKey),
    #[cfg(feature = "bed")]
    Ed25519(ed25519_compact::KeyPair),
}

impl SigningKey {
    fn generate(algorithm: Algorithm, generation: u32) -> Result<Self> {
        let id = algorithm.name().to_lowercase();
        Ok(Self {
            algorithm,
            id: match generation {
                1 => id,
                _ => format!("{id}-{generation}"),
            },
            private: PrivateKey::generate(algorithm)?,
        })
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::Signer as _;

        match (&self.private, self.algorithm) {
            (PrivateKey::Rsa(key), algorithm) => sign_rsa(key, algorithm, bytes),
            (PrivateKey::P256(key), _) => {
                let signature: p256::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
            #[cfg(feature = "bed")]
            (PrivateKey::P384(key), _) => {
                let signature: p384::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
            #[cfg(feature = "bed")]
            (PrivateKey::P521(key), _) => {
                let signature: p521::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
            #[cfg(feature = "bed")]
            (PrivateKey::Ed25519(key), _) => key.sk.sign(bytes, None).to_vec(),
        }
    }

    fn jwk(&self) -> Value {
        let mut jwk = match &self.private {
            PrivateKey::Rsa(key) => {
                let key = RsaPublicKey::from(key.as_ref());
                json!({
                    "kty": "RSA",
                    "n": URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()),
                    "e": URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()),
                })
            }
            PrivateKey::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                ec_jwk("P-256", point.as_bytes())
            }
            #[cfg(feature = "bed")]
            PrivateKey::P384(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                ec_jwk("P-384", point.as_bytes())
            }
            #[cfg(feature = "bed")]
            PrivateKey::P521(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                ec_jwk("P-521", point.as_bytes())
            }
            #[cfg(feature = "bed")]
            PrivateKey::Ed25519(key) => json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": URL_SAFE_NO_PAD.encode(key.pk.as_ref()),
            }),
        };
        if let Value::Object(members) = &mut jwk {
            members.insert("kid".to_owned(), json!(self.id));
            members.insert("alg".to_owned(), json!(self.algorithm.name()));
            members.insert("use".to_owned(), json!("sig"));
        }
        jwk
    }
}

impl PrivateKey {
    fn generate(algorithm: Algorithm) -> Result<Self> {
        let making = "making a key";
        Ok(match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => {
                let key = RsaPrivateKey::new(&mut OsRng, 2048)
                    .map_err(|error| failed(algorithm, making, &error.to_string()))?;
                Self::Rsa(Box::new(key))
            }
            Algorithm::Es256 => Self::P256(generate(algorithm)?),
            #[cfg(feature = "bed")]
            Algorithm::Es384 => Self::P384(generate(algorithm)?),
            #[cfg(feature = "bed")]
            Algorithm::Es512 => Self::P521(generate(algorithm)?),
            #[cfg(feature = "bed")]
            Algorithm::EdDsa => Self::Ed25519(ed25519_compact::KeyPair::generate()),
            #[cfg(not(feature = "bed"))]
            Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa => {
                return Err(failed(
                    algorithm,
                    making,
                    "the demonstration is built without it",
                ));
            }
        })
    }
}

fn generate<K: Generate>(algorithm: Algorithm) -> Result<K> {
    K::try_generate().map_err(|error| failed(algorithm, "making a key", &error.to_string()))
}

fn sign_rsa(key: &RsaPrivateKey, algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    let key = key.clone();
    match algorithm {
        Algorithm::Rs384 => {
            let key = pkcs1v15::SigningKey::<Sha384>::new(key);
            key.sign_with_rng(&mut OsRng, bytes).to_vec()
        }
        Algorithm::Rs512 => {
            let key = pkcs1v15::SigningKey::<Sha512>::new(key);
            key.sign_with_rng(&mut OsRng, bytes).to_vec()
        }
        Algorithm::Ps256 => {
            let key = pss::SigningKey::<Sha256>::new(key);
            key.sign_with_rng(&mut OsRng, bytes).to_vec()
        }
        Algorithm::Ps384 => {
            let key = pss::SigningKey::<Sha384>::new(key);
            key.sign_with_rng(&mut OsRng, bytes).to_vec()
        }
        Algorithm::Ps512 => {
            let key = pss::SigningKey::<Sha512>::new(key);
            key.sign_with_rng(&mut OsRng, bytes).to_vec()
        }
        _ => {
            let key = pkcs1v15::SigningKey::<Sha256>::new(key);
            key.sign_with_rng(&mut OsRng, bytes).to_vec()
        }
    }
}

/// A point comes as the byte 4 and its two coordinates (SEC 1, section 2.3.3).
fn ec_jwk(curve: &str, point: &[u8]) -> Value {
    let (_, coordinates) = point.split_first().unwrap_or((&4, &[]));
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({
        "kty": "EC",
        "crv": curve,
        "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y),
    })
}

fn failed(algorithm: Algorithm, action: &str, reason: &str) -> Error {
    Error::Crypto {
        action: format!("{action} ({})", algorithm.name()),
        reason: reason.to_owned(),
    }
}
