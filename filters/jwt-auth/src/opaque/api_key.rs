//! API keys and their holders.

use std::collections::HashMap;
use std::rc::Rc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use policy::config::Problem;
use policy::identity::{AuthenticationMethod, Identity};
use policy::json::Json;
use policy::secret::Secret;
use sha2::Sha256;

use crate::config::{ApiKeyEntry, ApiKeys, Provider};
use crate::enforce::claim_headers;
use crate::jose::sha256;
use crate::reason::Reason;
use crate::token::claims::{self, Validity};
use crate::verify::verified::Verified;

/// The holders of the keys of a provider, by the hashes of their keys.
pub(crate) struct ApiKeyHolders {
    by_hash: HashMap<[u8; 32], Rc<Verified>>,
    pepper: Option<Secret>,
}

impl ApiKeyHolders {
    /// # Errors
    /// Claims of a key do not fit into the headers that they are for.
    pub(crate) fn new(
        index: usize,
        provider: &Provider,
        keys: &ApiKeys,
        pepper: Option<Secret>,
    ) -> Result<Self, Problem> {
        let mut by_hash = HashMap::with_capacity(keys.by_hash.len());
        for (hash, entry) in &keys.by_hash {
            if let Some(entry) = keys.entries.get(*entry) {
                by_hash.insert(*hash, Rc::new(holder_of(entry, index, provider)?));
            }
        }
        Ok(Self { by_hash, pepper })
    }

    /// The holder of a key.
    ///
    /// # Errors
    /// There is none, or the key is not valid at this time.
    pub(crate) fn holder(&self, key: &str, now_s: f64) -> Result<Rc<Verified>, Reason> {
        if key.len() > MAX_KEY_BYTES {
            return Err(Reason::ApiKeyUnknown);
        }
        let hash = hash(self.pepper.as_ref().map(Secret::expose), key.as_bytes());
        // What the time of the look-up tells is about the hash of what the caller has sent. To use
        // it, the caller would have to find keys with hashes of its choice.
        let holder = self.by_hash.get(&hash).ok_or(Reason::ApiKeyUnknown)?;
        match holder.validity.check(now_s) {
            Ok(()) => Ok(Rc::clone(holder)),
            Err(Reason::TokenNotYetValid) => Err(Reason::ApiKeyNotYetValid),
            Err(_) => Err(Reason::ApiKeyExpired),
        }
    }
}

/// The hash of a key as it stands in the configuration: SHA-256, or with a pepper HMAC-SHA-256.
#[must_use]
pub fn hash(pepper: Option<&[u8]>, key: &[u8]) -> [u8; 32] {
    let Some(pepper) = pepper else {
        return sha256(key);
    };
    // HMAC takes keys of any length; the error exists for other constructions.
    Hmac::<Sha256>::new_from_slice(pepper).map_or([0; 32], |mac| {
        mac.chain_update(key).finalize().into_bytes().into()
    })
}

fn holder_of(entry: &ApiKeyEntry, index: usize, provider: &Provider) -> Result<Verified, Problem> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age")]
    let seconds = |time: i64| time as f64;
    let validity = Validity {
        from_s: entry.not_before_s.map_or(f64::NEG_INFINITY, seconds),
        until_s: entry.expires_s.map_or(f64::INFINITY, seconds),
    };
    let claims = claims_of(entry);
    let headers = claim_headers::headers(provider, &claims, None);
    // What the entry says itself is not sought in its claims.
    let said = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let mapped = claims::identity(provider, AuthenticationMethod::ApiKey, claims);
    let identity = Identity {
        subject: mapped.subject.or_else(|| Some(entry.id.clone())),
        issuer: None,
        scopes: said(&entry.scopes).unwrap_or(mapped.scopes),
        roles: said(&entry.roles).unwrap_or(mapped.roles),
        tenant: entry.tenant.clone().or(mapped.tenant),
        ..mapped
    };
    let mut verified = Verified::new(index, validity, identity);
    verified.headers = headers.map_err(|reason| {
        let message = format!("a key of {:?}: {reason}", entry.id);
        Problem::new(format!("providers.{}.api_keys", provider.name), message)
    })?;
    Ok(verified)
}

/// What the upstream may ask for, under the names that tokens have for it.
fn claims_of(entry: &ApiKeyEntry) -> Json {
    let list = |items: &[String]| Json::Array(items.iter().cloned().map(Json::String).collect());
    let mut members = vec![("sub", Json::from(entry.id.as_str()))];
    if !entry.scopes.is_empty() {
        members.push(("scope", Json::String(entry.scopes.join(" "))));
    }
    if !entry.roles.is_empty() {
        members.push(("roles", list(&entry.roles)));
    }
    members.extend(
        entry
            .tenant
            .iter()
            .map(|tenant| ("tenant", Json::from(tenant.as_str()))),
    );
    let named = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Json::Object(named.chain(entry.claims.iter().cloned()).collect())
}

/// The longest key that is looked at.
pub const MAX_KEY_BYTES: usize = 4096;
/// A shorter pepper could be guessed by whoever has the hashes and a key.
pub const MIN_PEPPER_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        let hexadecimal = |hash: [u8; 32]| policy::hex::encode(&hash);
        // FIPS 180-4 example, and RFC 4231 test case 2.
        assert_eq!(
            hexadecimal(hash(None, b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hexadecimal(hash(Some(b"Jefe"), b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
