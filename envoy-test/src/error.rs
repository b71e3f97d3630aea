//! What can go wrong in the test bed itself, in words for the person who runs it.

use std::path::PathBuf;
use std::{fmt, io};

/// A failure of the test bed: something is not built, or a process or server did not do its part.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that a make target produces is not there.
    #[error("{} is not there: run `{command}` first", path.display())]
    NotBuilt {
        /// The path of the file.
        path: PathBuf,
        /// The command that makes it.
        command: String,
    },
    /// A file, socket or process could not be used.
    #[error("{action}: {source}")]
    Io {
        /// What was tried, for the message.
        action: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// An HTTP exchange failed below the level of statuses.
    #[error("{action}: {reason}")]
    Http {
        /// What was tried, for the message.
        action: String,
        /// The message of the library.
        reason: String,
    },
    /// An Envoy ended, or never became ready.
    #[error("Envoy {event}; its log ends with:\n{log}")]
    Envoy {
        /// What happened, for the message.
        event: String,
        /// The last lines of its log.
        log: String,
    },
    /// A peer that is a process of its own ended, never became ready, or refused what it was asked.
    #[error("{peer} {event}; its log ends with:\n{log}")]
    Peer {
        /// The name of the peer.
        peer: &'static str,
        /// What happened, for the message.
        event: String,
        /// The last lines of its log.
        log: String,
    },
    /// A configuration file does not have the shape that the test bed counts on.
    #[error("{file}: {reason}")]
    Config {
        /// The path of the file.
        file: String,
        /// What was expected of it.
        reason: String,
    },
    /// A key could not be made or a token not be signed.
    #[error("{action}: {reason}")]
    Crypto {
        /// What was tried, for the message.
        action: String,
        /// The message of the library.
        reason: String,
    },
    /// A command that a test runs has failed.
    #[error("{command} failed: {text}")]
    Command {
        /// The command line of the process that failed.
        command: String,
        /// What the process wrote to its standard output and error.
        text: String,
    },
    /// Something that was waited for did not come.
    #[error("gave up after {seconds} s waiting for {what}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How many seconds it was waited for.
        seconds: u64,
    },
}

/// As in [`std::fmt::Display`]: this is what a test prints that unwraps, and a log is to be read.
impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The result of an operation of the test bed.
pub type Result<T> = std::result::Result<T, Error>;

/// Says what was being done when an operation failed.
pub(crate) trait Context<T> {
    /// Turns the failure into an [`Error`] that starts with `action`.
    fn context(self, action: impl Into<String>) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Io {
            action: action.into(),
            source,
        })
    }
}

impl<T> Context<T> for std::result::Result<T, hyper::Error> {
    fn context(self, action: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::Http {
            action: action.into(),
            reason: spelled_out(&error),
        })
    }
}

#[cfg(feature = "bed")]
impl<T> Context<T> for std::result::Result<T, jwt_simple::Error> {
    fn context(self, action: impl Into<String>) -> Result<T> {
        self.map_err(|error| Error::Crypto {
            action: action.into(),
            reason: error.to_string(),
        })
    }
}

/// An error with its causes, since hyper's own text leaves them out.
pub(crate) fn spelled_out(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
