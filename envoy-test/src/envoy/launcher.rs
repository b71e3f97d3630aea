//! Starts processes from a thread that lives as long as this process.
//!
//! The Envoy of the test bed asks the system to be killed when its parent ends, which keeps none
//! behind after a crash of the tests. Linux takes "parent" to mean the thread that started it, and
//! test threads are short-lived; so one thread starts them all and then stays.

use std::io;
use std::process::{Child, Command};
use std::sync::{LazyLock, Mutex, mpsc};
use std::thread;

type Answer = io::Result<Child>;

struct Launch {
    command: Command,
    answer: mpsc::Sender<Answer>,
}

static LAUNCHES: LazyLock<Mutex<mpsc::Sender<Launch>>> = LazyLock::new(|| {
    let (sender, launches) = mpsc::channel::<Launch>();
    thread::spawn(move || {
        for mut launch in launches {
            let _ = launch.answer.send(launch.command.spawn());
        }
    });
    Mutex::new(sender)
});

/// Starts a process.
pub(super) fn spawn(command: Command) -> Answer {
    let gone = || io::Error::other("the thread that starts processes is gone");
    let (answer, answered) = mpsc::channel();
    let launches = LAUNCHES.lock().map_err(|_| gone())?;
    launches
        .send(Launch { command, answer })
        .map_err(|_| gone())?;
    drop(launches);
    answered.recv().map_err(|_| gone())?
}
