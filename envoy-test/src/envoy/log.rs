//! What a process has logged, to read at any time.
//!
//! The process writes to the file by itself, so that what it logged before it answered is there
//! when its answer is.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// The log of a process.
#[derive(Clone, Debug)]
pub struct Log(PathBuf);

impl Log {
    pub(super) fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// All log lines so far.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = fs::read(&self.0).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines, for error messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = self.text();
        let skipped = text.lines().count().saturating_sub(TAIL_LINES);
        text.lines()
            .skip(skipped)
            .map(|line| format!("    {line}\n"))
            .collect()
    }

    /// The lines so far that contain `part`.
    #[must_use]
    pub fn lines_with(&self, part: &str) -> Vec<String> {
        let text = self.text();
        text.lines()
            .filter(|line| line.contains(part))
            .map(str::to_owned)
            .collect()
    }

    /// Waits until a line contains `part`.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when none came.
    pub fn wait_for(&self, part: &str) -> Result<()> {
        self.wait_for_all(part, 1)
    }

    /// Waits until `count` lines contain `part`.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when fewer came.
    pub fn wait_for_all(&self, part: &str, count: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.lines_with(part).len() < count {
            if Instant::now() > deadline {
                return Err(Error::TimedOut {
                    what: format!(
                        "{count} times {part:?} in the log, which ends with:\n{}",
                        self.tail()
                    ),
                    seconds: PATIENCE.as_secs(),
                });
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const TAIL_LINES: usize = 20;
