//! Keys of an identity provider: a JWK set (RFC 7517), with our own rules on what a key must be.
//!
//! The algorithm belongs to the key, never to the token (RFC 8725 section 3.1). A key that fits no
//! supported algorithm, or that is too weak, is left out with a reason; the others serve.

use jwt_simple::algorithms::{ECDSAP256PublicKeyLike as _, ES256PublicKey, RS256PublicKey};
use policy::json::Json;

use crate::signature::Algorithm;

/// The usable keys of a set.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// One public key, for exactly one algorithm.
#[derive(Clone, Debug)]
pub struct Key {
    /// `kid`.
    pub id: Option<String>,
    /// What it verifies.
    pub algorithm: Algorithm,
    /// SubjectPublicKeyInfo, DER: what the host's verifier takes.
    pub spki: Vec<u8>,
    /// For the verifier inside the VM.
    pub public: PublicKey,
}

/// A key of jwt-simple.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named after the algorithms")]
pub enum PublicKey {
    Rs256(Box<RS256PublicKey>),
    Es256(Box<ES256PublicKey>),
}

/// A key that was left out: its place in the set, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Place in `keys`.
    pub index: usize,
    /// Why.
    pub reason: &'static str,
}

impl KeySet {
    /// Imports a JWK set.
    ///
    /// # Errors
    /// Not a JWK set at all.
    pub fn import(set: &Json) -> Result<(Self, Vec<SkippedKey>), &'static str> {
        let Some(Json::Array(keys)) = set.member("keys") else {
            return Err(r#"not a JWK set: expected an object with an array "keys""#);
        };
        if keys.len() > MAX_KEYS {
            return Err("the JWK set has more than 100 keys");
        }
        let mut imported = Self::default();
        let mut skipped = Vec::new();
        for (index, jwk) in keys.iter().enumerate() {
            match Key::import(jwk) {
                Ok(key) => imported.keys.push(key),
                Err(reason) => skipped.push(SkippedKey { index, reason }),
            }
        }
        Ok((imported, skipped))
    }

    /// The keys that may have signed a token with this `alg` and `kid`. A token without `kid` may
    /// be by any key of its algorithm, but only so many are tried.
    pub fn candidates<'k>(
        &'k self,
        algorithm: Algorithm,
        key_id: Option<&'k str>,
    ) -> impl Iterator<Item = &'k Key> {
        self.keys
            .iter()
            .filter(move |key| key.algorithm == algorithm)
            .filter(move |key| key_id.is_none() || key.id.as_deref() == key_id)
            .take(MAX_CANDIDATES)
    }

    /// Number of usable keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key is usable.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Key {
    fn import(jwk: &Json) -> Result<Self, &'static str> {
        let text = |name: &str| match jwk.member(name) {
            None => Ok(None),
            Some(Json::String(value)) => Ok(Some(value.as_str())),
            Some(_) => Err("a member is not a string"),
        };
        if text("use")?.is_some_and(|usage| usage != "sig") {
            return Err("not for signatures (use)");
        }
        if let Some(operations) = jwk.member("key_ops")
            && !operations
                .words()
                .iter()
                .any(|operation| operation == "verify")
        {
            return Err("not for verifying (key_ops)");
        }
        if ["d", "p", "q", "dp", "dq", "qi", "k"]
            .iter()
            .any(|name| jwk.member(name).is_some())
        {
            return Err("a private or symmetric key, which must not be published");
        }
        let algorithm = match (text("kty")?, text("crv")?) {
            (Some("RSA"), None) => Algorithm::Rs256,
            (Some("EC"), Some("P-256")) => Algorithm::Es256,
            (Some("RSA" | "EC"), _) => return Err("a curve that is not supported"),
            (Some(_), _) => return Err("a key type that is not supported"),
            (None, _) => return Err("no key type (kty)"),
        };
        if text("alg")?.is_some_and(|named| named != algorithm.name()) {
            return Err("an algorithm that is not supported, or that does not fit the key");
        }
        let id = text("kid")?.map(str::to_owned);
        // The engine reads its own JSON; what it needs is passed on and nothing else.
        let relevant = ["kty", "crv", "n", "e", "x", "y"];
        let members = relevant.iter().filter_map(|name| {
            jwk.member(name)
                .map(|value| ((*name).to_owned(), value.clone()))
        });
        let jwk_text = Json::Object(members.collect()).to_string();
        const REFUSED: &str = "the key's numbers are malformed, too small or not on the curve";
        let (public, spki) = match algorithm {
            Algorithm::Rs256 => {
                let key = RS256PublicKey::from_jwk(&jwk_text).map_err(|_| REFUSED)?;
                let spki = key.to_der().map_err(|_| REFUSED)?;
                (PublicKey::Rs256(Box::new(key)), spki)
            }
            Algorithm::Es256 => {
                let key = ES256PublicKey::from_jwk(&jwk_text).map_err(|_| REFUSED)?;
                let spki = key.public_key().to_der().map_err(|_| REFUSED)?;
                (PublicKey::Es256(Box::new(key)), spki)
            }
        };
        Ok(Self {
            id,
            algorithm,
            spki,
            public,
        })
    }
}

const MAX_KEYS: usize = 100;
/// Bounds the work for a token without `kid`.
const MAX_CANDIDATES: usize = 4;
