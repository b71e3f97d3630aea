//! Memory that passes between the host and the guest.

use std::alloc::{Layout, alloc};
use std::ptr::NonNull;

use crate::Status;

/// The host asks for memory to leave a value in. Null when there is none: the host then reports
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

/// Compares bytes, eight at a time where there are so many. That of the C library compares one after the other, and
/// tokens, paths and names of headers are compared with every request.
///
/// # Safety
/// There are `length` bytes behind both.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    let mut at = 0_usize;
    while length.wrapping_sub(at) >= 8 {
        // SAFETY: eight bytes from here are within both.
        let (one, other) = unsafe {
            (
                left.add(at).cast::<u64>().read_unaligned(),
                right.add(at).cast::<u64>().read_unaligned(),
            )
        };
        if one != other {
            return if one.swap_bytes() < other.swap_bytes() {
                -1
            } else {
                1
            };
        }
        at = at.wrapping_add(8);
    }
    while at < length {
        // SAFETY: this byte is within both.
        let (one, other) = unsafe { (*left.add(at), *right.add(at)) };
        if one != other {
            return i32::from(one).wrapping_sub(i32::from(other));
        }
        at = at.wrapping_add(1);
    }
    0
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
    // exactly `len` bytes with the alignment of u8 from the global allocator, and has given it up.
    Ok(unsafe { Vec::from_raw_parts(data, len, len) })
}
