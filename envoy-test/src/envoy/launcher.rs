//! Starts processes from a thread that lives as long as this process.
//!
//! The Envoy of the test bed asks the system to be killed when its parent ends, which keeps none
//! behind after a crash of the tests. Linux takes "parent" to mean the thread that started it, and
//! test threads are short-lived; so one thread starts them all and then stays.

use std::io;
use std::process::{Child, Command};
use std::sync::{LazyLock, Mutex, mpsc};
use std::thread;

type Spawned = io::Result<Child>;

struct Launch {
    command: Command,
    reply: mpsc::Sender<Spawned>,
}

static LAUNCHES: LazyLock<Mutex<mpsc::Sender<Launch>>> = LazyLock::new(|| {
    let (sender, launches) = mpsc::channel::<Launch>();
    thread::spawn(move || {
        for mut launch in launches {
            let _ = launch.reply.send(launch.command.spawn());
        }
    });
    Mutex::new(sender)
});

/// Starts a process in a thread that outlives the caller's.
pub(super) fn spawn(command: Command) -> Spawned {
    let gone = || io::Error::other("the thread that starts processes is gone");
    let (reply, spawned) = mpsc::channel();
    let launches = LAUNCHES.lock().map_err(|_| gone())?;
    launches
        .send(Launch { command, reply })
        .map_err(|_| gone())?;
    drop(launches);
    spawned.recv().map_err(|_| gone())?
}
