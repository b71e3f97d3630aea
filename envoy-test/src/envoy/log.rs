//! What a process has logged, to read at any time.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// The log of a process: kept in memory while it is copied to a file.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Follows `output` to its end, which is that of the process.
    pub(super) fn follow(output: impl Read + Send + 'static, mut copy: File) -> Self {
        let log = Self::default();
        let written = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(output)
                .split(b'\n')
                .map_while(std::io::Result::ok)
            {
                let _ = copy.write_all(&line).and_then(|()| copy.write_all(b"\n"));
                let text = String::from_utf8_lossy(&line).into_owned();
                written.change(|state| state.lines.push(text));
            }
            written.change(|state| state.ended = true);
        });
        log
    }

    /// Everything so far.
    #[must_use]
    pub fn text(&self) -> String {
        self.state().lines.join("\n")
    }

    /// The last lines, for error messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let state = self.state();
        let skipped = state.lines.len().saturating_sub(20);
        state
            .lines
            .iter()
            .skip(skipped)
            .map(|line| format!("    {line}\n"))
            .collect()
    }

    /// The lines so far that contain `part`.
    #[must_use]
    pub fn lines_with(&self, part: &str) -> Vec<String> {
        let state = self.state();
        state
            .lines
            .iter()
            .filter(|line| line.contains(part))
            .cloned()
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
        let patience = Duration::from_secs(10);
        let deadline = Instant::now() + patience;
        loop {
            if self.lines_with(part).len() >= count {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::TimedOut {
                    what: format!(
                        "{count} times {part:?} in the log, which ends with:\n{}",
                        self.tail()
                    ),
                    seconds: patience.as_secs(),
                });
            }
            self.wait(left.min(Duration::from_millis(100)));
        }
    }

    /// Whether the process has closed its log, so ended.
    pub(super) fn ended(&self) -> bool {
        self.state().ended
    }

    /// Waits for a change, no longer than `patience`.
    pub(super) fn wait(&self, patience: Duration) {
        let (_, changed) = &*self.0;
        drop(changed.wait_timeout(self.state(), patience));
    }

    /// Waits for the end of the process, no longer than `patience`; whether it came.
    pub(super) fn wait_for_end(&self, patience: Duration) -> bool {
        let (_, changed) = &*self.0;
        let waited = changed.wait_timeout_while(self.state(), patience, |state| !state.ended);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.ended
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        let (_, changed) = &*self.0;
        changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let (state, _) = &*self.0;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
