//! Signatures, by the host where it can and by jwt-simple where it cannot.
//!
//! On Envoy the host's crypto library checks an RS256 signature in about a fiftieth of the time
//! that it takes inside the VM. Whether it is there and right is tried out at configure time with
//! one good and one bad signature for each algorithm; both engines must agree on every token.

use host::{Capabilities, Host, verify_signature};
use jwt_simple::algorithms::{ECDSAP256PublicKeyLike as _, RSAPublicKeyLike as _};
use jwt_simple::claims::NoCustomClaims;
use jwt_simple::common::VerificationOptions;
use jwt_simple::prelude::Duration;

use crate::jwks::{Key, KeySet, PublicKey};
use crate::token::Token;
use crate::vectors::KNOWN_ANSWERS;

/// A signature algorithm (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// All that are supported.
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es256];

    /// The name in `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

/// Who checks signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The host's `verify_signature`; jwt-simple if a call fails.
    Host,
    /// jwt-simple, inside the VM.
    Vm,
}

impl Engine {
    /// The host's verifier if it is there and passes every known answer.
    #[must_use]
    pub fn choose(host: &dyn Host, capabilities: &Capabilities) -> Self {
        if capabilities.has_foreign_functions() && host_knows_the_answers(host) {
            Self::Host
        } else {
            Self::Vm
        }
    }

    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Vm => "vm",
        }
    }

    /// Whether `token` was signed with `key`.
    #[must_use]
    pub fn verifies(self, host: &dyn Host, token: &Token<'_>, key: &Key) -> bool {
        match self {
            Self::Host => by_host(host, token, key).unwrap_or_else(|| by_vm(token, key)),
            Self::Vm => by_vm(token, key),
        }
    }
}

/// `None` when the host could not decide.
fn by_host(host: &dyn Host, token: &Token<'_>, key: &Key) -> Option<bool> {
    let der;
    let signature = match key.algorithm {
        Algorithm::Rs256 => &token.signature,
        Algorithm::Es256 => match ecdsa_der(&token.signature) {
            Some(converted) => {
                der = converted;
                &der
            }
            None => return Some(false),
        },
    };
    let text = token.signing_input.as_bytes();
    verify_signature(host, "sha256", &key.spki, signature, text).ok()
}

/// jwt-simple wants to check claims too. They have been checked before, with our own clock and
/// rules, so it gets a clock and a tolerance that accept every time up to the year 2100.
fn by_vm(token: &Token<'_>, key: &Key) -> bool {
    let half_way = Duration::from_days(365 * 65);
    let options = VerificationOptions {
        accept_future: true,
        time_tolerance: Some(half_way),
        artificial_time: Some(half_way),
        max_token_length: None,
        ..VerificationOptions::default()
    };
    match &key.public {
        PublicKey::Rs256(public) => public
            .verify_token::<NoCustomClaims>(token.text, Some(options))
            .is_ok(),
        PublicKey::Es256(public) => {
            // The signature is exactly two 32-byte numbers (RFC 7518 section 3.4).
            token.signature.len() == 64
                && public
                    .verify_token::<NoCustomClaims>(token.text, Some(options))
                    .is_ok()
        }
    }
}

/// The two numbers of a JWS signature (RFC 7518 section 3.4) as the DER that crypto libraries take
/// (RFC 3279 section 2.2.3). `None` unless there are exactly 64 bytes.
fn ecdsa_der(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_first_chunk::<32>()?;
    let s: &[u8; 32] = s.try_into().ok()?;
    let mut body = der_integer(r)?;
    body.extend(der_integer(s)?);
    let mut der = vec![0x30, u8::try_from(body.len()).ok()?];
    der.extend(body);
    Some(der)
}

fn der_integer(number: &[u8; 32]) -> Option<Vec<u8>> {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(31);
    let digits = number.get(first..)?;
    let negative = digits.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut der = vec![
        0x02,
        u8::try_from(digits.len())
            .ok()?
            .checked_add(u8::from(negative))?,
    ];
    if negative {
        der.push(0);
    }
    der.extend(digits);
    Some(der)
}

fn host_knows_the_answers(host: &dyn Host) -> bool {
    KNOWN_ANSWERS.iter().all(|answer| {
        let Ok(set) = policy::json::Json::parse(answer.jwks.as_bytes()) else {
            return false;
        };
        let Ok((keys, _)) = KeySet::import(&set) else {
            return false;
        };
        let Some(key) = keys.candidates(answer.algorithm, None).next() else {
            return false;
        };
        let Ok(good) = Token::parse(answer.token, &[]) else {
            return false;
        };
        let mut bad = good.clone();
        if let Some(byte) = bad.signature.last_mut() {
            *byte ^= 1;
        }
        by_host(host, &good, key) == Some(true) && by_host(host, &bad, key) == Some(false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_hold_inside_the_vm() {
        for answer in KNOWN_ANSWERS {
            let set = policy::json::Json::parse(answer.jwks.as_bytes()).unwrap();
            let (keys, skipped) = KeySet::import(&set).unwrap();
            assert_eq!(skipped, []);
            let key = keys.candidates(answer.algorithm, None).next().unwrap();
            let good = Token::parse(answer.token, &[]).unwrap();
            assert!(by_vm(&good, key), "{:?}", answer.algorithm);
            let text = answer.token.to_owned();
            for (from, to) in [
                (".eyJ", ".eyK"),
                (&text[text.len() - 8..text.len() - 7], ""),
            ] {
                let changed = text.replacen(from, to, 1);
                if let Ok(token) = Token::parse(&changed, &[]) {
                    assert!(!by_vm(&token, key));
                }
            }
            let (other, _) = text.rsplit_once('.').unwrap();
            let unsigned = format!("{other}.");
            assert!(!by_vm(&Token::parse(&unsigned, &[]).unwrap(), key));
        }
    }

    #[test]
    fn ecdsa_signatures_become_der() {
        let mut signature = [0; 64];
        signature[31] = 1;
        signature[32] = 0x80;
        let der = ecdsa_der(&signature).unwrap();
        assert_eq!(der[..7], [0x30, 38, 0x02, 1, 1, 0x02, 33]);
        assert_eq!(der[7..9], [0, 0x80]);
        assert_eq!(ecdsa_der(&[0; 64]).unwrap(), [0x30, 6, 2, 1, 0, 2, 1, 0]);
        for length in [0, 32, 63, 65, 66, 128] {
            assert_eq!(ecdsa_der(&vec![1; length]), None);
        }
    }
}
