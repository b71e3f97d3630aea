//! Standard output, whose reader may leave and whose disk may be full.
//!
//! `println!` panics in both cases. Here a reader that has left (`meshward redact --list | head -1`)
//! ends the command quietly, and anything else is an error that is told.

use std::fmt::{Arguments, Display};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::exit;
use trail::replacement::Replacement;

/// Prints a line: as `println!`.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::output::line(format_args!($($argument)*))
    };
}
pub(crate) use say;

/// Prints a line.
pub(crate) fn line(line: Arguments<'_>) {
    or_end(writeln!(io::stdout(), "{line}"));
}

/// Prints text as it is.
pub(crate) fn text(text: impl Display) {
    or_end(write!(io::stdout(), "{text}"));
}

/// What was printed is out, or the command ends.
pub(crate) fn flush() {
    or_end(io::stdout().flush());
}

/// Goes on, or ends the command.
pub(crate) fn or_end(written: io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(i32::from(exit::RIGHT));
    }
    // Nobody can be told that nobody can be told.
    let _ = writeln!(io::stderr(), "meshward: standard output: {error}");
    std::process::exit(i32::from(exit::NOT_DONE));
}

/// Where what is made goes.
#[derive(clap::Args)]
pub(crate) struct Output {
    /// Where it goes [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Output {
    /// What something is made from is not written over with it: it may be all evidence that there is.
    pub(crate) fn refuse_inputs<P: AsRef<Path>>(
        &self,
        inputs: impl IntoIterator<Item = P>,
    ) -> Result<(), String> {
        let Some(file) = &self.output else {
            return Ok(());
        };
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = folder.canonicalize();
        for input in inputs {
            let input = input.as_ref();
            let (output, name) = (file.display(), input.display());
            if is_same_file(input, file) {
                return Err(format!(
                    "--output {output}: {name} is read, and would be overwritten"
                ));
            }
            let is_within = |folder: &PathBuf| {
                input.is_dir()
                    && input
                        .canonicalize()
                        .is_ok_and(|input| folder.starts_with(input))
            };
            if folder.as_ref().is_ok_and(is_within) {
                return Err(format!(
                    "--output {output}: all files in {name} are read as records, and this would be the next time; write it elsewhere"
                ));
            }
        }
        Ok(())
    }

    /// Writes it there.
    pub(crate) fn write(&self, made: &str) -> Result<(), String> {
        let Some(file) = &self.output else {
            text(made);
            return Ok(());
        };
        replace(file, made).map_err(|error| format!("{}: {error}", file.display()))
    }
}

fn replace(file: &Path, made: &str) -> io::Result<()> {
    // A pipe or a terminal has no place to be taken, and a link leads to the file that is meant.
    let (target, is_file) = match file.canonicalize() {
        Ok(target) => {
            let is_file = target.is_file();
            (target, is_file)
        }
        Err(_) => (file.to_owned(), !file.is_symlink()),
    };
    if !is_file {
        return std::fs::write(file, made);
    }
    let replacement = Replacement::create(&target)?;
    replacement.file().write_all(made.as_bytes())?;
    replacement.finish()?;
    replacement.put_in_place()
}

/// Whether two paths lead to one file.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other
        || one
            .canonicalize()
            .is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
