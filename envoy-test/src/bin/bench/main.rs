//! What the filters cost, side by side with what they are compared to.
//!
//! Each part is measured in several rounds that take turns, so that a busy moment of the machine
//! hits all alike; the median counts. Only Envoy's own processor time is measured: client and
//! upstream are other processes' work. Read the ratios; the microseconds belong to this machine.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to its user"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "small numbers of its own choice"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "time is what is measured here; only what runs in the proxy gets it from its host"
)]

mod audit_cli;
mod audit_emitter;
mod command_line;
mod cpu;
mod features;
mod host_calls;
mod jwt_auth;
mod load;
mod overview;
mod own_code;
mod pii_redactor;
mod token_bucket;

use std::process::ExitCode;

use envoy_test::Result;

/// A part: its name, and what measures and prints it.
type Part = (&'static str, fn() -> Result<()>);

/// The parts, in the order in which they are measured.
const PARTS: [Part; 11] = [
    ("overview", overview::run),
    ("host-calls", host_calls::run),
    ("features", features::run),
    ("own-code", own_code::run),
    ("jwt-auth", jwt_auth::run),
    ("token-bucket", token_bucket::run),
    ("token-bucket-flood", token_bucket::flood::run),
    ("pii-redactor", pii_redactor::run),
    ("audit-emitter", audit_emitter::run),
    ("audit-cli", audit_cli::run),
    ("command-line", command_line::run),
];

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let names = PARTS.map(|(name, _)| name);
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        eprintln!(
            "bench: there is no part {unknown:?}; there are {}",
            names.join(", ")
        );
        return ExitCode::FAILURE;
    }
    for (name, run) in PARTS {
        // `token-bucket` is also its simulations.
        let is_wanted = |wanted: &String| {
            let rest = name.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        if !only.is_empty() && !only.iter().any(is_wanted) {
            continue;
        }
        if let Err(error) = run() {
            eprintln!("bench: {name}: {error}");
            return ExitCode::FAILURE;
        }
        println!();
    }
    ExitCode::SUCCESS
}
