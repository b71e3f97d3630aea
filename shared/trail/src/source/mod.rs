//! Files as chunks of whole lines, so that several threads can work on one file of any size.

mod document;
mod open;
mod protobuf;

use std::io::{self, Read};
use std::path::PathBuf;

pub use open::{files_of, unwritable};
pub use protobuf::otlp_json;

/// Whole lines of one file.
#[derive(Debug)]
pub struct Chunk {
    /// Which of all chunks; chunks are in the order of the files.
    pub number: u64,
    /// Which file the chunk is from.
    pub file: usize,
    /// Whether it is the first of its file.
    pub is_first: bool,
    /// The lines. All end with a line feed, except perhaps the last of a file.
    pub bytes: Vec<u8>,
    /// What went wrong in reading the file here, if anything did.
    pub fault: Option<ReadFault>,
    /// Bytes read of all files so far.
    pub read_bytes: u64,
}

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line is too long.
    #[error(
        "a line is longer than {} MiB and was skipped; put each document on a line of its own: `jq -c .`",
        MAX_LINE_BYTES >> 20
    )]
    TooLong,
    /// It is in a form that has to be undone first.
    #[error("{0}")]
    Unreadable(&'static str),
}

/// Files, one after the other.
pub struct Source {
    paths: Vec<PathBuf>,
    file: usize,
    reader: Option<Box<dyn Read + Send>>,
    /// What stands for the first path, opened by somebody else.
    opened: Option<Box<dyn Read + Send>>,
    carry: Vec<u8>,
    number: u64,
    is_first: bool,
    read_bytes: u64,
    skipping: bool,
}

impl Source {
    /// From these files; `-` is standard input.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            file: 0,
            reader: None,
            opened: None,
            carry: Vec::new(),
            number: 0,
            is_first: true,
            read_bytes: 0,
            skipping: false,
        }
    }

    /// From anything that can be read, also compressed.
    #[must_use]
    pub fn reading(reader: Box<dyn Read + Send>) -> Self {
        let mut source = Self::new(vec![PathBuf::from("-")]);
        source.opened = Some(reader);
        source
    }

    /// The next lines; `buffer` is one that is no longer needed. `None` after the last file.
    pub fn next_chunk(&mut self, mut buffer: Vec<u8>) -> Option<Chunk> {
        let path = self.paths.get(self.file)?;
        if self.reader.is_none() {
            let opened = match self.opened.take() {
                Some(reader) => open::unwrapped(reader),
                None => open::open(path),
            };
            match opened {
                Ok(reader) => self.reader = Some(reader),
                Err(fault) => return Some(self.end_file(Vec::new(), Some(fault))),
            }
        }
        buffer.clear();
        buffer.append(&mut self.carry);
        loop {
            // What was read before has no line feed, or it would have been enough.
            let mut searched = buffer.len();
            let ended = match self.fill(&mut buffer) {
                Ok(ended) => ended,
                Err(fault) => return Some(self.end_file(buffer, Some(fault))),
            };
            if self.skipping {
                // The rest of a line that was too long.
                match memchr::memchr(b'\n', &buffer) {
                    Some(end) => {
                        buffer.drain(..=end);
                        self.skipping = false;
                    }
                    None => buffer.clear(),
                }
                searched = 0;
            }
            if ended {
                return Some(self.end_file(buffer, None));
            }
            let fresh = buffer.get(searched..).unwrap_or_default();
            if let Some(end) = memchr::memrchr(b'\n', fresh) {
                let end = searched + end + 1;
                let tail = buffer.get(end..).unwrap_or_default();
                self.carry.extend_from_slice(tail);
                buffer.truncate(end);
                return Some(self.chunk(buffer, None));
            }
            // A file that was cut to nothing below a program that wrote on begins with as many as it had before.
            let zeros = buffer.iter().take_while(|byte| **byte == 0).count();
            buffer.drain(..zeros);
            if buffer.len() > MAX_LINE_BYTES {
                buffer.clear();
                self.skipping = true;
                return Some(self.chunk(buffer, Some(ReadFault::TooLong)));
            }
        }
    }

    /// Reads as much as a chunk has. Returns whether the file ends there.
    fn fill(&mut self, buffer: &mut Vec<u8>) -> Result<bool, ReadFault> {
        let Some(reader) = self.reader.as_mut() else {
            return Ok(true);
        };
        let start = buffer.len();
        buffer.reserve(usize::try_from(CHUNK_BYTES).unwrap_or(0) + 1);
        let result = reader.take(CHUNK_BYTES).read_to_end(buffer);
        let read = u64::try_from(buffer.len() - start).unwrap_or(0);
        self.read_bytes += read;
        result?;
        Ok(read < CHUNK_BYTES)
    }

    fn end_file(&mut self, buffer: Vec<u8>, fault: Option<ReadFault>) -> Chunk {
        let chunk = self.chunk(buffer, fault);
        self.file += 1;
        self.reader = None;
        self.carry.clear();
        self.is_first = true;
        self.skipping = false;
        chunk
    }

    fn chunk(&mut self, bytes: Vec<u8>, fault: Option<ReadFault>) -> Chunk {
        let chunk = Chunk {
            number: self.number,
            file: self.file,
            is_first: self.is_first,
            bytes,
            fault,
            read_bytes: self.read_bytes,
        };
        self.number += 1;
        self.is_first = false;
        chunk
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

/// Small enough to stay in the cache of a processor while it is looked at.
const CHUNK_BYTES: u64 = 256 << 10;
/// Longer than what collectors write at once.
const MAX_LINE_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> (Vec<u8>, Vec<String>) {
        let mut source = Source::reading(Box::new(io::Cursor::new(text.to_vec())));
        let mut all = Vec::new();
        let mut faults = Vec::new();
        while let Some(chunk) = source.next_chunk(Vec::new()) {
            all.extend_from_slice(&chunk.bytes);
            faults.extend(chunk.fault.map(|fault| fault.to_string()));
        }
        (all, faults)
    }

    #[test]
    fn chunks_are_whole_lines_and_nothing_is_lost() {
        let line = |length: usize| [vec![b'x'; length], vec![b'\n']].concat();
        let lengths = [0, 1, 1 << 20, 3 << 20, (1 << 20) - 1, 5, 700_000, 700_000];
        let mut text: Vec<u8> = lengths.into_iter().flat_map(line).collect();
        text.extend_from_slice(b"no line feed");
        let (all, faults) = lines(&text);
        assert!(all == text);
        assert!(faults.is_empty());
        assert_eq!(lines(b"").0, b"");
    }

    #[test]
    fn a_line_that_never_ends_is_skipped() {
        let text = [&b"a\n"[..], &vec![b'x'; 70 << 20], b"\nb\n"].concat();
        let (all, faults) = lines(&text);
        assert_eq!(all, b"a\nb\n");
        assert_eq!(
            faults,
            [
                "a line is longer than 64 MiB and was skipped; put each document on a line of its own: `jq -c .`"
            ]
        );
    }
}
