//! A rate limit service with its counters in a real Redis: two processes that can be killed,
//! stopped and started again.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::envoy::process::Process;
use crate::error::Context;
use crate::{Error, Result, paths};

/// How long a process may take until it listens, or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis without a memory of its own: what it holds goes with it.
pub struct Redis {
    server: Server,
}

impl Redis {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// It is not unpacked, or does not start.
    pub fn start() -> Result<Self> {
        let command = |address: SocketAddr, folder: &Path| {
            let mut command = Command::new(paths::redis()?);
            command
                .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
                .args(["--port", &address.port().to_string()])
                .arg("--dir")
                .arg(folder);
            Ok(command)
        };
        Ok(Self {
            server: Server::start("Redis", command)?,
        })
    }

    /// Its address as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.server.address)
    }

    /// Ends it at once, with all it holds.
    ///
    /// # Errors
    /// The system does not let it.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }
}

/// A rate limit service: RLS v3 over gRPC and `POST /json` over HTTP, on one port.
pub struct RateLimit {
    server: Server,
}

impl RateLimit {
    /// Starts it on a free port, with limits such as `edge/tenant=5/60`.
    ///
    /// # Errors
    /// It is not built, or does not start.
    pub fn start(redis: &Redis, limits: &[&str]) -> Result<Self> {
        let url = redis.url();
        let limits: Vec<String> = limits.iter().map(|limit| (*limit).to_owned()).collect();
        let command = move |address: SocketAddr, _: &Path| {
            let mut command = Command::new(paths::rate_limit_service()?);
            command
                .args(["--redis", &url])
                .args(["--listen", &address.to_string()]);
            for limit in &limits {
                command.args(["--limit", limit]);
            }
            Ok(command)
        };
        Ok(Self {
            server: Server::start("the rate limit service", command)?,
        })
    }

    /// The address that the service listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Ends it at once, as a crash does.
    ///
    /// # Errors
    /// The system does not let it.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it again at the same address.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.server.restart()
    }

    /// Lets it do nothing any more: connections stay, answers do not come.
    pub fn freeze(&self) {
        self.server.signal(Signal::STOP);
    }

    /// Lets a frozen service go on.
    pub fn thaw(&self) {
        self.server.signal(Signal::CONT);
    }
}

type MakeCommand = Box<dyn Fn(SocketAddr, &Path) -> Result<Command> + Send + Sync>;

/// A server process, which is ended when this is dropped.
struct Server {
    name: &'static str,
    address: SocketAddr,
    command: MakeCommand,
    process: Option<Process>,
    folder: TempDir,
}

impl Server {
    fn start(
        name: &'static str,
        command: impl Fn(SocketAddr, &Path) -> Result<Command> + Send + Sync + 'static,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder")?;
        let mut server = Self {
            name,
            address: free_address()?,
            command: Box::new(command),
            process: None,
            folder,
        };
        server.restart()?;
        Ok(server)
    }

    fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let command = (self.command)(self.address, self.folder.path())?;
        let mut process = Process::start(command, self.folder.path().join("log"))?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_err() {
            if process.ended()?.is_some() || Instant::now() > deadline {
                let log = process.log().tail();
                return Err(Error::TimedOut {
                    what: format!("{} to listen; its log ends with:\n{log}", self.name),
                    seconds: PATIENCE.as_secs(),
                });
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.process = Some(process);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().map(drop),
            None => Ok(()),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }
}

/// A port that was free a moment ago, and stays the same over restarts.
fn free_address() -> Result<SocketAddr> {
    let listener =
        TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).context("finding a port")?;
    listener.local_addr().context("finding a port")
}
