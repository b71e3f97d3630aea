//! Writes files anew without some records, or parts of them: a new file first, then in the place of
//! the old one, so that a crash leaves one of the two. Lines of which nothing changes stay to the
//! byte.

mod change;
mod pieces;

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use change::Changer;
use pieces::{Pieces, fragment};

/// What becomes of a record.
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
    /// Records taken away.
    pub dropped: u64,
    /// Records replaced.
    pub replaced: u64,
    /// Parts of records in a log that should have been changed and cannot be.
    pub parts: u64,
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
    mut fate: impl FnMut(&str, &str) -> Fate,
) -> Result<Rewritten, RewriteError> {
    let io = |error| RewriteError::Io(path.to_owned(), error);
    // The file itself, not a link to it, is what is replaced.
    let target = fs::canonicalize(path).map_err(io)?;
    let file = File::open(&target).map_err(io)?;
    let before = file.metadata().map_err(io)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let fresh = target.with_file_name(format!(".{name}.meshward-new"));
    // One that is there already is of a command that runs, or was interrupted.
    let created =
        File::create_new(&fresh).map_err(|error| RewriteError::Io(fresh.clone(), error))?;
    let mut out = BufWriter::with_capacity(1 << 20, created);
    let result = copy(file, &mut out, &mut fate).and_then(|done| {
        out.flush()?;
        keep_owner(out.get_ref(), &before);
        out.get_ref().set_permissions(before.permissions())?;
        out.get_ref().sync_all()?;
        Ok(done)
    });
    let remove = || drop(fs::remove_file(&fresh));
    let done = result.map_err(|error| {
        remove();
        io(error)
    })?;
    if done.dropped == 0 && done.replaced == 0 {
        remove();
        return Ok(done);
    }
    let after = fs::metadata(&target).map_err(io)?;
    if after.len() != before.len() || after.modified().ok() != before.modified().ok() {
        remove();
        return Err(RewriteError::Changed(path.to_owned()));
    }
    fs::rename(&fresh, &target).map_err(|error| {
        remove();
        io(error)
    })?;
    if let Some(folder) = target.parent() {
        // The new name is on the disk when its folder is. Not every system can.
        drop(File::open(folder).and_then(|folder| folder.sync_all()));
    }
    Ok(done)
}

/// Where we may, which is as root; anybody else owns what they write anyway.
#[cfg(unix)]
fn keep_owner(file: &File, before: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    drop(fchown(file, Some(before.uid()), Some(before.gid())));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) {}

fn copy(
    file: File,
    out: &mut impl io::Write,
    fate: &mut impl FnMut(&str, &str) -> Fate,
) -> io::Result<Rewritten> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut changer = Changer {
        fate,
        done: Rewritten::default(),
    };
    let mut pieces = Pieces::default();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            pieces.end(&mut changer);
            pieces.write(out)?;
            return Ok(changer.done);
        }
        let end = line.strip_suffix(b"\n").map_or(line.len(), <[u8]>::len);
        // As lines are read: bytes of clients that are no UTF-8 stand beside what is to be changed.
        let text = String::from_utf8_lossy(line.get(..end).unwrap_or_default());
        match fragment(&text) {
            Some(fragment) => pieces.add(&line, &fragment, &mut changer),
            None => {
                let changed = changer.line(&text);
                drop(text);
                pieces.push(changed.applied(line));
            }
        }
        if pieces.are_whole() {
            pieces.write(out)?;
        }
    }
}
