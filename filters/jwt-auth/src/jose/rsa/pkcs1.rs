//! EMSA-PKCS1-v1_5 (RFC 8017 section 9.2).

use super::super::Hash;

/// The one message of this length that encodes the digest. `None` when it does not fit.
pub(super) fn encode(hash: Hash, digest: &[u8], length: usize) -> Option<Vec<u8>> {
    let prefix = digest_info(hash);
    let tail = prefix.len().checked_add(digest.len())?.checked_add(3)?;
    let padding = length.checked_sub(tail).filter(|padding| *padding >= 8)?;
    let mut message = vec![0, 1];
    message.resize(padding.checked_add(2)?, 0xff);
    message.push(0);
    message.extend_from_slice(prefix);
    message.extend_from_slice(digest);
    Some(message)
}

/// The encoded DigestInfo up to the digest (section 9.2, note 1).
const fn digest_info(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha256 => &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x01, 0x05, 0x00, 0x04, 0x20,
        ],
        Hash::Sha384 => &[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x02, 0x05, 0x00, 0x04, 0x30,
        ],
        Hash::Sha512 => &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x03, 0x05, 0x00, 0x04, 0x40,
        ],
    }
}
