//! EMSA-PSS (RFC 8017 section 9.1), with MGF1 and a salt as long as the hash.

use super::super::Hash;

/// Whether the encoded message, as long as the modulus, belongs to the digest (section 9.1.2).
pub(super) fn is_consistent(
    hash: Hash,
    digest: &[u8],
    message: &[u8],
    modulus_bits: usize,
) -> bool {
    consistent(hash, digest, message, modulus_bits) == Some(true)
}

fn consistent(hash: Hash, digest: &[u8], message: &[u8], modulus_bits: usize) -> Option<bool> {
    let message_bits = modulus_bits.checked_sub(1)?;
    let length = message_bits.div_ceil(8);
    // One byte less than the modulus has where its bits are a multiple of eight and one.
    let (extra, message) = message.split_at_checked(message.len().checked_sub(length)?)?;
    let hash_bytes = hash.digest_bytes();
    let (rest, trailer) = message.split_at_checked(length.checked_sub(1)?)?;
    let (masked, seed) = rest.split_at_checked(rest.len().checked_sub(hash_bytes)?)?;
    // Bits beyond the message's own are zero.
    let spare_bits = u32::try_from(length.checked_mul(8)?.checked_sub(message_bits)?).ok()?;
    let own_bits = 0xff_u8.checked_shr(spare_bits)?;
    let (first, _) = masked.split_first()?;
    if extra.iter().any(|byte| *byte != 0) || trailer != [0xbc] || first & !own_bits != 0 {
        return Some(false);
    }
    let mut block = unmasked(hash, masked, seed);
    let leading = block.first_mut()?;
    *leading &= own_bits;
    let (padding, salt) = block.split_at_checked(block.len().checked_sub(hash_bytes)?)?;
    let (one, zeros) = padding.split_last()?;
    if *one != 1 || zeros.iter().any(|byte| *byte != 0) {
        return Some(false);
    }
    Some(hash.digest(&[&[0; 8], digest, salt]) == seed)
}

/// The block without its mask (MGF1, appendix B.2.1).
fn unmasked(hash: Hash, masked: &[u8], seed: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(masked.len());
    for (counter, part) in (0_u32..).zip(masked.chunks(hash.digest_bytes())) {
        let mask = hash.digest(&[seed, &counter.to_be_bytes()]);
        block.extend(part.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
    block
}
