//! Case files: what a configuration does with requests, as data, and the ways to run them.
//!
//! The format is described in the README of this crate. [`CaseFile::read`] reads a file, [`run`] takes
//! one of its cases through a [`Backend`]: [`InProcess`] is a proxy in this process, around a native
//! filter or a module; [`EnvoyBackend`] is an Envoy that it starts. Tests have others.
//!
//! It runs natively, in real time and against real sockets, and is no part of what runs in a proxy.

#![allow(
    clippy::disallowed_methods,
    reason = "cases run in real time, against real sockets"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "an overflow is a failed case, not a lost proxy"
)]

mod backend;
mod data;
#[cfg(feature = "envoy")]
mod envoy;
mod expect;
mod format;
mod in_process;
mod place;
mod records;

pub use backend::{Backend, run};
pub use data::{Bytes, HeaderValues, Pause, RequestData, ResponseData, Timestamp, Tls, TlsVersion};
#[cfg(feature = "envoy")]
pub use envoy::{EnvoyBackend, EnvoySettings};
pub use expect::Difference;
pub use format::{Call, Case, CaseFile, Cuts, Expectation, Failure, Seen, Step};
pub use in_process::{InProcess, Transcript, joined, lines};
pub use records::{in_log, of_batch};

/// Why a case could not be run, or a file not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read, or is none of cases.
    #[error("{path}: {reason}")]
    File {
        /// The path of the file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The filter does not take the configuration.
    #[error("the configuration is refused:\n{0}")]
    Refused(String),
    /// The filter has ended its VM.
    #[error("trapped: {0}")]
    Trapped(String),
    /// What runs the case has failed.
    #[error("{0}")]
    Backend(String),
}

/// The result of running a case.
pub type Result<T> = std::result::Result<T, Error>;
