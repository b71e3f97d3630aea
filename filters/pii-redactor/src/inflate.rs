//! Decoding gzip and deflate while they stream by, within limits.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use crate::bytes::{Position as _, at, rest};

/// How much a compressed body may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflateLimits {
    /// Bytes in all.
    pub max_bytes: u64,
    /// Bytes for each compressed byte, once there is a MiB.
    pub max_ratio: u64,
}

impl Default for InflateLimits {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_ratio: 200,
        }
    }
}

/// Why a compressed body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// It is not what it says it is.
    Broken,
    /// It ends in the middle.
    Truncated,
    /// It becomes more than it may.
    Limit,
}

impl InflateError {
    /// The word in metrics and records.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Broken => "compression_broken",
            Self::Truncated => "compression_truncated",
            Self::Limit => "decompression_limit",
        }
    }
}

/// Decodes one body.
pub struct Inflater {
    is_gzip: bool,
    stage: Stage,
    state: Box<InflateState>,
    output: Box<[u8; OUTPUT_BYTES]>,
    limits: InflateLimits,
    /// The beginning of a zlib header, or the bytes of a trailer.
    few: Vec<u8>,
    crc: crc32fast::Hasher,
    member_bytes: u32,
    read_bytes: u64,
    written_bytes: u64,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The ten bytes at the beginning of a gzip member (RFC 1952 section 2.3).
    Fixed,
    /// The length of the extra field, then the field.
    ExtraLength {
        flags: u8,
    },
    Extra {
        flags: u8,
        left: usize,
    },
    /// The file name and the comment, each up to a zero.
    Name {
        flags: u8,
    },
    Comment {
        flags: u8,
    },
    HeaderCrc {
        left: usize,
    },
    /// Whether a deflate body has a zlib header (RFC 9110 section 8.4.1.2) or, as some send it, none.
    ZlibOrRaw,
    Deflate,
    /// CRC-32 and length.
    Trailer,
    /// Behind a member: another one, or nothing.
    Between,
    /// Behind the end of a deflate body.
    Done,
}

impl Inflater {
    /// A decoder for `gzip` (or `deflate`).
    #[must_use]
    pub fn new(is_gzip: bool, limits: InflateLimits) -> Self {
        Self {
            is_gzip,
            stage: if is_gzip {
                Stage::Fixed
            } else {
                Stage::ZlibOrRaw
            },
            state: InflateState::new_boxed(DataFormat::Raw),
            output: Box::new([0; OUTPUT_BYTES]),
            limits,
            few: Vec::new(),
            crc: crc32fast::Hasher::new(),
            member_bytes: 0,
            read_bytes: 0,
            written_bytes: 0,
        }
    }

    /// Takes compressed bytes and gives `sink` what they say.
    ///
    /// # Errors
    /// What is wrong; nothing more can be read then.
    pub fn write(
        &mut self,
        mut bytes: &[u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), InflateError> {
        let mut written_now = 0_usize;
        while !bytes.is_empty() {
            if self.stage == Stage::Deflate {
                let (consumed, written) = self.inflate(bytes, sink)?;
                bytes = rest(bytes, consumed);
                written_now = written_now.plus(written);
                if written_now > MAX_BYTES_AT_ONCE {
                    return Err(InflateError::Limit);
                }
                continue;
            }
            let byte = at(bytes, 0);
            bytes = rest(bytes, 1);
            self.read_bytes = self.read_bytes.saturating_add(1);
            let unread = self.header_byte(byte)?;
            if let Some(begun) = unread {
                // What looked like a header is the data itself.
                self.inflate(&begun, sink)?;
            }
        }
        Ok(())
    }

    /// The body is complete.
    ///
    /// # Errors
    /// It ends in the middle.
    pub fn finish(&self) -> Result<(), InflateError> {
        let nothing = self.stage == Stage::Fixed && self.few.is_empty()
            || self.stage == Stage::ZlibOrRaw && self.few.is_empty();
        match self.stage {
            Stage::Between | Stage::Done => Ok(()),
            _ if nothing => Ok(()),
            _ => Err(InflateError::Truncated),
        }
    }

    fn inflate(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(usize, usize), InflateError> {
        let mut consumed = 0_usize;
        let mut written = 0_usize;
        loop {
            let result = inflate(
                &mut self.state,
                rest(bytes, consumed),
                &mut self.output[..],
                MZFlush::None,
            );
            consumed = consumed.plus(result.bytes_consumed);
            let out = self.output.get(..result.bytes_written).unwrap_or_default();
            written = written.plus(out.len());
            let long = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
            self.read_bytes = self.read_bytes.saturating_add(long(result.bytes_consumed));
            self.written_bytes = self.written_bytes.saturating_add(long(out.len()));
            let ratio_limit = self
                .read_bytes
                .saturating_mul(self.limits.max_ratio)
                .max(FREE_BYTES);
            if self.written_bytes > self.limits.max_bytes.min(ratio_limit)
                || written > MAX_BYTES_AT_ONCE
            {
                return Err(InflateError::Limit);
            }
            self.crc.update(out);
            self.member_bytes = self
                .member_bytes
                .wrapping_add(u32::try_from(out.len()).unwrap_or(0));
            sink(out);
            match result.status {
                Ok(MZStatus::StreamEnd) => {
                    self.stage = if self.is_gzip {
                        Stage::Trailer
                    } else {
                        Stage::Done
                    };
                    self.few.clear();
                    return Ok((consumed, written));
                }
                Ok(_) | Err(MZError::Buf) => {
                    let more = result.bytes_written == OUTPUT_BYTES
                        || (result.bytes_consumed > 0 && consumed < bytes.len());
                    if !more {
                        return Ok((bytes.len(), written));
                    }
                }
                Err(_) => return Err(InflateError::Broken),
            }
        }
    }

    /// A byte outside of the data. Answers bytes that turned out to be data.
    fn header_byte(&mut self, byte: u8) -> Result<Option<Vec<u8>>, InflateError> {
        match self.stage {
            Stage::Fixed => {
                self.few.push(byte);
                let expected = [0x1f, 0x8b, 8];
                let place = self.few.len().less(1);
                if expected.get(place).is_some_and(|known| *known != byte) {
                    return Err(InflateError::Broken);
                }
                if self.few.len() == 10 {
                    let flags = at(&self.few, 3);
                    if flags & 0xe0 != 0 {
                        return Err(InflateError::Broken);
                    }
                    self.few.clear();
                    self.begin_member();
                    self.next_field(flags, 0);
                }
            }
            Stage::ExtraLength { flags } => {
                self.few.push(byte);
                if self.few.len() == 2 {
                    let left =
                        usize::from(u16::from_le_bytes([at(&self.few, 0), at(&self.few, 1)]));
                    self.few.clear();
                    self.stage = Stage::Extra { flags, left };
                    if left == 0 {
                        self.next_field(flags, FEXTRA);
                    }
                }
            }
            Stage::Extra { flags, left } => match left.less(1) {
                0 => self.next_field(flags, FEXTRA),
                left => self.stage = Stage::Extra { flags, left },
            },
            Stage::Name { flags } if byte == 0 => self.next_field(flags, FNAME),
            Stage::Comment { flags } if byte == 0 => self.next_field(flags, FCOMMENT),
            Stage::Name { .. } | Stage::Comment { .. } => {}
            Stage::HeaderCrc { left } => match left.less(1) {
                0 => self.stage = Stage::Deflate,
                left => self.stage = Stage::HeaderCrc { left },
            },
            Stage::ZlibOrRaw => {
                self.few.push(byte);
                if self.few.len() == 2 {
                    let header = u16::from_be_bytes([at(&self.few, 0), at(&self.few, 1)]);
                    let is_zlib = at(&self.few, 0) & 0x0f == 8 && header % 31 == 0;
                    let format = if is_zlib {
                        DataFormat::Zlib
                    } else {
                        DataFormat::Raw
                    };
                    self.state = InflateState::new_boxed(format);
                    self.stage = Stage::Deflate;
                    return Ok(Some(std::mem::take(&mut self.few)));
                }
            }
            Stage::Trailer => {
                self.few.push(byte);
                if self.few.len() == 8 {
                    let word = |from: usize| {
                        u32::from_le_bytes([
                            at(&self.few, from),
                            at(&self.few, from.plus(1)),
                            at(&self.few, from.plus(2)),
                            at(&self.few, from.plus(3)),
                        ])
                    };
                    let crc = std::mem::take(&mut self.crc).finalize();
                    if word(0) != crc || word(4) != self.member_bytes {
                        return Err(InflateError::Broken);
                    }
                    self.few.clear();
                    self.stage = Stage::Between;
                }
            }
            Stage::Between => {
                self.stage = Stage::Fixed;
                self.few.clear();
                return self.header_byte(byte);
            }
            Stage::Done => return Err(InflateError::Broken),
            Stage::Deflate => {}
        }
        Ok(None)
    }

    fn begin_member(&mut self) {
        self.state = InflateState::new_boxed(DataFormat::Raw);
        self.crc = crc32fast::Hasher::new();
        self.member_bytes = 0;
    }

    /// The next part of the header, behind the one with this flag.
    fn next_field(&mut self, flags: u8, done: u8) {
        let has = |flag: u8| flags & flag != 0;
        self.stage = match done {
            0 if has(FEXTRA) => Stage::ExtraLength { flags },
            0 | FEXTRA if has(FNAME) => Stage::Name { flags },
            0 | FEXTRA | FNAME if has(FCOMMENT) => Stage::Comment { flags },
            _ if has(FHCRC) => Stage::HeaderCrc { left: 2 },
            _ => Stage::Deflate,
        };
    }
}

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
const OUTPUT_BYTES: usize = 16 * 1024;
/// So much is never too much.
const FREE_BYTES: u64 = 1 << 20;
/// What one chunk becomes is in memory at once.
const MAX_BYTES_AT_ONCE: usize = 16 << 20;
