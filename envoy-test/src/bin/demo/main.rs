//! The demonstration: all four filters in one real Envoy, on real requests.
//!
//! Prints a table of what was expected against what was seen and ends with status 1 if any line
//! differs. With `--keep` it then starts the same once more, at the addresses that the README uses and
//! with all limits unused, and leaves it running until it is interrupted.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to its user"
)]

mod keep;
mod story;
mod table;

use std::process::ExitCode;

use envoy_test::envoy::{Envoy, Options};
use envoy_test::peers::Peers;
use envoy_test::{FILTERS, Result};

fn main() -> ExitCode {
    let keep = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--keep") => true,
        Some(other) => {
            eprintln!("demo: {other:?} is no option; there is --keep");
            return ExitCode::from(2);
        }
    };
    match run(keep) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(keep: bool) -> Result<bool> {
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let peers = Peers::start()?;
    let envoy = Envoy::start(&peers.bootstrap(&FILTERS)?, options)?;
    let table = story::tell(&envoy, &peers, options)?;
    print!("{table}");
    if !table.as_expected() {
        print!("\nThe log of Envoy ends with:\n{}", envoy.log().tail());
    } else if keep {
        drop(envoy);
        keep::until_interrupted(options)?;
    }
    Ok(table.as_expected())
}
