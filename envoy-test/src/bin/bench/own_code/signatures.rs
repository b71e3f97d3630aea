//! Signatures of tokens.

use std::hint::black_box;

use envoy_test::Result;
use jwt_auth::jose::{Algorithm, Family, KNOWN_ANSWERS, Key, KeyRules, KnownAnswer, signature_der};
use jwt_auth::token::base64url;
use p256::ecdsa::Signature;
use policy::json::Json;
use rsa::RsaPublicKey;
use rsa::pkcs1v15;
use rsa::signature::Verifier as _;

use super::{Row, failed};

pub(super) fn measure() -> Result<()> {
    let (rs256, jwk, signature) = known(Algorithm::Rs256)?;
    let rules = KeyRules::published(Algorithm::ALL.into_iter().collect(), false);
    let key = Key::import(&jwk, &rules).map_err(|_| failed("the key is refused"))?;
    let library_key = library_key(&jwk)?;
    let same = pkcs1v15::Signature::try_from(signature.as_slice()).map_err(failed)?;
    let (es256, _, coordinates) = known(Algorithm::Es256)?;
    let Family::Ecdsa { coordinate_bytes } = es256.algorithm.family() else {
        return Err(failed("not an ECDSA signature"));
    };
    let rows = [
        Row {
            what: "RS256 with a key of 2,048 bits, verified",
            library: "rsa",
            reason: "hosts without `verify_signature` check every new token with it",
            ours: Box::new(|| {
                key.verifies(rs256.algorithm, KnownAnswer::TEXT, black_box(&signature))
            }),
            theirs: Box::new(|| {
                library_key
                    .verify(KnownAnswer::TEXT, black_box(&same))
                    .is_ok()
            }),
        },
        Row {
            what: "the DER of an ES256 signature",
            library: "p256",
            reason: "BoringSSL checks the signature; p256 reads both numbers as points first",
            ours: Box::new(|| signature_der(black_box(&coordinates), coordinate_bytes).is_some()),
            theirs: Box::new(|| {
                let signature = Signature::from_slice(black_box(&coordinates));
                signature.is_ok_and(|signature| !signature.to_der().as_bytes().is_empty())
            }),
        },
    ];
    rows.iter().try_for_each(Row::measure)
}

/// The known signature of an algorithm, its key, and its bytes.
fn known(algorithm: Algorithm) -> Result<(&'static KnownAnswer, Json, Vec<u8>)> {
    let known = KNOWN_ANSWERS.iter().find(|a| a.algorithm == algorithm);
    let known = known.ok_or_else(|| failed("no known signature"))?;
    let jwk = Json::parse(known.jwk.as_bytes()).map_err(failed)?;
    let signature = base64url::decode(known.signature).ok_or_else(|| failed("no base64url"))?;
    Ok((known, jwk, signature))
}

fn library_key(jwk: &Json) -> Result<pkcs1v15::VerifyingKey<sha2::Sha256>> {
    let number = |name: &str| {
        let digits = jwk.member(name)?.as_str()?;
        let bytes = base64url::decode(digits)?;
        Some(rsa::BigUint::from_bytes_be(&bytes))
    };
    let numbers = number("n").zip(number("e"));
    let (modulus, exponent) = numbers.ok_or_else(|| failed("not an RSA key"))?;
    let key = RsaPublicKey::new(modulus, exponent).map_err(failed)?;
    Ok(pkcs1v15::VerifyingKey::new(key))
}
