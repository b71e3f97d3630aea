//! Puts a new file in the place of another. Whoever reads it, also after a crash, finds one of the two whole.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file that is written beside the one whose place it takes. It is gone if it never takes it.
#[derive(Debug)]
pub struct Replacement {
    fresh: PathBuf,
    target: PathBuf,
    file: File,
    before: Option<Metadata>,
    is_in_place: bool,
}

impl Replacement {
    /// Begins one. Until it is in place, nobody else can read what takes the place of a file that is there
    /// already: who may is decided by that file, and this one does not have its permissions yet.
    ///
    /// # Errors
    /// It cannot be made, or another one is there already: of a command that runs, or was interrupted.
    pub fn create(target: &Path) -> io::Result<Self> {
        let before = fs::metadata(target).ok();
        let fresh = Self::beside(target);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if before.is_some() {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        Ok(Self {
            file: options.open(&fresh)?,
            fresh,
            target: target.to_owned(),
            before,
            is_in_place: false,
        })
    }

    /// Where the new file is until it takes the place of another.
    #[must_use]
    pub fn beside(target: &Path) -> PathBuf {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        target.with_file_name(format!(".{name}.meshward-new"))
    }

    /// The file to write the new contents to.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// All is written: it has the owner and the permissions of the other file, and is on the disk.
    ///
    /// # Errors
    /// It cannot be.
    pub fn finish(&self) -> io::Result<()> {
        if let Some(before) = &self.before {
            keep_owner(&self.file, before);
            self.file.set_permissions(before.permissions())?;
        }
        self.file.sync_all()
    }

    /// Takes the place.
    ///
    /// # Errors
    /// It cannot.
    pub fn put_in_place(mut self) -> io::Result<()> {
        fs::rename(&self.fresh, &self.target)?;
        self.is_in_place = true;
        if let Some(folder) = self.target.parent() {
            // The new name is on the disk when its folder is. Not every system can.
            drop(File::open(folder).and_then(|folder| folder.sync_all()));
        }
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.is_in_place {
            drop(fs::remove_file(&self.fresh));
        }
    }
}

/// Where we may, which is as root; anybody else owns what they write anyway.
#[cfg(unix)]
fn keep_owner(file: &File, before: &Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    drop(fchown(file, Some(before.uid()), Some(before.gid())));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_what_is_not_in_place() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("trail.ndjson");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for kept in [0o600, 0o644] {
            fs::write(&target, "old").unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(kept)).unwrap();
            let replacement = Replacement::create(&target).unwrap();
            assert_eq!(mode(&Replacement::beside(&target)), 0o600);
            replacement.finish().unwrap();
            replacement.put_in_place().unwrap();
            assert_eq!(mode(&target), kept);
            assert_eq!(fs::read_to_string(&target).unwrap(), "");
        }
        drop(Replacement::create(&target).unwrap());
        assert!(!Replacement::beside(&target).exists());
    }
}
