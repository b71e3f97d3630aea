//! Runs one of the servers around the proxy until it is told to end.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to its user"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use envoy_test::peers::{Collector, ISSUER, Idp, Upstream};
use envoy_test::{Result, wait_for_interrupt};

const USAGE: &str =
    "usage: peers upstream|idp|collector --listen <address>:<port> [--trail <file>]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (peer, address, trail) = match arguments[..] {
        [peer, "--listen", address] => (peer, address, None),
        ["collector", "--listen", address, "--trail", file] => {
            ("collector", address, Some(Path::new(file)))
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Ok(address) = address.parse() else {
        eprintln!("{address} is not an address and port; {USAGE}");
        return ExitCode::from(2);
    };
    match run(peer, address, trail) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("there is no peer named {peer}; {USAGE}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until told to end; `false` if there is no such peer.
fn run(peer: &str, listen: SocketAddr, trail: Option<&Path>) -> Result<bool> {
    match peer {
        "upstream" => serve(peer, &Upstream::start(listen)?, Upstream::address),
        "idp" => serve(peer, &Idp::start(listen, ISSUER)?, Idp::address),
        "collector" => {
            let collector = Collector::start(listen)?;
            trail.map_or(Ok(()), |trail| collector.write_to(trail))?;
            serve(peer, &collector, Collector::address)
        }
        _ => Ok(false),
    }
}

fn serve<T>(peer: &str, server: &T, address: impl Fn(&T) -> SocketAddr) -> Result<bool> {
    println!("{peer} listens on {}", address(server));
    wait_for_interrupt()?;
    Ok(true)
}
