//! `meshward audit`: arguments and output; reading, verifying and rewriting trails is the `trail` crate's.

mod absent;
pub(crate) mod common;
mod coverage;
mod disclosures;
mod erase;
pub(crate) mod format;
mod hold;
pub(crate) mod inventory;
mod keygen;
mod logged;
mod orders;
mod purge;
mod report;
mod search;
mod selection;
mod subject_args;
pub(crate) mod unread;
mod verify;
mod words;

use clap::Subcommand;

use crate::exit;

/// Checks, reports on and keeps in order the records of audit-emitter.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Runs a subcommand.
pub(crate) fn run(arguments: &Arguments) -> u8 {
    let done = match &arguments.command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Report(arguments) => report::run(arguments),
        Command::Search(arguments) => search::run(arguments),
        Command::Disclosures(arguments) => disclosures::run(arguments),
        Command::Inventory(arguments) => inventory::run(arguments),
        Command::Coverage(arguments) => coverage::run(arguments),
        Command::Erase(arguments) => erase::run(arguments),
        Command::Purge(arguments) => purge::run(arguments),
        Command::Hold(arguments) => hold::run(arguments),
        Command::Keygen(arguments) => keygen::run(arguments),
    };
    done.unwrap_or_else(|message| {
        eprintln!("meshward audit: {}", format::printable_lines(&message));
        exit::NOT_DONE
    })
}

#[derive(Subcommand)]
enum Command {
    /// Check that nothing was changed, taken away or put in, and say what is missing
    Verify(verify::Arguments),
    /// Say who accessed which data, what was refused and by which rule, and what is kept how long
    Report(report::Arguments),
    /// Show the records of requests: of a subject, about a person, of an operation, of a time
    Search(search::Arguments),
    /// Say who got to see what about a person: an accounting of disclosures
    Disclosures(disclosures::Arguments),
    /// Say which operations are called, by whom and with which data, beside what is documented
    Inventory(inventory::Arguments),
    /// Say which days of the last months have records, and which have none
    Coverage(coverage::Arguments),
    /// Erase what records say about a subject, or take a record away
    Erase(erase::Arguments),
    /// Delete records that are past their time
    Purge(purge::Arguments),
    /// Put records on hold, so that they are neither erased nor purged
    Hold(hold::Arguments),
    /// Make a key that signs
    Keygen(keygen::Arguments),
}
