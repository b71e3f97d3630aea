//! How long the command line takes to start, and to refuse a configuration that is far too large.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use envoy_test::{Error, Result, paths};

/// Runs this part of the benchmark and prints its table.
pub(crate) fn run() -> Result<()> {
    let tool = paths::command_line()?;
    let failed = |source| Error::Io {
        action: "measuring the command line".to_owned(),
        source,
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    let many = folder.path().join("many.json");
    let limit = r#"{"name":"a","key":["ip"],"rate":"5/s"}"#;
    let limits = vec![limit; LIMITS].join(",");
    fs::write(&many, format!("{{\"limits\":[{limits}]}}")).map_err(failed)?;
    println!("meshward, median of {ROUNDS} runs, the goal behind it");
    for (what, words, goal) in [
        ("start: --version", vec![Path::new("--version")], "20 ms"),
        (
            "check: 400,000 limits refused",
            vec![Path::new("check"), &many],
            "1 s",
        ),
    ] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            times.push(timed(&tool, &words).map_err(failed)?);
        }
        times.sort();
        let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
        println!("{what:<32}{:>10.1} ms  {goal}", median.as_secs_f64() * 1e3);
    }
    Ok(())
}

fn timed(tool: &Path, words: &[&Path]) -> std::io::Result<Duration> {
    let start = Instant::now();
    Command::new(tool)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    Ok(start.elapsed())
}

const LIMITS: usize = 400_000;
const ROUNDS: usize = 11;
