//! The foreign function `verify_signature` of Envoy: public-key signatures by the host's crypto
//! library, in about a fiftieth of the time that they take inside the VM.

use crate::protobuf::{Value, Writer, fields};
use crate::{Host, Status};

/// Asks the host whether `signature` is right for `text`.
///
/// `hash` is `sha256`, `sha384` or `sha512`; `public_key` is a DER SubjectPublicKeyInfo; an ECDSA
/// signature is DER too, not the two numbers of a JWS. RSA is PKCS#1 v1.5 only.
///
/// # Errors
/// The host could not decide; only that is a reason to ask another engine.
pub fn verify_signature(
    host: &dyn Host,
    hash: &str,
    public_key: &[u8],
    signature: &[u8],
    text: &[u8],
) -> Result<bool, Status> {
    let argument = question(hash, public_key, signature, text);
    let result = host.foreign_function("verify_signature", &argument)?;
    // The field is absent when it is false.
    let mut verified = false;
    for field in fields(&result) {
        match field {
            Ok((1, Value::Varint(bit))) => verified = bit != 0,
            Ok(_) => {}
            Err(_) => return Err(Status::ParseFailure),
        }
    }
    Ok(verified)
}

/// The argument of the foreign function, see [`verify_signature`].
#[must_use]
pub fn question(hash: &str, public_key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    // Four lengths and tags take a few bytes each.
    let parts = [hash.as_bytes(), public_key, signature, text];
    let capacity = parts
        .iter()
        .fold(32_usize, |sum, part| sum.saturating_add(part.len()));
    Writer::with_capacity(capacity)
        .bytes(1, hash.as_bytes())
        .bytes(2, public_key)
        .bytes(3, signature)
        .bytes(4, text)
        .finish()
}
