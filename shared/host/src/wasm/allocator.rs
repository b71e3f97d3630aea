//! The memory of the VM.
//!
//! A request makes hundreds of short-lived values of few bytes, and the allocator of the C library, which searches and
//! joins free pieces, was a fifth of all instructions of the bundle. Here what is small comes from a list of
//! free blocks of its size, and goes back there; what is larger comes from the C library as before.
//!
//! A block is never given to another size, so the most that the module can hold is the sum of what each size
//! needed at most. Blocks end at [`LARGEST`], so what is long (bodies, records, queues of them) is not part of that.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// The largest block in bytes that free lists are kept for.
const LARGEST: usize = 512;
/// Up to here, blocks differ by 16 bytes.
const FINE: usize = 256;
/// Beyond, they differ by 64.
const SIZES: usize = FINE / 16 + (LARGEST - FINE) / 64;
/// What the alignment of a block is.
const ALIGNMENT: usize = 16;
/// How much is taken from the C library at once.
const CHUNK: usize = 32 * 1024;

#[global_allocator]
static ALLOCATOR: Blocks = Blocks(UnsafeCell::new(Lists {
    free: [null_mut(); SIZES],
    rest: null_mut(),
    rest_bytes: 0,
}));

struct Blocks(UnsafeCell<Lists>);

// SAFETY: a module of this ABI has one thread: the target has no others, and hosts make none.
unsafe impl Sync for Blocks {}

struct Lists {
    /// By size, the first free block; each begins with the address of the next.
    free: [*mut u8; SIZES],
    /// What is left of the chunk that blocks are cut from.
    rest: *mut u8,
    rest_bytes: usize,
}

/// The list that blocks for a layout are in, and how large they are; none when it gets no block.
#[inline]
const fn list(layout: Layout) -> Option<(usize, usize)> {
    // A size of 0, which nobody may ask for, gets no block either.
    let last = layout.size().wrapping_sub(1);
    if layout.align() > ALIGNMENT || last >= LARGEST {
        None
    } else if last < FINE {
        let at = last >> 4;
        Some((at, at.wrapping_add(1) << 4))
    } else {
        let at = last >> 6;
        let before = FINE / 16 - FINE / 64;
        Some((at.wrapping_add(before), at.wrapping_add(1) << 6))
    }
}

impl Lists {
    /// Cuts a block from the rest of the chunk, or from a new chunk.
    #[cold]
    #[inline(never)]
    fn cut(&mut self, bytes: usize) -> *mut u8 {
        if self.rest_bytes < bytes {
            // Less than a block was asked for is left, a multiple of 16: it becomes a smaller one.
            while self.rest_bytes >= ALIGNMENT {
                let size = self.rest_bytes.min(FINE);
                let block = self.rest;
                self.rest = block.wrapping_add(size);
                self.rest_bytes = self.rest_bytes.wrapping_sub(size);
                if let Some(first) = self.free.get_mut((size >> 4).wrapping_sub(1)) {
                    // SAFETY: the block has 16 bytes or more, is aligned to 16, and is nobody's.
                    unsafe { block.cast::<*mut u8>().write(*first) };
                    *first = block;
                }
            }
            let Ok(layout) = Layout::from_size_align(CHUNK, ALIGNMENT) else {
                return null_mut();
            };
            // SAFETY: the layout is not empty.
            let chunk = unsafe { System.alloc(layout) };
            if chunk.is_null() {
                return chunk;
            }
            self.rest = chunk;
            self.rest_bytes = CHUNK;
        }
        let block = self.rest;
        self.rest = block.wrapping_add(bytes);
        self.rest_bytes = self.rest_bytes.wrapping_sub(bytes);
        block
    }
}

// SAFETY: a block is of the size and alignment that its layout asks for, is in no list while somebody has
// it, and is known by its layout when it comes back; every other layout goes to `System` both ways.
unsafe impl GlobalAlloc for Blocks {
    // As calls: in place of each they would be a fiftieth of a module.
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((at, bytes)) = list(layout) else {
            // SAFETY: what holds for this call holds for that one.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: there is one thread, and nothing here calls back.
        let lists = unsafe { &mut *self.0.get() };
        let Some(first) = lists.free.get_mut(at) else {
            return null_mut();
        };
        let block = *first;
        if block.is_null() {
            return lists.cut(bytes);
        }
        // SAFETY: a free block begins with the address of the next.
        *first = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((at, _)) = list(layout) else {
            // SAFETY: what holds for this call holds for that one.
            return unsafe { System.dealloc(block, layout) };
        };
        // SAFETY: there is one thread, and nothing here calls back.
        let lists = unsafe { &mut *self.0.get() };
        if let Some(first) = lists.free.get_mut(at) {
            // SAFETY: the block is of this list, so it has room for an address, and nobody has it any more.
            unsafe { block.cast::<*mut u8>().write(*first) };
            *first = block;
        }
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if list(layout).is_none() {
            // SAFETY: what holds for this call holds for that one.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: as above.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: it has so many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else {
            return null_mut();
        };
        match (list(layout), list(new)) {
            // SAFETY: what holds for this call holds for that one.
            (None, None) => unsafe { System.realloc(block, layout, new_size) },
            (Some((old, _)), Some((new, _))) if old == new => block,
            _ => {
                // SAFETY: the layout is as good as the one that the caller vouches for.
                let moved = unsafe { self.alloc(new) };
                if !moved.is_null() {
                    let bytes = layout.size().min(new_size);
                    // SAFETY: both have so many bytes, and are not the same.
                    unsafe {
                        moved.copy_from_nonoverlapping(block, bytes);
                        self.dealloc(block, layout);
                    }
                }
                moved
            }
        }
    }
}
