//! A chunk while it is read: what has been written of it, and what may still go.

use crate::bytes::{part, rest};

/// Bytes of a chunk leave in stretches, as late as possible, so that what nothing is about is copied
/// in one piece.
pub(super) struct Cursor<'a> {
    pub(super) chunk: &'a [u8],
    /// The chunk with what follows it in the same piece of the body: loops that look at blocks of bytes need not stop
    /// before the end of a line.
    pub(super) ahead: &'a [u8],
    /// The byte that is read next.
    pub(super) at: usize,
    /// Everything before it has been written, or has gone.
    copied: usize,
    /// From here on nothing leaves until it is known whether the member that it belongs to stays.
    tentative: Option<usize>,
    /// What is tentative of earlier chunks.
    held: Vec<u8>,
    out: &'a mut Vec<u8>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(chunk: &'a [u8], held: Vec<u8>, out: &'a mut Vec<u8>) -> Self {
        Self::with_ahead(chunk, chunk, held, out)
    }

    /// `ahead` begins with the chunk, and goes on behind it.
    pub(super) const fn with_ahead(
        chunk: &'a [u8],
        ahead: &'a [u8],
        held: Vec<u8>,
        out: &'a mut Vec<u8>,
    ) -> Self {
        let tentative = if held.is_empty() { None } else { Some(0) };
        Self {
            chunk,
            ahead,
            at: 0,
            copied: 0,
            tentative,
            held,
            out,
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.chunk.get(self.at).copied()
    }

    #[inline]
    pub(super) const fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// From the next byte on nothing leaves until it is decided.
    #[inline]
    pub(super) const fn begin_tentative(&mut self) {
        if self.tentative.is_none() {
            self.tentative = Some(self.at);
        }
    }

    /// As [`Self::begin_tentative`], from a byte before it on.
    pub(super) fn begin_tentative_at(&mut self, start: usize) {
        self.tentative.get_or_insert(start.max(self.copied));
    }

    /// What is tentative is taken away, to be written in another way.
    pub(super) fn take_tentative(&mut self) -> Vec<u8> {
        let mut taken = std::mem::take(&mut self.held);
        if let Some(start) = self.tentative.take() {
            let start = start.max(self.copied);
            self.out
                .extend_from_slice(part(self.chunk, self.copied, start));
            taken.extend_from_slice(part(self.chunk, start, self.at));
            self.copied = self.at;
        }
        taken
    }

    pub(super) const fn is_tentative(&self) -> bool {
        self.tentative.is_some()
    }

    /// The number of bytes that were written tentatively.
    pub(super) fn tentative_bytes(&self) -> usize {
        let here = self
            .tentative
            .map_or(0, |start| self.at.saturating_sub(start));
        self.held.len().saturating_add(here)
    }

    /// What is tentative stays; without its first byte, if that is a comma with nothing before it.
    #[inline]
    pub(super) fn keep(&mut self, is_first: bool) {
        let Some(start) = self.tentative.take() else {
            return;
        };
        if !self.held.is_empty() {
            let skip = usize::from(is_first && self.held.first() == Some(&b','));
            self.out.extend_from_slice(rest(&self.held, skip));
            self.held.clear();
        } else if is_first && self.chunk.get(start) == Some(&b',') {
            self.out
                .extend_from_slice(part(self.chunk, self.copied, start));
            self.copied = start.saturating_add(1);
        }
    }

    /// What is tentative goes, up to the next byte.
    pub(super) fn discard(&mut self) {
        if let Some(start) = self.tentative.take() {
            self.out
                .extend_from_slice(part(self.chunk, self.copied, start.max(self.copied)));
            self.held.clear();
            self.copied = self.at;
        }
    }

    /// Everything before the next byte leaves.
    pub(super) fn flush(&mut self) {
        self.keep(false);
        self.out
            .extend_from_slice(part(self.chunk, self.copied, self.at));
        self.copied = self.at;
    }

    /// What has been read is settled, so that something can be written behind it: what is tentative
    /// is held, the rest leaves.
    pub(super) fn park(&mut self) {
        match self.tentative {
            Some(start) => {
                let start = start.max(self.copied);
                self.out
                    .extend_from_slice(part(self.chunk, self.copied, start));
                self.held
                    .extend_from_slice(part(self.chunk, start, self.at));
                self.tentative = Some(self.at);
            }
            None => self
                .out
                .extend_from_slice(part(self.chunk, self.copied, self.at)),
        }
        self.copied = self.at;
    }

    /// Writes in the place of what has been read since it was parked.
    pub(super) fn insert(&mut self, bytes: &[u8]) {
        match self.tentative {
            Some(_) => {
                self.held.extend_from_slice(bytes);
                self.tentative = Some(self.at);
            }
            None => self.out.extend_from_slice(bytes),
        }
        self.copied = self.at;
    }

    /// Everything before the next byte that has not left goes.
    pub(super) const fn drop_read(&mut self) {
        self.copied = self.at;
    }

    /// Where replacements are written, behind a flush.
    pub(super) const fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// The chunk is over. Returns what is held back of it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.park();
        self.held
    }
}
