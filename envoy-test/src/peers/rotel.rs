//! A collector that others have written: rotel, which speaks the OpenTelemetry protocol on both
//! sides.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Context;
use crate::{Error, Result, paths};

/// A running rotel. It ends when this value does.
#[derive(Debug)]
pub struct Rotel {
    child: Child,
    address: SocketAddr,
}

impl Rotel {
    /// Starts one that sends on what it gets to the collector at `exporter`.
    ///
    /// # Errors
    /// When it is not fetched, or does not start.
    pub fn start(exporter: SocketAddr) -> Result<Self> {
        let (address, grpc) = (free_port()?, free_port()?);
        let child = Command::new(paths::audit_tool("bin/rotel")?)
            .arg("start")
            .args(["--otlp-http-endpoint", &address.to_string()])
            .args(["--otlp-grpc-endpoint", &grpc.to_string()])
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", &format!("http://{exporter}")])
            .args(["--otlp-exporter-compression", "none"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting rotel")?;
        let rotel = Self { child, address };
        let patience = Duration::from_secs(20);
        let deadline = Instant::now() + patience;
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err(Error::TimedOut {
                    what: "rotel to listen".to_owned(),
                    seconds: patience.as_secs(),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(rotel)
    }

    /// Where it takes logs over HTTP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    listener.local_addr().context("looking for a free port")
}
