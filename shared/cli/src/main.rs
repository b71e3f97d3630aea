//! `meshward`: what can be done with the filters outside a proxy.
//!
//! Each subcommand is a module of its own; here is only the list of them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool prints"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "counts of what is there; an overflow ends a command, no proxy"
)]

mod api_key;
mod audit;
mod check;
mod redact;

use std::process::ExitCode;

/// A subcommand: its name, what it does, and what runs it with the words after its name.
type Command = (&'static str, &'static str, fn(&[&str]) -> ExitCode);

const COMMANDS: [Command; 4] = [
    (
        "api-key",
        "new, hash: keys for jwt-auth, and the hashes that its configuration holds",
        api_key::run,
    ),
    (
        "audit",
        "verify, report, purge, erase, hold, keygen: the records of audit-emitter",
        audit::run,
    ),
    (
        "check",
        "FILTER FILE...: check configurations before a proxy sees them",
        check::run,
    ),
    (
        "redact",
        "--config RULES.json < BODY: what pii-redactor would make of a body, or --explain it",
        redact::run,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--version" | "-V"] => {
            println!("meshward {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["--help" | "-h" | "help"] => {
            println!("{}", usage());
            ExitCode::SUCCESS
        }
        [name, rest @ ..] => match COMMANDS.iter().find(|(command, ..)| command == name) {
            Some((_, _, run)) => run(rest),
            None => wrong_usage(),
        },
        [] => wrong_usage(),
    }
}

fn wrong_usage() -> ExitCode {
    eprintln!("{}", usage());
    ExitCode::from(USAGE_ERROR)
}

fn usage() -> String {
    let mut text =
        String::from("Usage: meshward COMMAND ...\n       meshward --help | --version\n\n");
    for (name, does, _) in COMMANDS {
        text.push_str(&format!("  {name:<8}{does}\n"));
    }
    text.push_str("\n`meshward COMMAND --help` says more.");
    text
}

/// The exit status for wrong usage, as most tools have it.
const USAGE_ERROR: u8 = 2;
