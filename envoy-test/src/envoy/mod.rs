//! A real Envoy: started from a bootstrap, asked through its admin interface, stopped cleanly.

mod bootstrap;
mod launcher;
mod log;
mod native_jwt;
pub(crate) mod process;
mod stats;
#[cfg(feature = "bed")]
mod tls;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub use bootstrap::{ADMIN, Address, Bootstrap, CLUSTERS, GATEWAY, LISTENER, MODULES};
pub use log::Log;
pub use native_jwt::NativeJwt;
pub use stats::{Sample, Stats};
#[cfg(feature = "bed")]
pub use tls::ClientCertificates;

use serde_json::{Value, json};

use crate::client::{Client, Protocol, Request, Response};
use crate::error::Context;
use crate::{Result, paths};
use process::Process;

/// How long an Envoy may take to become ready or to end.
const PATIENCE: Duration = Duration::from_secs(30);
const SETTLING: Duration = Duration::from_secs(5);
const LISTENER_FILE: &str = "listener.json";

/// How an Envoy is to be started.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The version to start, one of [`paths::ENVOY_VERSIONS`].
    pub version: &'static str,
    /// How many worker threads it has.
    pub workers: u32,
    /// How much of what filters log is kept, such as `info`. Of the rest, warnings are.
    pub filter_log_level: &'static str,
    /// How long listeners that were replaced go on, if not for Envoy's ten minutes.
    pub drain_seconds: Option<u32>,
    /// Whether its listener can be replaced while it runs: [`Envoy::replace_listener`].
    pub replaces_listener: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: paths::ENVOY_VERSION,
            workers: 1,
            filter_log_level: "info",
            drain_seconds: None,
            replaces_listener: false,
        }
    }
}

/// A running Envoy. It ends when this value does.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    folder: PathBuf,
    admin: SocketAddr,
    gateway: SocketAddr,
    /// How often its listener was replaced.
    listeners: u32,
}

impl Envoy {
    /// Starts an Envoy and waits until it serves.
    ///
    /// # Errors
    /// [`crate::Error::Envoy`] with the end of its log when it refuses the configuration.
    pub fn start(bootstrap: &Bootstrap, options: Options) -> Result<Self> {
        let folder = run_folder("envoy-")?;
        let admin_file = folder.join("admin");
        let mut command = command(bootstrap, options, &folder)?;
        command
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--concurrency", &options.workers.to_string()]);
        if let Some(seconds) = options.drain_seconds {
            command
                .args(["--drain-time-s", &seconds.to_string()])
                .args(["--drain-strategy", "immediate"]);
        }
        let mut process = Process::start(command, folder.join("envoy.log"))?;
        let admin = ready(&mut process, &admin_file)?;
        let mut envoy = Self {
            process,
            folder,
            admin,
            gateway: admin,
            listeners: 0,
        };
        envoy.gateway = envoy.listener(LISTENER)?;
        Ok(envoy)
    }

    /// Puts the listener of another bootstrap in the place of its own, with VMs of their own, and waits until it
    /// serves. A module that it has compiled already is not compiled again, which is most of what starting an Envoy
    /// costs.
    ///
    /// # Errors
    /// [`crate::Error::Envoy`] with the end of its log when it refuses the listener.
    pub fn replace_listener(&mut self, bootstrap: &Bootstrap) -> Result<()> {
        self.listeners = self.listeners.saturating_add(1);
        let name = format!("{LISTENER}-{}", self.listeners);
        write_listener(&self.folder, &bootstrap.listener_as(&name)?)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.listener(&name) {
                Ok(gateway) => {
                    self.gateway = gateway;
                    return Ok(());
                }
                Err(refused) if Instant::now() > deadline => return Err(refused),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Where requests through the filters go.
    #[must_use]
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// A client of the gateway.
    #[must_use]
    pub fn client(&self, protocol: Protocol) -> Client {
        Client::new(self.gateway, protocol)
    }

    /// Where the admin interface is.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.process.log()
    }

    /// How often a filter has trapped, which takes its VM down.
    #[must_use]
    pub fn traps(&self) -> usize {
        self.log().lines_with("failed: Uncaught").len()
    }

    /// The process id of Envoy.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// All its counters, gauges and text values at this moment.
    ///
    /// # Errors
    /// When the admin interface does not answer.
    pub fn stats(&self) -> Result<Stats> {
        Stats::from_json(&self.ask("GET", "/stats?format=json")?.json())
    }

    /// Its metrics once they are as they should be; what filters count with their tick comes late.
    /// When that does not happen, as they are after a while.
    ///
    /// # Errors
    /// When the admin interface does not answer.
    pub fn stats_when(&self, complete: impl Fn(&Stats) -> bool) -> Result<Stats> {
        let deadline = Instant::now() + SETTLING;
        loop {
            let stats = self.stats()?;
            if complete(&stats) || Instant::now() > deadline {
                return Ok(stats);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its metrics as Prometheus would read them.
    ///
    /// # Errors
    /// When the admin interface does not answer.
    pub fn prometheus(&self) -> Result<Vec<Sample>> {
        Ok(stats::parse_prometheus(
            &self.ask("GET", "/stats/prometheus")?.text(),
        ))
    }

    /// Asks the admin interface for something.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(&self, method: &str, path: &str) -> Result<Response> {
        Client::new(self.admin, Protocol::Http1).send(&Request::new(method, path))
    }

    /// Asks it to end (SIGTERM), makes it end when it does not, and waits for that.
    ///
    /// # Errors
    /// When the system does not let the process be ended.
    pub fn stop(mut self) -> Result<Ended> {
        let status = self.process.stop(PATIENCE)?;
        Ok(Ended {
            cleanly: status.success(),
            log: self.log().text(),
        })
    }

    /// Ends it at once (SIGKILL), without a chance to say anything.
    ///
    /// # Errors
    /// When the system does not let the process be ended.
    pub fn kill(mut self) -> Result<Ended> {
        let status = self.process.kill()?;
        Ok(Ended {
            cleanly: status.success(),
            log: self.log().text(),
        })
    }

    /// The address of a listener that was configured with port 0.
    fn listener(&self, name: &str) -> Result<SocketAddr> {
        let listeners = self.ask("GET", "/listeners?format=json")?.json();
        let statuses = listeners
            .pointer("/listener_statuses")
            .and_then(|all| all.as_array());
        let found = statuses.into_iter().flatten().find_map(|status| {
            let address = status.pointer("/local_address/socket_address")?;
            let port = u16::try_from(address.get("port_value")?.as_u64()?).ok()?;
            (status.get("name")?.as_str()? == name)
                .then(|| SocketAddr::from(([127, 0, 0, 1], port)))
        });
        found.ok_or_else(|| {
            self.process
                .failed(&format!("has no listener named {name}"))
        })
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.process.stop(PATIENCE);
        // What a failed test leaves behind helps to explain it.
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// How an Envoy ended that was to end by itself.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Whether by itself and without complaint.
    pub cleanly: bool,
    /// The whole log.
    pub log: String,
}

/// What `envoy --mode validate` said of a bootstrap.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Whether Envoy accepted the configuration.
    pub accepted: bool,
    /// The log of the check.
    pub log: String,
}

/// Runs `envoy --mode validate`, which also loads the modules and configures the filters.
///
/// # Errors
/// When the check itself cannot be run.
pub fn validate(bootstrap: &Bootstrap, options: Options) -> Result<Validation> {
    let folder = run_folder("envoy-")?;
    let mut command = command(bootstrap, options, &folder)?;
    command.args(["--mode", "validate"]);
    let mut process = Process::start(command, folder.join("envoy.log"))?;
    let status = process.wait(PATIENCE)?;
    let log = process.log().text();
    let _ = fs::remove_dir_all(&folder);
    Ok(Validation {
        accepted: status.success(),
        log,
    })
}

fn command(bootstrap: &Bootstrap, options: Options, folder: &Path) -> Result<Command> {
    let config = folder.join("bootstrap.json");
    let text = if options.replaces_listener {
        write_listener(folder, &bootstrap.listener_as(LISTENER)?)?;
        bootstrap.with_listener_from(&folder.join(LISTENER_FILE))
    } else {
        bootstrap.to_json()
    };
    fs::write(&config, text).context(format!("writing {}", config.display()))?;
    let mut command = Command::new(paths::envoy(options.version)?);
    let filters = format!("wasm:{}", options.filter_log_level);
    command.arg("--config-path").arg(config).args([
        "--use-dynamic-base-id",
        "--log-level",
        "warning",
        "--component-log-level",
        &filters,
    ]);
    Ok(command)
}

/// Writes the file that an Envoy watches, in one step.
fn write_listener(folder: &Path, listener: &Value) -> Result<()> {
    let discovery = json!({ "resources": [listener] }).to_string();
    let (new, file) = (folder.join("new-listener.json"), folder.join(LISTENER_FILE));
    let action = format!("writing {}", file.display());
    fs::write(&new, discovery).context(&action)?;
    fs::rename(&new, &file).context(action)
}

/// A new folder for what one process reads and writes.
pub(crate) fn run_folder(prefix: &str) -> Result<PathBuf> {
    let runs = paths::root().join("target/testbed/run");
    let action = format!("making a folder in {}", runs.display());
    fs::create_dir_all(&runs).context(&action)?;
    let folder = tempfile::Builder::new()
        .prefix(prefix)
        .tempdir_in(&runs)
        .context(action)?;
    Ok(folder.keep())
}

/// Waits until the admin interface answers that all is set up, and says where it is.
fn ready(process: &mut Process, admin_file: &Path) -> Result<SocketAddr> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if process.ended()?.is_some() {
            return Err(process.failed("refused to start"));
        }
        let admin = fs::read_to_string(admin_file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        if let Some(admin) = admin {
            let client = Client::new(admin, Protocol::Http1);
            if client
                .send(&Request::get("/ready"))
                .is_ok_and(|response| response.status == 200)
            {
                return Ok(admin);
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(process.failed("did not become ready"))
}
