//! Prints the names of the functions that run with requests, for the pass after linking.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to its user"
)]

use std::process::ExitCode;

use envoy_test::vm::hot;

fn main() -> ExitCode {
    match hot::functions() {
        Ok(names) => {
            println!(
                "# The functions that run with requests; `make hot-functions` writes this anew."
            );
            for name in names {
                println!("{name}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hot-functions: {error}");
            ExitCode::FAILURE
        }
    }
}
