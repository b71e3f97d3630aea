//! One key: a JWK (RFC 7517), with our own rules on what a key must be.
//!
//! The algorithm belongs to the key, never to the token (RFC 8725 section 3.1). A key that fits no
//! allowed algorithm, or that is too weak, is left out with a reason; the others serve.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use policy::json::Json;
use policy::secret::Secret;

use super::ecdsa::EcdsaKey;
use super::jwks::KeyRules;
use super::rsa::RsaKey;
use super::{Algorithm, AlgorithmSet, Family, Hash};

/// A key that signatures are checked with.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key's id, `kid`.
    pub id: Option<String>,
    /// What it may verify: one algorithm, but for an RSA key without `alg`.
    pub algorithms: AlgorithmSet,
    /// The public key.
    pub public: PublicKey,
    /// SubjectPublicKeyInfo, DER: what the host's verifier takes. Empty for what no host verifies.
    pub spki: Vec<u8>,
}

/// The public keys that can verify a signature.
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// An RSA key, for `RS*` and `PS*`.
    Rsa(RsaKey),
    /// A point on one of the NIST curves.
    Ecdsa(EcdsaKey),
    /// An Ed25519 key, for `EdDSA`.
    Ed25519(Box<VerifyingKey>),
    /// Not public at all: a secret that is shared with the issuer.
    Hmac(Secret),
}

/// Why a key is left out.
pub type Refused = &'static str;

impl Key {
    /// Imports a JWK.
    ///
    /// # Errors
    /// Why the key must not be used here.
    pub fn import(jwk: &Json, rules: &KeyRules) -> Result<Self, Refused> {
        let kind = text(jwk, "kty")?.ok_or_else(|| no_key_type(jwk))?;
        check_purpose(jwk)?;
        let named = text(jwk, "alg")?;
        let id = text(jwk, "kid")?.map(str::to_owned);
        if kind == "oct" {
            return Self::import_secret(jwk, id, named, rules);
        }
        // `k` in a public key is a mistake that shows a secret.
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
            .iter()
            .any(|name| jwk.member(name).is_some())
        {
            return Err("a private key, which must not be published");
        }
        let (public, spki, fitting) = match kind {
            "RSA" => {
                let (key, spki) = RsaKey::import(&number(jwk, "n")?, &number(jwk, "e")?)?;
                (PublicKey::Rsa(key), spki, rsa_algorithms(named, rules))
            }
            "EC" => {
                let curve = text(jwk, "crv")?.ok_or("no curve (crv)")?;
                let algorithm = match curve {
                    "P-256" => Algorithm::Es256,
                    "P-384" => Algorithm::Es384,
                    "P-521" => Algorithm::Es512,
                    _ => return Err("a curve that is not supported"),
                };
                let (x, y) = (
                    coordinate(algorithm, number(jwk, "x")?),
                    coordinate(algorithm, number(jwk, "y")?),
                );
                let (key, spki) = EcdsaKey::import(curve, &x, &y)
                    .ok_or("coordinates of the wrong length, or not on the curve")?;
                (PublicKey::Ecdsa(key), spki, AlgorithmSet::from(algorithm))
            }
            "OKP" => {
                if text(jwk, "crv")? != Some("Ed25519") {
                    return Err("a curve that is not supported");
                }
                let key = ed25519(&number(jwk, "x")?)
                    .ok_or("coordinates of the wrong length, or not on the curve")?;
                let fitting = AlgorithmSet::from(Algorithm::EdDsa);
                (PublicKey::Ed25519(Box::new(key)), Vec::new(), fitting)
            }
            _ => return Err("a key type that is not supported"),
        };
        let algorithms = allowed(fitting, named, rules)?;
        Ok(Self {
            id,
            algorithms,
            public,
            spki,
        })
    }

    /// A shared secret for HMAC, at least as long as the hash (RFC 7518 section 3.2).
    ///
    /// # Errors
    /// It is too short, or the algorithm is none for secrets.
    pub fn secret(
        id: Option<String>,
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, Refused> {
        if !algorithm.is_symmetric() {
            return Err("an algorithm that does not fit the key");
        }
        if secret.len() < algorithm.hash().digest_bytes() {
            return Err("a secret that is shorter than the hash of its algorithm");
        }
        Ok(Self {
            id,
            algorithms: AlgorithmSet::from(algorithm),
            public: PublicKey::Hmac(Secret::new(secret)),
            spki: Vec::new(),
        })
    }

    /// Checks a signature inside the VM.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> bool {
        if !self.algorithms.contains(algorithm) {
            return false;
        }
        let hash = algorithm.hash();
        match (&self.public, algorithm.family()) {
            (PublicKey::Rsa(key), Family::RsaPkcs1) => {
                key.verifies_pkcs1(hash, &hash.digest(&[text]), signature)
            }
            (PublicKey::Rsa(key), Family::RsaPss) => {
                key.verifies_pss(hash, &hash.digest(&[text]), signature)
            }
            (PublicKey::Ecdsa(key), Family::Ecdsa { .. }) => {
                key.verifies(&hash.digest(&[text]), signature)
            }
            (PublicKey::Ed25519(key), Family::Ed25519) => {
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_strict(text, &signature).is_ok())
            }
            (PublicKey::Hmac(secret), Family::Hmac) => {
                verifies_hmac(hash, secret.expose(), text, signature)
            }
            _ => false,
        }
    }

    /// Whether it is the same key for the same tokens.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let same_key = match (&self.public, &other.public) {
            (PublicKey::Ed25519(a), PublicKey::Ed25519(b)) => a == b,
            (PublicKey::Hmac(a), PublicKey::Hmac(b)) => a == b,
            _ => !self.spki.is_empty() && self.spki == other.spki,
        };
        same_key && self.id == other.id && self.algorithms == other.algorithms
    }

    fn import_secret(
        jwk: &Json,
        id: Option<String>,
        named: Option<&str>,
        rules: &KeyRules,
    ) -> Result<Self, Refused> {
        if !rules.secrets {
            return Err("a shared secret, which must not be published");
        }
        let named = named.ok_or("a shared secret without its algorithm (alg)")?;
        let algorithm = Algorithm::named(named).ok_or("an algorithm that is not supported")?;
        let key = Self::secret(id, algorithm, &number(jwk, "k")?)?;
        allowed(key.algorithms, None, rules)?;
        Ok(key)
    }
}

/// `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3).
fn check_purpose(jwk: &Json) -> Result<(), Refused> {
    if text(jwk, "use")?.is_some_and(|usage| usage != "sig") {
        return Err("not for signatures (use)");
    }
    let verifies = |operations: &Json| match operations {
        Json::Null => true,
        // An empty list names no operation, as little as no list does.
        Json::Array(operations) => {
            let mut operations = operations.iter();
            operations.len() == 0 || operations.any(|item| item.as_str() == Some("verify"))
        }
        _ => false,
    };
    if jwk
        .member("key_ops")
        .is_some_and(|operations| !verifies(operations))
    {
        return Err("not for verifying (key_ops)");
    }
    Ok(())
}

/// An RSA key without `alg` serves the algorithms that the configuration lists, and RS256 when it
/// lists none: what a key is for is not for its tokens to say.
fn rsa_algorithms(named: Option<&str>, rules: &KeyRules) -> AlgorithmSet {
    let rsa =
        |algorithm: &Algorithm| matches!(algorithm.family(), Family::RsaPkcs1 | Family::RsaPss);
    match (named, rules.listed) {
        (None, false) => AlgorithmSet::from(Algorithm::Rs256),
        _ => Algorithm::ALL.into_iter().filter(rsa).collect(),
    }
}

/// The algorithms that fit the key, that it names if it names one, and that the provider allows.
fn allowed(
    fitting: AlgorithmSet,
    named: Option<&str>,
    rules: &KeyRules,
) -> Result<AlgorithmSet, Refused> {
    let own = match named {
        None => fitting,
        Some(name) => {
            let named = Algorithm::named(name).ok_or("an algorithm that is not supported")?;
            fitting.and(AlgorithmSet::from(named))
        }
    };
    if own.is_empty() {
        return Err("an algorithm that does not fit the key");
    }
    let allowed = own.and(rules.algorithms);
    if allowed.is_empty() {
        return Err("an algorithm that the configuration does not allow");
    }
    Ok(allowed)
}

/// A point of the curve that is not one of the few of small order, with which every text has a
/// signature.
fn ed25519(x: &[u8]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(x.try_into().ok()?).ok()?;
    (!key.is_weak()).then_some(key)
}

fn verifies_hmac(hash: Hash, secret: &[u8], text: &[u8], signature: &[u8]) -> bool {
    fn with<M: hmac::KeyInit + hmac::Mac>(secret: &[u8], text: &[u8], signature: &[u8]) -> bool {
        // Compares in constant time, and only whole codes.
        <M as hmac::KeyInit>::new_from_slice(secret)
            .is_ok_and(|mac| mac.chain_update(text).verify_slice(signature).is_ok())
    }
    match hash {
        Hash::Sha256 => with::<hmac::Hmac<sha2::Sha256>>(secret, text, signature),
        Hash::Sha384 => with::<hmac::Hmac<sha2::Sha384>>(secret, text, signature),
        Hash::Sha512 => with::<hmac::Hmac<sha2::Sha512>>(secret, text, signature),
    }
}

fn text<'k>(jwk: &'k Json, name: &str) -> Result<Option<&'k str>, Refused> {
    match jwk.member(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(value)) => Ok(Some(value)),
        Some(_) => Err("a member that should be a string is none"),
    }
}

/// A coordinate of P-521 has 66 bytes, of which the first is 0 or 1: many programs leave a zero out,
/// against RFC 7518 section 6.2.1.2. On the other curves that is so rare that it is a mistake.
fn coordinate(algorithm: Algorithm, mut bytes: Vec<u8>) -> Vec<u8> {
    if algorithm == Algorithm::Es512 && bytes.len() == P521_BYTES - 1 {
        bytes.insert(0, 0);
    }
    bytes
}

/// What to say of a key without `kty`: certificates are what people put there.
fn no_key_type(jwk: &Json) -> Refused {
    if let Some(text) = jwk.as_str() {
        return match super::is_pem(text) {
            true => super::PEM_INSTEAD_OF_JWK,
            false => "no key type (kty): expected an object, not a text",
        };
    }
    if jwk.member("x5c").is_some() || jwk.member("x5u").is_some() {
        "no key type (kty); certificates (x5c, x5u) are not read: give the members of the public key"
    } else {
        "no key type (kty)"
    }
}

/// A member in base64url, with padding or without: some providers write it.
fn number(jwk: &Json, name: &str) -> Result<Vec<u8>, Refused> {
    let missing = if jwk.member("x5c").is_some() || jwk.member("x5u").is_some() {
        "a number of the key is missing; certificates (x5c, x5u) are not read: give the members of the public key"
    } else {
        "a number of the key is missing"
    };
    let value = text(jwk, name)?.ok_or(missing)?;
    // Longer than any key that is accepted: not worth decoding.
    if value.len() > MAX_NUMBER_TEXT_BYTES {
        return Err("a number of the key is too long");
    }
    URL_SAFE_NO_PAD
        .decode(value.trim_end_matches('='))
        .map_err(|_| "a number of the key is not base64url")
}

const P521_BYTES: usize = 66;
const MAX_NUMBER_TEXT_BYTES: usize = 2048;
