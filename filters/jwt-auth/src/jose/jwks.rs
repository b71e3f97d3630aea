//! The keys of a provider: a JWK set (RFC 7517 section 5).

use std::rc::Rc;

use policy::json::Json;

use super::{Algorithm, AlgorithmSet, Key};

/// The usable keys of a set.
///
/// Keys are shared: who has verified something with a key can tell later whether the key is still
/// in use.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Rc<Key>>,
    /// `kid` of the keys that had to be left out.
    unusable: Vec<String>,
}

/// What the configuration says of the keys of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// The algorithms that the provider may use.
    pub algorithms: AlgorithmSet,
    /// Whether the configuration lists them.
    pub listed: bool,
    /// Whether keys may be shared secrets: in the configuration, but never published.
    pub secrets: bool,
}

impl KeyRules {
    /// For keys from elsewhere than the configuration.
    #[must_use]
    pub const fn published(algorithms: AlgorithmSet, listed: bool) -> Self {
        Self {
            algorithms,
            listed,
            secrets: false,
        }
    }
}

impl Default for KeyRules {
    fn default() -> Self {
        let asymmetric = Algorithm::ALL
            .into_iter()
            .filter(|algorithm| !algorithm.is_symmetric());
        Self::published(asymmetric.collect(), false)
    }
}

/// A key that was left out: its place in the set, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// The key's index in `keys`.
    pub index: usize,
    /// Why the key is not used.
    pub reason: &'static str,
}

impl KeySet {
    /// Imports a JWK set.
    ///
    /// # Errors
    /// Not a JWK set at all.
    pub fn import(set: &Json, rules: &KeyRules) -> Result<(Self, Vec<SkippedKey>), &'static str> {
        let Some(Json::Array(keys)) = set.member("keys") else {
            return Err(instead_of_a_set(set));
        };
        let mut imported = Self::default();
        let mut skipped = Vec::new();
        for (index, jwk) in keys.iter().take(MAX_KEYS).enumerate() {
            match Key::import(jwk, rules) {
                Ok(key) => imported.add(key),
                Err(reason) => {
                    let id = jwk.member("kid").and_then(Json::as_str);
                    imported.unusable.extend(id.map(str::to_owned));
                    skipped.push(SkippedKey { index, reason });
                }
            }
        }
        if keys.len() > MAX_KEYS {
            skipped.push(SkippedKey {
                index: MAX_KEYS,
                reason: "this key and those behind it are beyond the first 100, which are used",
            });
        }
        Ok((imported, skipped))
    }

    /// Adds a key to the set.
    pub fn add(&mut self, key: Key) {
        self.keys.push(Rc::new(key));
    }

    /// The keys that may have signed a token with this `alg` and `kid`: those with the same `kid`,
    /// or, where no key has it, those without one. A token without `kid` may be by any key of its
    /// algorithm. Only so many are tried.
    pub fn candidates<'k>(
        &'k self,
        algorithm: Algorithm,
        key_id: Option<&'k str>,
    ) -> impl Iterator<Item = &'k Rc<Key>> {
        let named = key_id.filter(|id| self.knows(id));
        self.keys
            .iter()
            .filter(move |key| key.algorithms.contains(algorithm))
            .filter(move |key| key_id.is_none() || key.id.as_deref() == named)
            .take(MAX_CANDIDATES)
    }

    /// Whether a key of the set has this `kid`, whatever it is for and whether it is usable.
    #[must_use]
    pub fn knows(&self, key_id: &str) -> bool {
        let usable = self.keys.iter().filter_map(|key| key.id.as_deref());
        let unusable = self.unusable.iter().map(String::as_str);
        usable.chain(unusable).any(|id| id == key_id)
    }

    /// Takes the place of `old`: keys that are in both sets stay the keys that they were.
    #[must_use]
    pub fn succeeding(mut self, old: &Self) -> Self {
        for key in &mut self.keys {
            if let Some(known) = old.keys.iter().find(|known| known.is_same(key)) {
                *key = Rc::clone(known);
            }
        }
        self
    }

    /// The number of usable keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key is usable.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether there are shared secrets among the keys, and whether there are public ones.
    #[must_use]
    pub fn kinds(&self) -> (bool, bool) {
        let secret = |key: &Rc<Key>| matches!(key.public, super::PublicKey::Hmac(_));
        let secrets = self.keys.iter().any(secret);
        (secrets, !self.keys.iter().all(secret))
    }
}

/// What stands where a JWK set belongs, and what to do about it.
fn instead_of_a_set(found: &Json) -> &'static str {
    let is_pem = |value: &Json| value.as_str().is_some_and(is_pem);
    match found {
        Json::Array(_) => r#"a list of keys: put it into a set, {"keys": [...]}"#,
        Json::Object(_) if found.member("kty").is_some() => {
            r#"a single key: put it into a set, {"keys": [{"kty": ...}]}"#
        }
        Json::Object(_) if found.member("keys").is_some_and(is_pem) => super::PEM_INSTEAD_OF_JWK,
        Json::Object(members)
            if !members.is_empty() && members.iter().all(|(_, value)| is_pem(value)) =>
        {
            "a map of certificates: Google publishes the same keys as a JWK set at \
             https://www.googleapis.com/oauth2/v3/certs, Firebase at \
             https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
        }
        Json::Object(_) if found.member("jwks_uri").is_some() => {
            "metadata of an issuer: use \"discovery\", or the address that it has as jwks_uri"
        }
        _ => r#"not a JWK set: expected an object with an array "keys""#,
    }
}

/// Whether a text is PEM, or the base64 of PEM, as Kubernetes secrets have it.
pub(crate) fn is_pem(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("-----BEGIN") || text.starts_with("LS0tLS1CRUdJTi")
}

const MAX_KEYS: usize = 100;
/// Bounds the work for a token without `kid`.
const MAX_CANDIDATES: usize = 4;

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;

    /// The public key of RFC 7515, appendix A.3.
    const P256: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

    fn import(keys: &[String]) -> (usize, Vec<SkippedKey>) {
        let text = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        let set = Json::parse(text.as_bytes()).unwrap();
        let (set, skipped) = KeySet::import(&set, &KeyRules::default()).unwrap();
        (set.len(), skipped)
    }

    #[test]
    fn what_providers_write_otherwise_is_read() {
        // RFC 7515, appendix A.4: the first byte of `y` is zero, which some leave out.
        let y = "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2";
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(y).unwrap();
        let (zero, short) = bytes.split_first().unwrap();
        assert_eq!(*zero, 0);
        let short = BASE64_URL_SAFE_NO_PAD.encode(short);
        for key in [
            format!("{{{P256}}}"),
            format!(r#"{{{P256},"use":null,"key_ops":[],"alg":null}}"#),
            format!(
                "{{{}}}",
                P256.replace("RVEU\"", "RVEU=\"")
                    .replace("I5a0\"", "I5a0=\"")
            ),
            format!(
                r#"{{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"{short}"}}"#
            ),
        ] {
            assert_eq!(import(std::slice::from_ref(&key)), (1, vec![]), "{key}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_harms_no_other() {
        let good = format!("{{{P256}}}");
        for bad in [
            P256.replace(r#""crv":"P-256","#, ""),
            P256.replace("P-256", "P-384"),
            P256.replace("RVEU", "RVEV"),
            r#""kty":"unheard-of""#.to_owned(),
        ] {
            let (count, skipped) = import(&[format!("{{{bad}}}"), good.clone()]);
            assert_eq!((count, skipped.len()), (1, 1), "{bad}");
            assert_eq!(skipped.first().map(|key| key.index), Some(0), "{bad}");
        }
    }

    #[test]
    fn of_a_large_set_the_first_hundred_count() {
        let keys: Vec<String> = (0..120)
            .map(|number| format!(r#"{{{P256},"kid":"{number}"}}"#))
            .collect();
        let (count, skipped) = import(&keys);
        assert_eq!((count, skipped.len()), (100, 1));
        assert_eq!(skipped.first().map(|key| key.index), Some(100));
    }
}
