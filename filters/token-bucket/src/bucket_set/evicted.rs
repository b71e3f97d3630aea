//! Buckets that had to make room before they were full again.
//!
//! A client whose bucket was evicted must not come back to a full one. So the set remembers the
//! fingerprints of evicted buckets, and how empty the emptiest of them was: a client that is among
//! them starts there, and every other newcomer starts with its whole burst. A flood of made-up
//! clients evicts mostly the buckets of one another, and leaves newcomers alone until it has filled
//! this memory as well.
//!
//! The fingerprints are kept in four generations, the youngest for buckets that are evicted now, each
//! a Bloom filter and the state of the emptiest bucket in it. The oldest is dropped once all in it
//! would be full. A Bloom filter forgets nothing, so nobody is admitted too often; it takes some
//! newcomers for evicted, who may be refused too early, and the more so the fuller it is.

use super::{Layout, Tats};
use crate::windows::{MAX_WINDOWS, Windows};

/// The bytes of all generations, the youngest first: for each its floor and the bits of its filter.
pub(super) const fn size(layout: &Layout) -> usize {
    generation_size(layout).saturating_mul(GENERATIONS)
}

/// Where a newcomer starts: at the floor of every generation that may have evicted it.
pub(super) fn start(layout: &Layout, bytes: &[u8], fingerprint: u64) -> Tats {
    let mut start = [0; MAX_WINDOWS];
    for generation in bytes.chunks_exact(generation_size(layout).max(1)) {
        let (floor, bits) = generation
            .split_at_checked(layout.state)
            .unwrap_or_default();
        let is_set = |bit: usize| {
            let byte = bits.get(bit >> 3).copied().unwrap_or(0);
            byte & mask(bit) != 0
        };
        if bits_of(fingerprint).into_iter().all(is_set) {
            start = Windows::emptier(&start, &layout.read_state(floor));
        }
    }
    start
}

/// Remembers a bucket that is evicted in this state.
pub(super) fn remember(
    layout: &Layout,
    windows: &Windows,
    bytes: &mut [u8],
    (fingerprint, state): (u64, &Tats),
    now_ns: u64,
) {
    let size = generation_size(layout);
    let oldest = bytes.rchunks_exact(size.max(1)).next().unwrap_or_default();
    let youngest = bytes.get(..size).unwrap_or_default();
    // One that is hardly used is no use as an elder.
    if count_of(layout, youngest) >= FEW_BITS && is_full(layout, windows, oldest, now_ns) {
        let elders = bytes.to_vec();
        let aged = std::iter::repeat_n(0, size).chain(elders);
        for (byte, aged) in bytes.iter_mut().zip(aged) {
            *byte = aged;
        }
    }
    let (floor, bits) = bytes.split_at_mut_checked(layout.state).unwrap_or_default();
    let bits = bits.get_mut(..FILTER_BYTES).unwrap_or_default();
    let lowered = Windows::emptier(&layout.read_state(floor), state);
    layout.write_state(floor, &lowered);
    for bit in bits_of(fingerprint) {
        if let Some(byte) = bits.get_mut(bit >> 3) {
            *byte |= mask(bit);
        }
    }
}

/// Whether all evicted buckets are full again.
pub(super) fn are_full(layout: &Layout, windows: &Windows, bytes: &[u8], now_ns: u64) -> bool {
    bytes
        .chunks_exact(generation_size(layout).max(1))
        .all(|generation| is_full(layout, windows, generation, now_ns))
}

/// Also to a worker whose clock was read a while ago.
fn is_full(layout: &Layout, windows: &Windows, generation: &[u8], now_ns: u64) -> bool {
    let floor = generation.get(..layout.state).unwrap_or_default();
    let floor = layout.read_state(floor);
    windows.is_full(&floor, now_ns.saturating_sub(OLDEST_READING_NS))
}

/// How many bits the filter of a generation has set.
fn count_of(layout: &Layout, generation: &[u8]) -> u32 {
    let bits = generation.get(layout.state..).unwrap_or_default();
    bits.iter()
        .fold(0, |sum, byte| sum.saturating_add(byte.count_ones()))
}

const fn generation_size(layout: &Layout) -> usize {
    layout.state.saturating_add(FILTER_BYTES)
}

/// The bits of a fingerprint, which is a hash.
fn bits_of(fingerprint: u64) -> [usize; 3] {
    [0, 16, 32].map(|shift| {
        let part = (fingerprint >> shift) & FILTER_MASK;
        usize::try_from(part).unwrap_or(0)
    })
}

const fn mask(bit: usize) -> u8 {
    match bit & 7 {
        0 => 1,
        1 => 2,
        2 => 4,
        3 => 8,
        4 => 16,
        5 => 32,
        6 => 64,
        _ => 128,
    }
}

const GENERATIONS: usize = 4;
/// 1,024 bits: with 100 evicted buckets in a generation, a newcomer is taken for one of them once in
/// sixty times, with 300 every fifth time.
const FILTER_BYTES: usize = 128;
const FILTER_MASK: u64 = 1_023;
/// The most bits that eight buckets set.
const FEW_BITS: u32 = 24;
/// A callback is over long before.
const OLDEST_READING_NS: u64 = 1_000_000_000;
