//! Memory that passes between the host and the guest.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

use crate::{HeaderPairs, Status};

/// The host asks for memory to leave an answer in. Null when there is none: the host then reports
/// the call as failed.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        // SAFETY: the layout is not empty.
        Ok(layout) if size > 0 => unsafe { alloc(layout) },
        Ok(_) => NonNull::dangling().as_ptr(),
        Err(_) => std::ptr::null_mut(),
    }
}

/// Runs a host call that leaves bytes behind, and takes them over.
pub(super) fn received(
    call: impl FnOnce(*mut *mut u8, *mut usize) -> u32,
) -> Result<Vec<u8>, Status> {
    let mut data = std::ptr::null_mut();
    let mut len = 0_usize;
    Status::check(call(&raw mut data, &raw mut len))?;
    if data.is_null() || len == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the host got this memory from `proxy_on_memory_allocate(len)`, which allocates
    // exactly `len` bytes with the alignment of u8, and has given it up.
    let bytes = unsafe { std::slice::from_raw_parts(data, len) }.to_vec();
    if let Ok(layout) = Layout::array::<u8>(len) {
        // SAFETY: as above; nothing points there any more.
        unsafe { dealloc(data, layout) };
    }
    Ok(bytes)
}

/// Pairs as the ABI passes them: a count, the sizes of all names and values, then each with a zero
/// byte behind it, numbers as 32-bit little-endian.
pub(super) fn write_pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend(number(pairs.len()));
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// The inverse of [`write_pairs`].
pub(super) fn read_pairs(bytes: &[u8]) -> Result<HeaderPairs, Status> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    pairs(bytes).ok_or(Status::SerializationFailure)
}

fn pairs(bytes: &[u8]) -> Option<HeaderPairs> {
    let (count, rest) = number(bytes)?;
    let (mut sizes, mut texts) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut result = Vec::with_capacity(count);
    let mut text = |length: usize| {
        let (found, rest) = texts.split_at_checked(length)?;
        texts = rest.get(1..)?;
        Some(found.to_vec())
    };
    for _ in 0..count {
        let (name_len, rest) = number(sizes)?;
        let (value_len, rest) = number(rest)?;
        sizes = rest;
        result.push((text(name_len)?, text(value_len)?));
    }
    Some(result)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}
