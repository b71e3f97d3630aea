//! `meshward`: what can be done with the filters outside a proxy.
//!
//! Each subcommand is a module of its own; here is only the list of them.

#![allow(
    clippy::print_stderr,
    reason = "a command line tool prints; to standard output by `output`"
)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "counts of what is there; an overflow ends a command, no proxy"
)]

mod api_key;
mod audit;
mod check;
mod color;
mod comply;
mod exit;
mod explain;
mod init;
mod jwt;
mod output;
mod page;
mod progress;
mod redact;
mod schema;
mod shells;
mod simulated;
mod test;
mod xml;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// What can be done with the filters outside a proxy
#[derive(Parser)]
#[command(name = "meshward", version, after_help = exit::TABLE)]
struct Arguments {
    /// When output is coloured; NO_COLOR turns colours off too
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: color::When,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make keys for jwt-auth, and the hashes that its configuration holds
    ApiKey(api_key::Arguments),
    /// The records of audit-emitter: verify, report, purge, erase, hold, keygen
    Audit(Box<audit::Arguments>),
    /// Check configurations before a proxy sees them
    Check(check::Arguments),
    /// Say what a configuration and a trail prove of the requirements of a standard
    Comply(Box<comply::Arguments>),
    /// Print the script that completes commands in a shell
    Completions(shells::Completions),
    /// Say what a finding of `check` means, or what the filters do with a request, and why
    Explain(explain::Arguments),
    /// Write a first set of manifests and configurations for a host
    Init(init::Arguments),
    /// Take a token apart and check it as jwt-auth would
    Jwt(jwt::Arguments),
    /// Print the manual pages
    Man(shells::Man),
    /// Print the JSON Schema of a configuration
    Schema(schema::Arguments),
    /// Show what pii-redactor would make of a body
    Redact(redact::Arguments),
    /// Run case files: requests, and what a configuration must do with them
    Test(test::Arguments),
}

fn main() -> ExitCode {
    let code = match Arguments::try_parse() {
        Ok(arguments) => {
            color::choose(arguments.color);
            run(&arguments.command)
        }
        Err(message) => refused(&message),
    };
    output::flush();
    ExitCode::from(code)
}

fn run(command: &Command) -> u8 {
    match command {
        Command::ApiKey(arguments) => api_key::run(arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Comply(arguments) => comply::run(arguments),
        Command::Completions(arguments) => shells::completions(arguments, Arguments::command()),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Jwt(arguments) => jwt::run(arguments),
        Command::Man(arguments) => shells::man(arguments, Arguments::command()),
        Command::Redact(arguments) => redact::run(arguments),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Test(arguments) => test::run(arguments),
    }
}

/// Help and the version were asked for; all else is a mistake.
fn refused(message: &clap::Error) -> u8 {
    if !message.use_stderr() {
        output::text(message.render());
        return exit::RIGHT;
    }
    let is_api_key = std::env::args()
        .nth(1)
        .is_some_and(|word| word == "api-key");
    if is_api_key {
        // What is on the command line may be a key, and is not said again.
        let mut all = Arguments::command();
        let usage = all
            .find_subcommand_mut("api-key")
            .map(clap::Command::render_long_help);
        eprintln!(
            "error: wrong usage; a key is read from standard input, never from the command line\n\n{}",
            usage.unwrap_or_default()
        );
    } else {
        eprint!("{}", message.render());
    }
    exit::USAGE
}
