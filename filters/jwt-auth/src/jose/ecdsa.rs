//! ECDSA signatures and keys on the curves P-256, P-384 and P-521.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;

use super::der::{element, sequence, subject_public_key_info, two_integers};

/// A public key on one of the curves.
#[derive(Clone, Debug)]
pub enum EcdsaKey {
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    P521(Box<p521::ecdsa::VerifyingKey>),
}

impl EcdsaKey {
    /// A key from its coordinates, and its SubjectPublicKeyInfo. `None` when they have not the full
    /// length of the curve (RFC 7518 section 6.2.1.2), or give no point of it.
    pub(super) fn import(curve: &str, x: &[u8], y: &[u8]) -> Option<(Self, Vec<u8>)> {
        let mut point = vec![4];
        point.extend_from_slice(x);
        point.extend_from_slice(y);
        let full = |bytes: usize| (x.len() == bytes && y.len() == bytes).then_some(());
        let (key, curve_oid) = match curve {
            "P-256" => {
                full(32)?;
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
                (Self::P256(Box::new(key)), OID_P256)
            }
            "P-384" => {
                full(48)?;
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
                (Self::P384(Box::new(key)), OID_P384)
            }
            "P-521" => {
                full(66)?;
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?;
                (Self::P521(Box::new(key)), OID_P521)
            }
            _ => return None,
        };
        let identifier = sequence(&[
            &element(OBJECT_IDENTIFIER, OID_EC_PUBLIC_KEY),
            &element(OBJECT_IDENTIFIER, curve_oid),
        ]);
        Some((key, subject_public_key_info(&identifier, &point)))
    }

    /// Whether the signature, the two numbers one after the other, is right for the digest.
    pub(super) fn verifies(&self, digest: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Self::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
        }
    }
}

/// The two numbers of a JWS signature (RFC 7518 section 3.4) as the DER that crypto libraries take
/// (RFC 3279 section 2.2.3). `None` unless each has exactly so many bytes.
#[must_use]
pub fn signature_der(signature: &[u8], coordinate_bytes: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(coordinate_bytes)?;
    if s.len() != coordinate_bytes {
        return None;
    }
    Some(two_integers(r, s))
}

const OBJECT_IDENTIFIER: u8 = 0x06;
/// 1.2.840.10045.2.1 and the named curves of RFC 5480 section 2.1.1.1, encoded.
const OID_EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const OID_P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_become_der() {
        let mut signature = [0; 64];
        signature[31] = 1;
        signature[32] = 0x80;
        let der = signature_der(&signature, 32).unwrap();
        assert_eq!(der[..7], [0x30, 38, 0x02, 1, 1, 0x02, 33]);
        assert_eq!(der[7..9], [0, 0x80]);
        assert_eq!(
            signature_der(&[0; 64], 32).unwrap(),
            [0x30, 6, 2, 1, 0, 2, 1, 0]
        );
        assert_eq!(
            signature_der(&[0xff; 132], 66).unwrap()[..3],
            [0x30, 0x81, 0x8a]
        );
        for length in [0, 32, 63, 65, 66, 128] {
            assert_eq!(signature_der(&vec![1; length], 32), None);
        }
    }
}
