//! The demonstration: all four filters in one real Envoy, on real requests, as the bundle, or with
//! `--separate` as four modules.
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

use envoy_test::envoy::{Bootstrap, Envoy, Options};
use envoy_test::peers::Peers;
use envoy_test::{Result, paths, readme};

fn main() -> ExitCode {
    let (mut keep, mut chain, mut ports) = (false, Chain::Bundle, Ports::Usual);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--keep" => keep = true,
            "--separate" => chain = Chain::Separate,
            "--free-ports" => ports = Ports::Free,
            "--running" => return follow_readme(),
            other => {
                eprintln!(
                    "demo: {other:?} is no option; there are --separate, --keep, --free-ports and --running"
                );
                return ExitCode::from(2);
            }
        }
    }
    match run(chain, keep.then_some(ports)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Follows the README against what runs at its ports.
fn follow_readme() -> ExitCode {
    let places = readme::Places {
        servers: Vec::new(),
        trail: &paths::root().join(readme::TRAIL),
    };
    match readme::follow(&places) {
        Ok(()) => {
            println!("The commands of the README print what it says.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where what is left running listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// At the ports of the README.
    Usual,
    /// At any that are free.
    Free,
}

/// How the filters are put into Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// All four in the one module `meshward.wasm`.
    Bundle,
    /// Each in a module of its own.
    Separate,
}

impl Chain {
    /// Makes a configuration with the four filters one with this chain. Only its modules need to be built.
    fn load(self, bootstrap: &mut Bootstrap) -> Result<()> {
        match self {
            Self::Bundle => bootstrap.bundle(),
            Self::Separate => bootstrap.load_built_modules(),
        }
    }
}

fn run(chain: Chain, keep: Option<Ports>) -> Result<bool> {
    let options = Options {
        workers: 2,
        ..Options::default()
    };
    let peers = Peers::start()?;
    let bootstrap = peers.bootstrap_with(|bootstrap| chain.load(bootstrap))?;
    let envoy = Envoy::start(&bootstrap, options)?;
    println!(
        "{}",
        match chain {
            Chain::Bundle =>
                "One module: dist/meshward.wasm. The same as four: make demo CHAIN=separate\n",
            Chain::Separate => "Four modules, one for each filter.\n",
        }
    );
    let table = story::tell(&envoy, &peers, (chain, options))?;
    print!("{table}");
    if !table.as_expected() {
        print!("\nThe log of Envoy ends with:\n{}", envoy.log().tail());
    } else if let Some(ports) = keep {
        drop(envoy);
        keep::until_interrupted(chain, ports, options)?;
    }
    Ok(table.as_expected())
}
