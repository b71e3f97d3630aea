//! `meshward`: what can be done with the filters outside a proxy.
//!
//! `meshward check FILTER FILE...` reads configurations with the very code that the filter runs, so
//! that what passes here is accepted by the proxy, and prints every mistake of what is not.
//! `meshward redact --config RULES < BODY` redacts a body as pii-redactor would.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool prints"
)]

mod check;
mod redact;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check", filter, files @ ..] if !files.is_empty() => check::run(filter, files),
        ["redact", rest @ ..] => redact::run(rest),
        ["--version" | "-V"] => {
            println!("meshward {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["--help" | "-h" | "help"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

const USAGE: &str = "\
Usage: meshward check FILTER FILE...
       meshward redact --config RULES.json [--explain | --explain=json] [--rule NAME]...
                       [--content-type TYPE] [--content-encoding CODING] [--query] [FILE]
       meshward redact --list
       meshward --help | --version

Checks configurations of FILTER (audit-emitter, jwt-auth, token-bucket or pii-redactor); - is
standard input. redact prints what pii-redactor would make of a body, or with --explain what it
would find where; --list prints the kinds of data. Exit status: 0 all are right, 1 a mistake was found, 2 wrong usage or no such file.";

/// The exit status for wrong usage, as most tools have it.
const USAGE_ERROR: u8 = 2;
