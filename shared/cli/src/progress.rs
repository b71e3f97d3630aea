//! How far a long reading is, for those who wait at a terminal.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error. Where that is no terminal nothing is written.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// For reading these files.
    pub(crate) fn of<'p>(files: impl IntoIterator<Item = &'p Path>) -> Self {
        let sizes = files.into_iter().map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            metadata.is_file().then_some(metadata.len())
        });
        let total_bytes: Option<u64> = sizes.sum();
        // Draws nothing where nobody looks.
        let target = ProgressDrawTarget::stderr_with_hz(5);
        let (bar, template) = match total_bytes.filter(|total| *total > 0) {
            Some(total) => (ProgressBar::with_draw_target(Some(total), target), SIZED),
            None => (ProgressBar::with_draw_target(None, target), ENDLESS),
        };
        let style = ProgressStyle::with_template(template);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// For reading a file whose result goes to standard output: no bar disturbs it on a terminal.
    pub(crate) fn beside_output(file: &Path) -> Self {
        if std::io::stdout().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        Self::of([file])
    }

    /// So many bytes were read.
    pub(crate) fn at(&self, read_bytes: u64) {
        // What is done at once needs no bar.
        if !self.0.is_hidden() && self.0.elapsed() >= PATIENCE {
            self.0.set_position(read_bytes);
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

const SIZED: &str = "[{bar:20}] {percent:>3} %  {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";
const ENDLESS: &str = "{spinner} {decimal_bytes} read, {decimal_bytes_per_sec}";
const PATIENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_right() {
        for template in [SIZED, ENDLESS] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
