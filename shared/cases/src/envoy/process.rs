//! An Envoy that never outlives its handle.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::bootstrap::LISTENER;
use super::http;
use crate::{Error, Result};

/// A running Envoy, which is stopped when this is dropped.
pub(super) struct Envoy {
    child: Child,
    log: PathBuf,
    pub(super) admin: SocketAddr,
    pub(super) gateway: SocketAddr,
    _folder: TempDir,
}

impl Envoy {
    /// Starts one and waits until it serves.
    pub(super) fn start(binary: &Path, bootstrap: &str) -> Result<Self> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| Error::Backend(format!("{what}: {error}"))
        };
        let folder = tempfile::tempdir().map_err(failed("a folder for Envoy"))?;
        let config = folder.path().join("bootstrap.json");
        fs::write(&config, bootstrap).map_err(failed("the bootstrap of Envoy"))?;
        let (log, admin_file) = (folder.path().join("log"), folder.path().join("admin"));
        let output = File::create(&log).map_err(failed("the log of Envoy"))?;
        let child = Command::new(binary)
            .arg("--config-path")
            .arg(config)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .args(["--use-dynamic-base-id", "--concurrency", "1"])
            .args([
                "--log-level",
                "warning",
                "--component-log-level",
                "wasm:info",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(failed(&binary.display().to_string()))?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Self {
            child,
            log,
            admin: nowhere,
            gateway: nowhere,
            _folder: folder,
        };
        envoy.await_ready(&admin_file)?;
        envoy.gateway = envoy.listener()?;
        Ok(envoy)
    }

    fn await_ready(&mut self, admin_file: &Path) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.child.try_wait().ok().flatten().is_some() {
                let log = self.log();
                let ours = log
                    .lines()
                    .filter(|line| line.contains("configuration refused"));
                let ours: Vec<&str> = ours.collect();
                return Err(match ours.is_empty() {
                    true => Error::Backend(format!("Envoy has ended:\n{}", tail(&log))),
                    false => Error::Refused(ours.join("\n")),
                });
            }
            let admin = fs::read_to_string(admin_file).ok();
            if let Some(admin) = admin.and_then(|text| text.trim().parse().ok()) {
                self.admin = admin;
                if http::get(admin, "/ready").is_ok_and(|ready| ready.status() == 200) {
                    return Ok(());
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
        let log = self.log();
        Err(Error::Backend(format!(
            "Envoy is not ready:\n{}",
            tail(&log)
        )))
    }

    fn listener(&self) -> Result<SocketAddr> {
        let listeners = http::get(self.admin, "/listeners?format=json")?;
        let listeners: Value = serde_json::from_slice(&listeners.body).unwrap_or_default();
        let list = listeners.get("listener_statuses").and_then(Value::as_array);
        let socket = list
            .into_iter()
            .flatten()
            .find(|listener| listener.get("name").is_some_and(|name| name == LISTENER))
            .and_then(|listener| listener.pointer("/local_address/socket_address"));
        let port = socket
            .and_then(|socket| socket.get("port_value"))
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok());
        port.map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .ok_or_else(|| Error::Backend("Envoy does not tell where it listens".to_owned()))
    }

    /// All that it has logged.
    pub(super) fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.stop();
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let last = lines.len().saturating_sub(12);
    lines.get(last..).unwrap_or_default().join("\n")
}

const PATIENCE: Duration = Duration::from_secs(30);
