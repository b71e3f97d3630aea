//! Who checks signatures: the host where it can, the VM where it cannot.
//!
//! On Envoy the host's crypto library checks an RS256 signature in about a fifth of the time that
//! it takes inside the VM, and ES256 in a tenth. Whether it is there and right is tried out at
//! configure time, with one good and one bad signature for each algorithm; both backends must agree
//! on every token.

use host::{Capabilities, Host, verify_signature};
use policy::json::Json;

use crate::jose::{
    Algorithm, AlgorithmSet, Family, KNOWN_ANSWERS, Key, KeyRules, KnownAnswer, signature_der,
};
use crate::token::base64url;

/// The algorithms that the host checks; the VM checks all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignatureBackend {
    by_host: AlgorithmSet,
}

impl SignatureBackend {
    /// Tries the host out: it checks the algorithms of which it knows the answers.
    #[must_use]
    pub fn choose(host: &dyn Host, capabilities: &Capabilities) -> Self {
        if !capabilities.has_foreign_functions() {
            return Self::default();
        }
        let known = KNOWN_ANSWERS
            .iter()
            .filter(|answer| host_knows(host, answer) == Some(true))
            .map(|answer| answer.algorithm);
        Self {
            by_host: known.collect(),
        }
    }

    /// The names of the algorithms that the host checks, for the log.
    #[must_use]
    pub fn checked_by_host(self) -> Vec<&'static str> {
        Algorithm::ALL
            .into_iter()
            .filter(|algorithm| self.by_host.contains(*algorithm))
            .map(Algorithm::name)
            .collect()
    }

    /// Whether `text` was signed with `key`.
    #[must_use]
    pub fn verifies(
        self,
        host: &dyn Host,
        key: &Key,
        algorithm: Algorithm,
        text: &[u8],
        signature: &[u8],
    ) -> bool {
        let by_host = self.by_host.contains(algorithm) && key.algorithms.contains(algorithm);
        // Only a host that could not decide is a reason to ask again.
        by_host
            .then(|| verified_by_host(host, key, algorithm, text, signature))
            .flatten()
            .unwrap_or_else(|| key.verifies(algorithm, text, signature))
    }
}

/// `None` when the host could not decide.
fn verified_by_host(
    host: &dyn Host,
    key: &Key,
    algorithm: Algorithm,
    text: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let der;
    let signature = match algorithm.family() {
        Family::RsaPkcs1 => signature,
        Family::Ecdsa { coordinate_bytes } => {
            let Some(converted) = signature_der(signature, coordinate_bytes) else {
                return Some(false);
            };
            der = converted;
            &der
        }
        Family::RsaPss | Family::Ed25519 | Family::Hmac => return None,
    };
    verify_signature(host, algorithm.hash().name(), &key.spki, signature, text).ok()
}

fn host_knows(host: &dyn Host, answer: &KnownAnswer) -> Option<bool> {
    let jwk = Json::parse(answer.jwk.as_bytes()).ok()?;
    let key = Key::import(&jwk, &KeyRules::default()).ok()?;
    let good = base64url::decode(answer.signature)?;
    let mut bad = good.clone();
    *bad.last_mut()? ^= 1;
    let verified = |signature: &[u8]| {
        let text = KnownAnswer::TEXT;
        verified_by_host(host, &key, answer.algorithm, text, signature)
    };
    Some(verified(&good)? && !verified(&bad)?)
}
