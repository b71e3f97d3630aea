//! JOSE: algorithms, keys and signatures (RFC 7515, 7517, 7518, 8037).
//!
//! Pure functions of their arguments. Nothing here knows of hosts, providers or claims; which key
//! may serve which token is decided in one place, [`jwks`].

mod algorithm;
mod der;
mod ecdsa;
mod hash;
pub mod jwk;
pub mod jwks;
mod known_answers;
mod rsa;

pub use algorithm::{Algorithm, AlgorithmSet, Family};
pub use ecdsa::signature_der;
pub use hash::{Hash, sha256};
pub use jwk::{Key, PublicKey};
pub(crate) use jwks::is_pem;
pub use jwks::{KeyRules, KeySet, SkippedKey};
pub use known_answers::{KNOWN_ANSWERS, KnownAnswer};

/// For whoever gives a key as PEM.
pub(crate) const PEM_INSTEAD_OF_JWK: &str = "PEM is not read: give the key as a JWK set, \
     {\"keys\": [{\"kty\": \"RSA\", \"n\": ..., \"e\": ...}]}";
