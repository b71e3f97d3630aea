//! The foreign function `verify_signature` as Envoy offers it, without Envoy.
//!
//! Its answers follow those of the BoringSSL in Envoy 1.37 and later: RSA PKCS#1 v1.5 and ECDSA with
//! DER-coded signatures on P-256 and P-384; everything else (RSA-PSS, Ed25519, raw ECDSA
//! signatures, garbage) is not verified, and says so rather than failing. P-521 and RSA keys of more
//! than 4096 bits, which Envoy verifies, are left out.

use host::Status;
use host::fake::FakeHost;
use host::protobuf::{Value, Writer, fields};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs8::DecodePublicKey;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// Offers the function on `host`, as Envoy does; nginx hosts have none.
pub fn offer(host: &FakeHost) {
    host.set_foreign_function("verify_signature", verify_signature);
}

/// Verifies a signature: argument and result are the messages of Envoy's `verify_signature.proto`.
///
/// # Errors
/// [`Status::BadArgument`] for an argument that is no message.
pub fn verify_signature(argument: &[u8]) -> Result<Vec<u8>, Status> {
    let mut parts: [&[u8]; 4] = [&[]; 4];
    for field in fields(argument) {
        let (number, value) = field.map_err(|_| Status::BadArgument)?;
        let place = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        if let (Some(part), Value::Bytes(bytes)) =
            (place.and_then(|place| parts.get_mut(place)), value)
        {
            *part = bytes;
        }
    }
    let [hash, key, signature, text] = parts;
    let verified = hash_of(hash, text)
        .is_some_and(|(scheme, digest)| verifies(scheme, &digest, key, signature));
    let result = Writer::default();
    Ok(if verified {
        result.varint(1, 1).finish()
    } else {
        result.bytes(2, b"Failed to verify.").finish()
    })
}

fn hash_of(name: &[u8], text: &[u8]) -> Option<(Pkcs1v15Sign, Vec<u8>)> {
    Some(match name.to_ascii_lowercase().as_slice() {
        b"sha224" => (Pkcs1v15Sign::new::<Sha224>(), Sha224::digest(text).to_vec()),
        b"sha256" => (Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(text).to_vec()),
        b"sha384" => (Pkcs1v15Sign::new::<Sha384>(), Sha384::digest(text).to_vec()),
        b"sha512" => (Pkcs1v15Sign::new::<Sha512>(), Sha512::digest(text).to_vec()),
        _ => return None,
    })
}

fn verifies(scheme: Pkcs1v15Sign, digest: &[u8], key: &[u8], signature: &[u8]) -> bool {
    if let Ok(key) = RsaPublicKey::from_public_key_der(key) {
        return key.verify(scheme, digest, signature).is_ok();
    }
    if let Ok(key) = p256_key(key) {
        let signature = p256::ecdsa::DerSignature::from_bytes(signature);
        return signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok());
    }
    if let Ok(key) = p384_key(key) {
        let signature = p384::ecdsa::DerSignature::from_bytes(signature);
        return signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok());
    }
    false
}

fn p256_key(der: &[u8]) -> Result<p256::ecdsa::VerifyingKey, p256::pkcs8::spki::Error> {
    p256::pkcs8::DecodePublicKey::from_public_key_der(der)
}

fn p384_key(der: &[u8]) -> Result<p384::ecdsa::VerifyingKey, p384::pkcs8::spki::Error> {
    p384::pkcs8::DecodePublicKey::from_public_key_der(der)
}
