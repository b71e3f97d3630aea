//! The event loop behind the servers and clients of the test bed.
//!
//! Tests are plain functions that block; everything asynchronous lives here, on threads of its own,
//! for as long as the process does.

use std::future::Future;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::Context;
use crate::{Error, Result};

#[allow(
    clippy::expect_used,
    reason = "without threads there is nothing that could be tested"
)]
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("testbed")
        .enable_all()
        .build()
        .expect("the event loop of the test bed")
});

/// Runs a future to its end. Not to be called from within another.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// Lets a future run by itself.
pub(crate) fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    RUNTIME.spawn(future)
}

/// Waits until somebody wants this process to end: Ctrl-C, or SIGTERM.
///
/// # Errors
/// When the system does not tell.
pub fn wait_for_interrupt() -> Result<()> {
    block_on(async {
        let mut terminated = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        tokio::select! {
            interrupted = ctrl_c() => interrupted.context("listening for Ctrl-C"),
            _ = terminated.recv() => Ok(()),
        }
    })
}

/// Runs a command to its end, and returns what it wrote to its output.
///
/// # Errors
/// It cannot be started, or fails.
pub fn output_of(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().context(format!("running {command:?}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = [output.stdout, output.stderr].concat();
    Err(Error::Command {
        command: format!("{command:?}"),
        text: String::from_utf8_lossy(&text).into_owned(),
    })
}

/// Asks again and again until there is a response, for so many seconds at most.
pub fn poll<T>(seconds: u64, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        let response = question();
        if response.is_some() || Instant::now() > deadline {
            return response;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
