//! A child process whose log is followed and which never outlives its handle.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::launcher;
use super::log::Log;
use crate::error::Context;
use crate::{Error, Result};

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    log: Log,
}

impl Process {
    /// Starts `command` and copies what it logs to `log_file`.
    pub(super) fn start(mut command: Command, log_file: &Path) -> Result<Self> {
        let copy = File::create(log_file).context(format!("making {}", log_file.display()))?;
        let name = Path::new(command.get_program()).display().to_string();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = launcher::spawn(command).context(format!("starting {name}"))?;
        let log = match child.stderr.take() {
            Some(output) => Log::follow(output, copy),
            None => Log::default(),
        };
        Ok(Self { child, log })
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the process to end by itself, and ends it when it does not.
    pub(super) fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        if !self.log.wait_for_end(patience) {
            self.child.kill().context("killing a process")?;
        }
        self.child.wait().context("waiting for a process")
    }

    /// Asks the process to end, then waits as [`Process::wait`] does. Does nothing the second time.
    pub(super) fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        // Until it has been waited for, the id cannot belong to any other process.
        if let Some(status) = self.child.try_wait().context("looking for a process")? {
            return Ok(status);
        }
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        self.wait(patience)
    }

    /// An error about this process, with the end of its log.
    pub(super) fn failed(&self, event: &str) -> Error {
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
