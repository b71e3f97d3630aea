//! RSA signatures with a public key (RFC 8017): for hosts that do not check them, and for PSS,
//! which no host does.
//!
//! The public operation is our own: the library at hand calculates with digits of 64 bits, whose
//! products WebAssembly has no instruction for, and takes ten times as long. There are no secrets
//! in it, so it may take its time according to the numbers. It only ever compares an encoded
//! message with the one that it should be, and never reads a length from one.

mod modulus;
mod pkcs1;
mod pss;

use self::modulus::Modulus;
use super::Hash;
use super::der::{
    element, sequence, subject_public_key_info, unsigned_integer, without_leading_zeros,
};

/// An RSA public key with what its verifications share.
#[derive(Clone, Debug)]
pub struct RsaKey {
    modulus: Modulus,
    exponent: u32,
}

/// The size and shape of keys that are accepted.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

impl RsaKey {
    /// A key from modulus and exponent, big-endian, and its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// Why the key is refused.
    pub(super) fn import(n: &[u8], e: &[u8]) -> Result<(Self, Vec<u8>), &'static str> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let exponent = e.iter().try_fold(0_u32, |value, byte| {
            let shifted = value.checked_mul(256)?;
            shifted.checked_add(u32::from(*byte))
        });
        // Smaller exponents have made forged signatures pass, larger ones only cost time.
        let exponent = exponent
            .filter(|exponent| *exponent >= 65_537 && exponent & 1 == 1)
            .ok_or("an RSA exponent other than an odd number from 65537 to 4294967295")?;
        let modulus = Modulus::new(n).ok_or("an RSA modulus that is even or empty")?;
        if !MODULUS_BITS.contains(&modulus.bits()) {
            return Err("an RSA modulus of less than 2048 or more than 8192 bits");
        }
        if modulus.has_roca_fingerprint() {
            return Err("an RSA key of the kind that CVE-2017-15361 lets factor");
        }
        let numbers = sequence(&[&unsigned_integer(n), &unsigned_integer(e)]);
        let identifier = sequence(&[&element(0x06, OID_RSA_ENCRYPTION), &[0x05, 0x00]]);
        let spki = subject_public_key_info(&identifier, &numbers);
        Ok((Self { modulus, exponent }, spki))
    }

    /// Verifies RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2).
    pub(super) fn verifies_pkcs1(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        self.encoded_message(signature)
            .is_some_and(|found| pkcs1::encode(hash, digest, found.len()) == Some(found))
    }

    /// RSASSA-PSS with MGF1, one hash for all and a salt as long as it (section 8.1.2; RFC 7518
    /// section 3.5).
    pub(super) fn verifies_pss(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        self.encoded_message(signature)
            .is_some_and(|message| pss::is_consistent(hash, digest, &message, self.modulus.bits()))
    }

    /// RSAVP1 (section 5.2.2): the encoded message, as long as the modulus. `None` for a signature
    /// of another length, or one that is no number below the modulus.
    fn encoded_message(&self, signature: &[u8]) -> Option<Vec<u8>> {
        self.modulus.power(signature, self.exponent)
    }
}

/// The object identifier `rsaEncryption` (1.2.840.113549.1.1.1) in DER.
const OID_RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
