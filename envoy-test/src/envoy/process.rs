//! A child process that logs to a file and never outlives its handle.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::launcher;
use super::log::Log;
use crate::error::Context;
use crate::{Error, Result};

/// A running process, which is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: Log,
}

impl Process {
    /// Starts `command` and lets it log to `log_file`.
    pub(crate) fn start(mut command: Command, log_file: PathBuf) -> Result<Self> {
        let log = File::create(&log_file).context(format!("making {}", log_file.display()))?;
        let name = Path::new(command.get_program()).display().to_string();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = launcher::spawn(command).context(format!("starting {name}"))?;
        Ok(Self {
            child,
            log: Log::new(log_file),
        })
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process has ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("looking for a process")
    }

    /// Waits for the process to end by itself, and ends it when it does not.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.child.kill().context("killing a process")?;
        self.child.wait().context("waiting for a process")
    }

    /// Asks the process to end, then waits as [`Process::wait`] does. Does nothing the second time.
    pub(crate) fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        // Until it has been waited for, the id cannot belong to any other process.
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        self.signal(Signal::TERM);
        self.wait(patience)
    }

    /// Sends a signal. A process that has ended and was waited for gets none.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Ends the process at once, as a crash does.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().context("killing a process")?;
        self.child.wait().context("waiting for a process")
    }

    /// An error about this process, with the end of its log.
    pub(crate) fn failed(&self, event: &str) -> Error {
        Error::Envoy {
            event: event.to_owned(),
            log: self.log.tail(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whoever could, has asked it to end before; this is for the paths on which nobody could.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
