//! The processor time that a process has used.

use std::fs;
use std::path::Path;

use envoy_test::{Error, Result};

/// The time that all threads of a process have run so far.
///
/// # Errors
/// Where the system does not tell: this is Linux's `schedstat`.
pub(crate) fn nanoseconds(pid: u32) -> Result<u64> {
    let folder = format!("/proc/{pid}/task");
    let unknown = |source| Error::Io {
        action: format!("reading {folder}"),
        source,
    };
    let mut sum: u64 = 0;
    for thread in fs::read_dir(&folder).map_err(unknown)? {
        let file = thread.map_err(unknown)?.path().join("schedstat");
        sum = sum.saturating_add(run_time(&file).map_err(unknown)?);
    }
    Ok(sum)
}

/// The time that this thread has run so far.
pub(crate) fn thread_nanoseconds() -> std::io::Result<u64> {
    run_time(Path::new("/proc/thread-self/schedstat"))
}

/// The memory that a process holds, in MiB.
///
/// # Errors
/// Where the system does not tell.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).map_err(|source| Error::Io {
        action: format!("reading {file}"),
        source,
    })?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(kib.unwrap_or(f64::NAN) / 1024.0)
}

fn run_time(file: &Path) -> std::io::Result<u64> {
    let text = fs::read_to_string(file)?;
    let first = text
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    first.ok_or_else(|| std::io::Error::other(format!("{text:?} has no run time")))
}
