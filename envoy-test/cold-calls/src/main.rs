//! `cold-calls HOT-FUNCTIONS LINKED MODULE NAMED`: rewrites a linked module that still has its names,
//! and writes it once without and once with names.

#![allow(clippy::print_stderr, reason = "a command speaks to its user")]

use std::fs;
use std::process::ExitCode;

use cold_calls::{HotFunctions, fold, make_indirect};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [hot, linked, module, named] = arguments.as_slice() else {
        eprintln!("usage: cold-calls HOT-FUNCTIONS LINKED MODULE NAMED");
        return ExitCode::FAILURE;
    };
    match run(hot, linked, module, named) {
        Ok(summary) => {
            eprintln!("{summary}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("cold-calls: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(hot: &str, linked: &str, module: &str, named: &str) -> Result<String, String> {
    let hot = fs::read_to_string(hot).map_err(|error| format!("{hot}: {error}"))?;
    let bytes = fs::read(linked).map_err(|error| format!("{linked}: {error}"))?;
    let hot = HotFunctions::parse(&hot);
    let rewritten = fold(&bytes, &hot)
        .and_then(|folded| make_indirect(&folded, &hot))
        .map_err(|error| format!("{linked}: {error}"))?;
    for (file, bytes) in [(module, &rewritten.module), (named, &rewritten.with_names)] {
        fs::write(file, bytes).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(format!(
        "{module}: {} calls through the table, {} direct, {} functions run with requests",
        rewritten.indirect_calls, rewritten.direct_calls, rewritten.hot_functions
    ))
}
