//! Writes files anew without some records, or parts of them: a new file first, then in the place of
//! the old one, so that a crash leaves one of the two. Lines of which nothing changes stay to the
//! byte.

mod beside;
mod change;
mod pieces;

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::replacement::Replacement;
use change::Changer;
use pieces::{Pieces, fragment};

/// How a record is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The record stays as it is.
    Keep,
    /// The record is taken away.
    Drop,
    /// This stands in its place.
    Replace(String),
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// How many records were removed.
    pub dropped: u64,
    /// How many records were replaced.
    pub replaced: u64,
    /// Parts of records in a log that should have been changed and cannot be.
    pub parts: u64,
    /// Lines that still say beside a record what was erased from it.
    pub beside: u64,
    /// The first of them, from 1.
    pub first_beside: u64,
}

/// Whether what a line says beside its records is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Records go because their time is over, and the rest of a log has a time of its own.
    Ignored,
    /// Somebody is to be erased: lines that still name him are counted.
    Told,
}

/// Why a file was not written anew. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// It cannot be read, or the new one not be written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// Somebody is writing to it.
    #[error(
        "{0}: somebody has written to it meanwhile, so it was left as it is; try it on a file that is finished"
    )]
    Changed(PathBuf),
}

/// Writes a file anew. `fate` is asked with the id and the text of each record.
///
/// # Errors
/// See [`RewriteError`].
pub fn rewrite(
    path: &Path,
    beside: Beside,
    mut fate: impl FnMut(&str, &str) -> Fate,
) -> Result<Rewritten, RewriteError> {
    let io = |error| RewriteError::Io(path.to_owned(), error);
    // The file itself, not a link to it, is what is replaced.
    let target = fs::canonicalize(path).map_err(io)?;
    let file = File::open(&target).map_err(io)?;
    let before = file.metadata().map_err(io)?;
    let replacement = Replacement::create(&target)
        .map_err(|error| RewriteError::Io(Replacement::beside(&target), error))?;
    let mut out = BufWriter::with_capacity(1 << 20, replacement.file());
    let done = copy(file, &mut out, beside, &mut fate).map_err(io)?;
    out.flush().map_err(io)?;
    drop(out);
    if done.dropped == 0 && done.replaced == 0 {
        return Ok(done);
    }
    replacement.finish().map_err(io)?;
    let after = fs::metadata(&target).map_err(io)?;
    if after.len() != before.len() || after.modified().ok() != before.modified().ok() {
        return Err(RewriteError::Changed(path.to_owned()));
    }
    replacement.put_in_place().map_err(io)?;
    Ok(done)
}

fn copy(
    file: File,
    out: &mut impl io::Write,
    beside: Beside,
    fate: &mut impl FnMut(&str, &str) -> Fate,
) -> io::Result<Rewritten> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut changer = Changer::new(fate);
    let mut pieces = Pieces::default();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            pieces.end(beside, &mut changer);
            pieces.write(out)?;
            return Ok(changer.done);
        }
        changer.number += 1;
        // What stands between bytes of zero is read as a line, so it is changed as one.
        for line in line.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
            let end = line.strip_suffix(b"\n").unwrap_or(line);
            // As lines are read: bytes of clients that are no UTF-8 stand beside what is to be changed.
            let text = String::from_utf8_lossy(end);
            match fragment(&text, end) {
                Some(fragment) => pieces.add(line, &fragment, beside, &mut changer),
                None => {
                    let changed = changer.line(&text);
                    changer.look_beside(beside, &text, &changed);
                    pieces.push(changed.applied(line.to_vec()));
                }
            }
        }
        if pieces.are_whole() {
            pieces.write(out)?;
        }
    }
}
