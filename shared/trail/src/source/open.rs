//! Opens a file, whatever it is wrapped in: gzip and zstd are undone as it is read, a byte order mark
//! is left out, JSON that is spread over lines is put on one line each, and OTLP in protobuf into JSON.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::ReadFault;
use super::document::{Documents, is_spread};
use super::protobuf::{Requests, framing};

type Reader = Box<dyn Read + Send>;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    /// RFC 1952, of any number of members.
    Gzip,
    /// RFC 8878, of any number of frames.
    Zstd,
}

/// Why a file can be read and not be written anew, if it cannot.
///
/// # Errors
/// It cannot be read.
pub fn unwritable(path: &Path) -> io::Result<Option<&'static str>> {
    let mut head = Vec::new();
    File::open(path)?
        .take(FIRST_LINE_BYTES)
        .read_to_end(&mut head)?;
    if magic(&head).is_some() {
        return Ok(Some(
            "is compressed and cannot be written anew; unpack it first",
        ));
    }
    if framing(&head).is_some() {
        return Ok(Some(
            "is OTLP in protobuf and cannot be written anew; have the collector write JSON",
        ));
    }
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
    Ok(is_spread(text).then_some(
        "is JSON that is spread over lines and cannot be written anew; put each document on one line first: `jq -c`",
    ))
}

/// The files that are meant: those of directories in their place, in the order of their names, and
/// without hidden ones.
///
/// # Errors
/// A directory cannot be read, or has no file.
pub fn files_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" || !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        add_directory(path, &mut files).map_err(|error| format!("{}: {error}", path.display()))?;
        if files.len() == before {
            return Err(format!("{}: there is no file in it", path.display()));
        }
    }
    Ok(files)
}

fn add_directory(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        // A link to a directory could lead back here.
        if entry.file_type()?.is_dir() {
            add_directory(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

pub(super) fn open(path: &Path) -> Result<Reader, ReadFault> {
    if path.as_os_str() == "-" {
        return unwrapped(Box::new(io::stdin()));
    }
    unwrapped(Box::new(File::open(path)?))
}

/// The text of what may be compressed.
pub(super) fn unwrapped(reader: Reader) -> Result<Reader, ReadFault> {
    let (head, reader) = peeked(reader, MAGIC_BYTES)?;
    let reader: Reader = match magic(&head) {
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(BufReader::new(reader))),
        Some(Compression::Zstd) => Box::new(ZstdFrames::new(reader)),
        None => {
            if let Some((_, why)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
                return Err(ReadFault::Unreadable(why));
            }
            reader
        }
    };
    // What was compressed may have a mark, or be compressed twice; more often is no accident.
    let (head, mut reader) = peeked(reader, FIRST_LINE_BYTES)?;
    if magic(&head).is_some() {
        return Err(ReadFault::Unreadable("is compressed more than once"));
    }
    if let Some(framing) = framing(&head) {
        return Ok(Box::new(Requests::new(reader, framing)));
    }
    let mark = usize::from(head.starts_with(BYTE_ORDER_MARK)) * BYTE_ORDER_MARK.len();
    if mark > 0 {
        reader.read_exact(&mut [0; BYTE_ORDER_MARK.len()])?;
    }
    if is_spread(head.get(mark..).unwrap_or_default()) {
        return Ok(Box::new(Documents::new(reader)));
    }
    Ok(reader)
}

/// The first bytes, and a reader that has them still.
fn peeked(mut reader: Reader, bytes: u64) -> io::Result<(Vec<u8>, Reader)> {
    let mut head = Vec::new();
    let result = reader.by_ref().take(bytes).read_to_end(&mut head);
    if head.is_empty() {
        result?;
    }
    let again: Reader = Box::new(Cursor::new(head.clone()).chain(reader));
    Ok((head, again))
}

fn magic(head: &[u8]) -> Option<Compression> {
    if head.starts_with(&[0x1f, 0x8b]) {
        return Some(Compression::Gzip);
    }
    // A frame, or one that is to be skipped, which tools put in front.
    let is_skippable = matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    (head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || is_skippable).then_some(Compression::Zstd)
}

/// All frames of a zstd file, one after the other.
struct ZstdFrames {
    reader: BufReader<Reader>,
    decoder: FrameDecoder,
    /// A frame was begun, and not all of it was read.
    is_inside: bool,
}

impl ZstdFrames {
    fn new(reader: Reader) -> Self {
        Self {
            reader: BufReader::new(reader),
            decoder: FrameDecoder::new(),
            is_inside: false,
        }
    }

    /// Begins the next frame. Returns whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.reader.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.reader) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.reader.by_ref().take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(zstd_error(&error)),
            }
        }
    }

    fn check_sum(&self) -> io::Result<()> {
        let written = self.decoder.get_checksum_from_data();
        if written.is_some() && written != self.decoder.get_calculated_checksum() {
            return Err(zstd_error(
                &"the checksum of a frame is not that of its content",
            ));
        }
        Ok(())
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_inside {
                if buffer.is_empty() || !self.begin()? {
                    return Ok(0);
                }
                self.is_inside = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.reader, blocks);
                decoded.map_err(|error| zstd_error(&error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.check_sum()?;
            self.is_inside = false;
        }
    }
}

fn zstd_error(error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("zstd: {error}"))
}

const MAGIC_BYTES: u64 = 8;
/// What the first line is judged by.
const FIRST_LINE_BYTES: u64 = 4096;
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// What is not read, and how it becomes readable.
const FOREIGN: [(&[u8], &str); 9] = [
    (
        b"PAR1",
        "is a Parquet file, which is not read; export its rows as lines of JSON first, as DuckDB does",
    ),
    (
        b"Obj\x01",
        "is an Avro file, which is not read; export its rows as lines of JSON first: `avro cat`",
    ),
    (
        b"\xff\x06\0\0sNaP",
        "is compressed with snappy, which is not read; unpack it first",
    ),
    (
        b"BZh",
        "is compressed with bzip2, which is not read; unpack it first: `bzcat FILE | meshward audit verify -`",
    ),
    (
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        "is compressed with xz, which is not read; unpack it first: `xzcat FILE | meshward audit verify -`",
    ),
    (
        &[0x04, 0x22, 0x4d, 0x18],
        "is compressed with lz4, which is not read; unpack it first: `lz4cat FILE | meshward audit verify -`",
    ),
    (
        b"PK\x03\x04",
        "is a zip archive, which is not read; unpack it first",
    ),
    (
        &[0xff, 0xfe],
        "is UTF-16, which is not read; convert it first: `iconv -f UTF-16 -t UTF-8 FILE | meshward audit verify -`",
    ),
    (
        &[0xfe, 0xff],
        "is UTF-16, which is not read; convert it first: `iconv -f UTF-16 -t UTF-8 FILE | meshward audit verify -`",
    ),
];
