//! Standard output, whose reader may leave and whose disk may be full.
//!
//! `println!` panics in both cases. Here a reader that has left (`meshward redact --list | head -1`)
//! ends the command quietly, and anything else is an error that is told.

use std::fmt::{Arguments, Display};
use std::io::{self, Write as _};

use crate::exit;

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
