//! `meshward audit`: arguments and output; reading, verifying and rewriting trails is the `trail` crate's.

mod common;
mod erase;
mod format;
mod hold;
mod keygen;
mod orders;
mod progress;
mod purge;
mod report;
mod subject_args;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs `meshward audit` with what stands after these words.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let words = std::iter::once("meshward audit").chain(arguments.iter().copied());
    let command = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments.command,
        Err(message) => {
            // Help and the version are asked for; all else is a mistake.
            let wrong = message.use_stderr();
            let _ = message.print();
            return ExitCode::from(if wrong { USAGE_ERROR } else { 0 });
        }
    };
    let done = match command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Erase(arguments) => erase::run(&arguments),
        Command::Purge(arguments) => purge::run(&arguments),
        Command::Hold(arguments) => hold::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            eprintln!("meshward audit: {message}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

#[derive(Parser)]
#[command(name = "meshward audit", bin_name = "meshward audit", about = ABOUT, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check that nothing was changed, taken away or put in, and say what is missing
    Verify(verify::Arguments),
    /// Say who accessed which data, what was refused and by which rule, and what is kept how long
    Report(report::Arguments),
    /// Erase what records say about a subject, or take a record away
    Erase(erase::Arguments),
    /// Delete records that are past their time
    Purge(purge::Arguments),
    /// Put records on hold, so that they are neither erased nor purged
    Hold(hold::Arguments),
    /// Make a key that signs
    Keygen(keygen::Arguments),
}

const ABOUT: &str = "Checks, reports on and keeps in order the records of audit-emitter";

/// The exit status for wrong usage, and for what cannot be done; 0 to 2 are verdicts.
const USAGE_ERROR: u8 = 3;
