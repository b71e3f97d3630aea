//! What is written here although a library does it too, beside the library, one thread, native: the
//! reason for each to stay, or to go.

use std::hint::black_box;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envoy_test::{Error, Result};
use jwt_auth::jose::{Algorithm, Family, KNOWN_ANSWERS, Key, KeyRules, KnownAnswer, signature_der};
use jwt_auth::token::base64url;
use p256::ecdsa::Signature;
use policy::json::Json;
use rsa::RsaPublicKey;
use rsa::pkcs1v15;
use rsa::signature::Verifier as _;

use crate::load::median;

/// Each row is measured so often, ours and the library's in turn.
const ROUNDS: usize = 9;
/// As long as the payload of an ordinary access token.
const PAYLOAD_BYTES: usize = 700;

pub(crate) fn run() -> Result<()> {
    println!(
        "{:<44}{:>12}{:>12}{:>8}",
        "own code, one thread", "ours ns", "library ns", "ratio"
    );
    let payload = URL_SAFE_NO_PAD.encode(vec![0x5a; PAYLOAD_BYTES]);
    row(
        "base64url of a payload / base64",
        10_000,
        || base64url::decode(black_box(&payload)).is_some(),
        || URL_SAFE_NO_PAD.decode(black_box(&payload)).is_ok(),
    )?;
    let (answer, jwk, signature) = known(Algorithm::Rs256)?;
    let rules = KeyRules::published(Algorithm::ALL.into_iter().collect(), false);
    let key = Key::import(&jwk, &rules).map_err(|_| failed("the key is refused"))?;
    let theirs = library_key(&jwk)?;
    let their_signature =
        pkcs1v15::Signature::try_from(signature.as_slice()).map_err(|e| failed(&e.to_string()))?;
    row(
        "RS256 with a key of 2,048 bits / rsa",
        200,
        || key.verifies(answer.algorithm, KnownAnswer::TEXT, black_box(&signature)),
        || {
            let signature = black_box(&their_signature);
            theirs.verify(KnownAnswer::TEXT, signature).is_ok()
        },
    )?;
    let (answer, _, signature) = known(Algorithm::Es256)?;
    let Family::Ecdsa { coordinate_bytes } = answer.algorithm.family() else {
        return Err(failed("not an ECDSA signature"));
    };
    row(
        "the DER of an ES256 signature / p256",
        100_000,
        || signature_der(black_box(&signature), coordinate_bytes).is_some(),
        || {
            let signature = Signature::from_slice(black_box(&signature));
            signature.is_ok_and(|signature| !signature.to_der().as_bytes().is_empty())
        },
    )
}

/// The known signature of an algorithm, its key, and its bytes.
fn known(algorithm: Algorithm) -> Result<(&'static KnownAnswer, Json, Vec<u8>)> {
    let answer = KNOWN_ANSWERS.iter().find(|a| a.algorithm == algorithm);
    let answer = answer.ok_or_else(|| failed("no known answer"))?;
    let jwk = Json::parse(answer.jwk.as_bytes()).map_err(|e| failed(&e.to_string()))?;
    let signature = base64url::decode(answer.signature).ok_or_else(|| failed("no base64url"))?;
    Ok((answer, jwk, signature))
}

fn library_key(jwk: &Json) -> Result<pkcs1v15::VerifyingKey<sha2::Sha256>> {
    let number = |name: &str| {
        let digits = jwk.member(name)?.as_str()?;
        let bytes = base64url::decode(digits)?;
        Some(rsa::BigUint::from_bytes_be(&bytes))
    };
    let numbers = number("n").zip(number("e"));
    let (modulus, exponent) = numbers.ok_or_else(|| failed("not an RSA key"))?;
    let key = RsaPublicKey::new(modulus, exponent).map_err(|e| failed(&e.to_string()))?;
    Ok(pkcs1v15::VerifyingKey::new(key))
}

/// Measures both so many times a round; both must do the work.
fn row(name: &str, times: u32, ours: impl Fn() -> bool, library: impl Fn() -> bool) -> Result<()> {
    if !ours() || !library() {
        return Err(failed(name));
    }
    let (mut our_ns, mut their_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_ns.push(nanoseconds(times, &ours));
        their_ns.push(nanoseconds(times, &library));
    }
    let (our_ns, their_ns) = (median(&our_ns), median(&their_ns));
    println!(
        "{name:<44}{our_ns:>12.0}{their_ns:>12.0}{:>8.2}",
        our_ns / their_ns
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn nanoseconds(times: u32, work: &impl Fn() -> bool) -> f64 {
    let began = Instant::now();
    for _ in 0..times {
        black_box(work());
    }
    began.elapsed().as_nanos() as f64 / f64::from(times)
}

fn failed(reason: &str) -> Error {
    Error::Crypto {
        action: "comparing own code with libraries".to_owned(),
        reason: reason.to_owned(),
    }
}
