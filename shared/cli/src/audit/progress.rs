//! How far a long reading is, for those who wait at a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::format::bytes;

/// A line on the terminal that is written again and again.
pub(super) struct Progress {
    /// `None` if nobody looks.
    state: Option<Mutex<State>>,
    total_bytes: Option<u64>,
    began: Instant,
}

struct State {
    shown: Instant,
    visible: bool,
}

impl Progress {
    /// For reading these files.
    #[expect(clippy::disallowed_methods, reason = "a person waits")]
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let now = Instant::now();
        let sizes = files.iter().map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            metadata.is_file().then_some(metadata.len())
        });
        Self {
            state: std::io::stderr().is_terminal().then(|| {
                Mutex::new(State {
                    shown: now,
                    visible: false,
                })
            }),
            total_bytes: sizes.sum(),
            began: now,
        }
    }

    /// So many bytes were read.
    #[expect(clippy::disallowed_methods, reason = "a person waits")]
    pub(super) fn at(&self, read_bytes: u64) {
        let Some(state) = &self.state else { return };
        let now = Instant::now();
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(state.shown) < EVERY {
            return;
        }
        state.shown = now;
        state.visible = true;
        let elapsed_ms = u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(1);
        let line = line(read_bytes, self.total_bytes, elapsed_ms.max(1));
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        let Some(state) = &self.state else { return };
        if state.lock().unwrap_or_else(PoisonError::into_inner).visible {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(read_bytes: u64, total_bytes: Option<u64>, elapsed_ms: u64) -> String {
    let per_second = read_bytes.saturating_mul(1000) / elapsed_ms;
    let rate = format!("{}/s", bytes(per_second));
    let Some(total_bytes) = total_bytes.filter(|total| *total > 0) else {
        return format!("{} read, {rate}", bytes(read_bytes));
    };
    let percent = (read_bytes.saturating_mul(100) / total_bytes).min(100);
    let filled = usize::try_from(percent / 5).unwrap_or(0);
    let left_s = total_bytes.saturating_sub(read_bytes) / per_second.max(1);
    format!(
        "[{}{}] {percent:>3} %  {} of {}, {rate}, {left_s} s left",
        "#".repeat(filled),
        ".".repeat(20 - filled),
        bytes(read_bytes),
        bytes(total_bytes)
    )
}

const EVERY: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_it_is() {
        assert_eq!(
            line(500_000_000, Some(1_000_000_000), 1000),
            "[##########..........]  50 %  500.0 MB of 1.0 GB, 500.0 MB/s, 1 s left"
        );
        assert_eq!(line(1_000, None, 500), "1.0 kB read, 2.0 kB/s");
        assert!(line(20, Some(10), 1).contains("100 %"));
        assert!(line(0, Some(0), 1).starts_with("0 bytes"));
    }
}
