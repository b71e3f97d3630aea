//! One set of the table: up to sixteen buckets in one shared value, worked on as it is stored.
//!
//! Layout, little-endian: version, number of windows, tag of the table (16 bits), checksum of the
//! whole (32 bits), then the floor, then for each bucket its fingerprint (64 bits) and its state,
//! then, once a live bucket had to make room, the [`evicted`] buckets. Floor and state are a time for
//! each window, in 64 bits where a tick is a nanosecond and in 96 where it is less. The checksum is
//! against torn reads, which one host allows, not against an attacker: only filters write here.

mod evicted;

use crate::windows::{MAX_WINDOWS, Tats, Windows};
use policy::gcra::Tat;

/// Where things are in the sets of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of the time of each window.
    widths: Vec<usize>,
    /// Bytes of the times of all windows.
    state: usize,
    /// The size of a bucket in bytes.
    entry: usize,
    /// Bytes before the first bucket.
    head: usize,
    tag: u16,
}

/// The buckets that share one value in shared data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketSet {
    bytes: Vec<u8>,
}

/// The stored bytes are not a set of this table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl Layout {
    /// The layout of a limit with these windows. `tag` tells tables apart where a host confuses
    /// their keys.
    #[must_use]
    pub fn new(windows: &Windows, tag: u16) -> Self {
        let width = |nanoseconds: bool| if nanoseconds { 8 } else { 12 };
        let widths = windows.list().iter();
        let widths: Vec<usize> = widths
            .map(|gcra| width(gcra.counts_nanoseconds()))
            .collect();
        let state = widths
            .iter()
            .fold(0, |sum: usize, width| sum.saturating_add(*width));
        Self {
            widths,
            state,
            entry: state.saturating_add(FINGERPRINT),
            head: state.saturating_add(HEADER),
            tag,
        }
    }

    /// The bytes of a set in which every bucket is taken.
    #[must_use]
    pub const fn full_size(&self) -> usize {
        self.head.saturating_add(self.entry.saturating_mul(WAYS))
    }

    /// The most bytes that a set takes: full, and with evicted buckets.
    #[must_use]
    pub const fn max_size(&self) -> usize {
        self.full_size().saturating_add(evicted::size(self))
    }

    fn read_state(&self, mut bytes: &[u8]) -> Tats {
        let mut tats = [0; MAX_WINDOWS];
        for (width, tat) in self.widths.iter().zip(&mut tats) {
            let (time, rest) = bytes.split_at_checked(*width).unwrap_or_default();
            bytes = rest;
            let mut wide = [0; 16];
            if let Some(low) = wide.get_mut(..time.len()) {
                low.copy_from_slice(time);
            }
            *tat = Tat::from_le_bytes(wide);
        }
        tats
    }

    fn write_state(&self, mut bytes: &mut [u8], tats: &Tats) {
        for (width, tat) in self.widths.iter().zip(tats) {
            let (time, rest) = bytes.split_at_mut_checked(*width).unwrap_or_default();
            bytes = rest;
            let wide = tat.to_le_bytes();
            if let Some(low) = wide.get(..time.len()) {
                time.copy_from_slice(low);
            }
        }
    }
}

impl BucketSet {
    /// A set without buckets. No newcomer starts below `floor`.
    #[must_use]
    pub fn new(layout: &Layout, floor: &Tats) -> Self {
        let mut bytes = vec![0; layout.head];
        let [tag_low, tag_high] = layout.tag.to_le_bytes();
        let windows = u8::try_from(layout.widths.len()).unwrap_or(0);
        if let Some(start) = bytes.first_chunk_mut::<4>() {
            *start = [VERSION, windows, tag_low, tag_high];
        }
        let mut set = Self { bytes };
        set.set_floor(layout, floor);
        set.seal();
        set
    }

    /// Reads a stored set.
    ///
    /// # Errors
    /// Anything that a filter with this table does not write.
    pub fn parse(bytes: Vec<u8>, layout: &Layout) -> Result<Self, Corrupt> {
        let (header, _) = bytes.split_first_chunk::<HEADER>().ok_or(Corrupt)?;
        let [version, windows, t0, t1, c0, c1, c2, c3] = *header;
        let entries = bytes.len().checked_sub(layout.head).ok_or(Corrupt)?;
        let fits = bytes.len() <= layout.full_size()
            && entries.checked_rem(layout.entry) == Some(0)
            || bytes.len() == layout.max_size();
        let ours = version == VERSION
            && usize::from(windows) == layout.widths.len()
            && u16::from_le_bytes([t0, t1]) == layout.tag
            && fits
            && u32::from_le_bytes([c0, c1, c2, c3]) == checksum(&bytes);
        if ours {
            Ok(Self { bytes })
        } else {
            Err(Corrupt)
        }
    }

    /// The encoded set, as it is stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The encoded set, as it is stored.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The state of a bucket. One that is not here is full, unless it may be one that was evicted:
    /// then it starts no fuller than any of those was.
    #[must_use]
    pub fn state(&self, layout: &Layout, fingerprint: u64) -> Tats {
        let known = self
            .entries(layout)
            .find(|entry| print_of(entry) == fingerprint);
        match known.and_then(|entry| entry.get(FINGERPRINT..)) {
            Some(state) => layout.read_state(state),
            None => {
                let floor = self.floor(layout);
                match self.bytes.get(layout.full_size()..) {
                    None | Some([]) => floor,
                    Some(evicted) => {
                        let start = evicted::start(layout, evicted, fingerprint);
                        Windows::emptier(&floor, &start)
                    }
                }
            }
        }
    }

    /// Stores the state of a bucket. Whether a live one of somebody else had to go for it.
    pub fn put(
        &mut self,
        layout: &Layout,
        windows: &Windows,
        fingerprint: u64,
        tats: &Tats,
        now_ns: u64,
    ) -> bool {
        let mut live = false;
        let place = match self.place(layout, fingerprint) {
            Some(place) => place,
            None if self.bytes.len() < layout.full_size() => {
                let place = self.entries(layout).count();
                let longer = self.bytes.len().saturating_add(layout.entry);
                self.bytes.resize(longer, 0);
                place
            }
            None => {
                let (place, victim, state) = self.victim(layout, windows, now_ns);
                live = !windows.is_full(&state, now_ns);
                if live {
                    self.evict(layout, windows, victim, &state, now_ns);
                } else {
                    // A bucket that is full is as good as none, but to a worker whose clock was
                    // read a moment earlier.
                    let floor = Windows::emptier(&self.floor(layout), &state);
                    self.set_floor(layout, &floor);
                    self.forget_refilled(layout, windows, now_ns);
                }
                place
            }
        };
        self.write(layout, place, fingerprint, tats);
        self.seal();
        live
    }

    /// Gives back what a request was charged, see [`policy::gcra::Gcra::give_back`]: the state after
    /// it. `None` if the bucket is not here any more, so that nothing is left to give back.
    pub fn give_back(
        &mut self,
        layout: &Layout,
        windows: &Windows,
        fingerprint: u64,
        (charged_ns, cost): (u64, u64),
        now_ns: u64,
    ) -> Option<Tats> {
        let place = self.place(layout, fingerprint)?;
        let state = self.state(layout, fingerprint);
        let after = windows.give_back(&state, charged_ns, now_ns, cost);
        self.write(layout, place, fingerprint, &after);
        self.seal();
        Some(after)
    }

    /// Remembers a bucket that makes room while it is not full.
    fn evict(
        &mut self,
        layout: &Layout,
        windows: &Windows,
        fingerprint: u64,
        state: &Tats,
        now_ns: u64,
    ) {
        self.bytes.resize(layout.max_size(), 0);
        if let Some(bytes) = self.bytes.get_mut(layout.full_size()..) {
            evicted::remember(layout, windows, bytes, (fingerprint, state), now_ns);
        }
    }

    /// Drops the evicted buckets when all of them are full again.
    fn forget_refilled(&mut self, layout: &Layout, windows: &Windows, now_ns: u64) {
        let evicted = self.bytes.get(layout.full_size()..).unwrap_or_default();
        if !evicted.is_empty() && evicted::are_full(layout, windows, evicted, now_ns) {
            self.bytes.truncate(layout.full_size());
        }
    }

    fn floor(&self, layout: &Layout) -> Tats {
        layout.read_state(self.bytes.get(HEADER..layout.head).unwrap_or_default())
    }

    fn set_floor(&mut self, layout: &Layout, floor: &Tats) {
        if let Some(bytes) = self.bytes.get_mut(HEADER..layout.head) {
            layout.write_state(bytes, floor);
        }
    }

    fn entries(&self, layout: &Layout) -> std::slice::ChunksExact<'_, u8> {
        let end = self.bytes.len().min(layout.full_size());
        let entries = self.bytes.get(layout.head..end).unwrap_or_default();
        entries.chunks_exact(layout.entry.max(1))
    }

    fn place(&self, layout: &Layout, fingerprint: u64) -> Option<usize> {
        self.entries(layout)
            .position(|entry| print_of(entry) == fingerprint)
    }

    /// The bucket that loses least: one that is full already, else the one that is so first. Its
    /// place, fingerprint and state.
    fn victim(&self, layout: &Layout, windows: &Windows, now_ns: u64) -> (usize, u64, Tats) {
        let read = |(place, entry): (usize, &[u8])| {
            let state = layout.read_state(entry.get(FINGERPRINT..).unwrap_or_default());
            (place, print_of(entry), state)
        };
        let states: Vec<(usize, u64, Tats)> = self.entries(layout).enumerate().map(read).collect();
        let victim = states
            .iter()
            .find(|(_, _, tats)| windows.is_full(tats, now_ns))
            .or_else(|| {
                let full_at = |(_, _, tats): &&(usize, u64, Tats)| windows.full_at_ns(tats);
                states.iter().min_by_key(full_at)
            });
        victim.copied().unwrap_or((0, 0, [0; MAX_WINDOWS]))
    }

    fn write(&mut self, layout: &Layout, place: usize, fingerprint: u64, tats: &Tats) {
        let end = self.bytes.len().min(layout.full_size());
        let entries = self.bytes.get_mut(layout.head..end).unwrap_or_default();
        let entry = entries.chunks_exact_mut(layout.entry.max(1)).nth(place);
        if let Some((print, state)) = entry.and_then(|e| e.split_first_chunk_mut::<FINGERPRINT>()) {
            *print = fingerprint.to_le_bytes();
            layout.write_state(state, tats);
        }
    }

    fn seal(&mut self) {
        let sum = checksum(&self.bytes);
        if let Some(place) = self.bytes.get_mut(CHECKSUM_AT..HEADER) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }
}

fn print_of(entry: &[u8]) -> u64 {
    entry
        .first_chunk::<FINGERPRINT>()
        .map_or(0, |print| u64::from_le_bytes(*print))
}

/// A checksum of everything but the place where it stands, eight bytes at a time: every step is
/// undone by exactly one other word, so no single change goes unnoticed but by the folding at the
/// end, once in four billion.
fn checksum(bytes: &[u8]) -> u32 {
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(ODD).rotate_left(29);
    let start = bytes
        .first_chunk::<CHECKSUM_AT>()
        .copied()
        .unwrap_or_default();
    let mut hash = mix(SEED, u32::from_le_bytes(start).into());
    let mut words = bytes.get(HEADER..).unwrap_or_default().chunks_exact(8);
    for word in &mut words {
        hash = mix(hash, print_of(word));
    }
    let mut rest = [0; 8];
    for (place, byte) in rest.iter_mut().zip(words.remainder()) {
        *place = *byte;
    }
    let length = u64::try_from(bytes.len()).unwrap_or(0);
    hash = mix(mix(hash, u64::from_le_bytes(rest)), length);
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h])
}

/// Buckets in a set. More ways overflow later at the same memory, and cost more to read and write.
pub const WAYS: usize = 16;
/// Of the stored form. Workers of another version have tables of their own.
pub const VERSION: u8 = 3;
const CHECKSUM_AT: usize = 4;
const HEADER: usize = 8;
const FINGERPRINT: usize = 8;
const SEED: u64 = 0x6d65_7368_7761_7264;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests;
