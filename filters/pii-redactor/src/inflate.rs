//! Decoding gzip and deflate while they stream by, within limits.
//!
//! zlib-rs reads the headers, the data and the checksums; what is here is only what stands between
//! members, and the limits. Behind the last member there may be zeros, which some writers pad with and
//! which are dropped; anything else makes the body a broken one, for it could not be searched.

use flate2::{Decompress, FlushDecompress, Status};

use crate::bytes::{Position as _, at, rest};

/// How much a compressed body may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflateLimits {
    /// The most decoded bytes of a body.
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

/// Decodes one compressed body.
pub struct Inflater {
    is_gzip: bool,
    stage: Stage,
    decoder: Option<Decompress>,
    output: Box<[u8]>,
    limits: InflateLimits,
    /// The first two bytes of a member or of a deflate body.
    first: Vec<u8>,
    members: u32,
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
    /// Before the first two bytes of a member, which say what it is.
    Beginning,
    /// Inside a member.
    Data,
    /// Behind the last member.
    Done,
}

impl Inflater {
    /// A decoder for `gzip` (or `deflate`).
    #[must_use]
    pub fn new(is_gzip: bool, limits: InflateLimits) -> Self {
        Self {
            is_gzip,
            stage: Stage::Beginning,
            decoder: None,
            output: vec![0; OUTPUT_BYTES].into_boxed_slice(),
            limits,
            first: Vec::new(),
            members: 0,
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
        let limit = self.written_bytes.saturating_add(MAX_BYTES_AT_ONCE);
        while !bytes.is_empty() {
            match self.stage {
                Stage::Beginning => {
                    self.first.push(at(bytes, 0));
                    bytes = rest(bytes, 1);
                    self.begin(limit, sink)?;
                }
                Stage::Data => {
                    let taken = self.inflate(bytes, limit, sink)?;
                    bytes = rest(bytes, taken);
                }
                Stage::Done if bytes.iter().all(|byte| *byte == 0) => return Ok(()),
                Stage::Done => return Err(InflateError::Broken),
            }
        }
        Ok(())
    }

    /// The body is complete.
    ///
    /// # Errors
    /// It ends in the middle.
    pub fn finish(&self) -> Result<(), InflateError> {
        match self.stage {
            Stage::Done => Ok(()),
            // An empty body, or one whose last member is complete.
            Stage::Beginning if self.first.is_empty() || self.members > 0 => Ok(()),
            Stage::Beginning | Stage::Data => Err(InflateError::Truncated),
        }
    }

    /// Looks at the first two bytes of a member.
    fn begin(&mut self, limit: u64, sink: &mut dyn FnMut(&[u8])) -> Result<(), InflateError> {
        let is_member = GZIP_MAGIC.starts_with(&self.first);
        if self.is_gzip && !is_member {
            if self.members == 0 || self.first != [0] {
                return Err(InflateError::Broken);
            }
            self.stage = Stage::Done;
            return Ok(());
        }
        if self.first.len() < 2 {
            return Ok(());
        }
        self.members = self.members.saturating_add(1);
        if self.members > MAX_MEMBERS {
            return Err(InflateError::Limit);
        }
        self.decoder = Some(if self.is_gzip {
            Decompress::new_gzip(WINDOW_BITS)
        } else {
            // RFC 9110 section 8.4.1.2 wants a zlib header, and some send none.
            let header = u16::from_be_bytes([at(&self.first, 0), at(&self.first, 1)]);
            let is_zlib = at(&self.first, 0) & 0x0f == 8 && header % 31 == 0;
            Decompress::new(is_zlib)
        });
        self.stage = Stage::Data;
        let first = std::mem::take(&mut self.first);
        self.inflate(&first, limit, sink).map(drop)
    }

    /// Decodes as much as there is of one member. Returns how many bytes of it were taken.
    fn inflate(
        &mut self,
        bytes: &[u8],
        limit: u64,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, InflateError> {
        let Some(decoder) = &mut self.decoder else {
            return Err(InflateError::Broken);
        };
        let mut taken = 0_usize;
        loop {
            let (read_before, written_before) = (decoder.total_in(), decoder.total_out());
            let status = decoder
                .decompress(rest(bytes, taken), &mut self.output, FlushDecompress::None)
                .map_err(|_| InflateError::Broken)?;
            let read = decoder.total_in().saturating_sub(read_before);
            let written = decoder.total_out().saturating_sub(written_before);
            self.read_bytes = self.read_bytes.saturating_add(read);
            self.written_bytes = self.written_bytes.saturating_add(written);
            let by_ratio = self.read_bytes.saturating_mul(self.limits.max_ratio);
            let allowed = self.limits.max_bytes.min(by_ratio.max(FREE_BYTES));
            if self.written_bytes > allowed.min(limit) {
                return Err(InflateError::Limit);
            }
            let read = usize::try_from(read).unwrap_or(usize::MAX);
            let written = usize::try_from(written).unwrap_or(usize::MAX);
            taken = taken.plus(read);
            sink(self.output.get(..written).unwrap_or_default());
            if status == Status::StreamEnd {
                self.decoder = None;
                self.stage = if self.is_gzip {
                    Stage::Beginning
                } else {
                    Stage::Done
                };
                return Ok(taken);
            }
            // There may be more where the output was full; what is left of the input is not.
            if written < self.output.len() && (read == 0 || taken >= bytes.len()) {
                let is_stuck = read == 0 && written == 0 && taken < bytes.len();
                return if is_stuck {
                    Err(InflateError::Broken)
                } else {
                    Ok(taken)
                };
            }
        }
    }
}

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const WINDOW_BITS: u8 = 15;
const OUTPUT_BYTES: usize = 32 * 1024;
/// So much is never too much.
const FREE_BYTES: u64 = 1 << 20;
/// What one chunk becomes is in memory at once.
const MAX_BYTES_AT_ONCE: u64 = 16 << 20;
/// Each member costs a decoder of its own.
const MAX_MEMBERS: u32 = 10_000;
