//! The commands that the README tells people to try.
//!
//! They stand in blocks marked `console`: a line that starts with `$ ` is a command, a command
//! that ends in `\` goes on in the next line, and what follows is what it prints. A test runs them
//! all, in one shell and in order, and the demonstration prints them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::error::Context;
use crate::{Error, Result, paths};

/// Where the audit trail of the demonstration is, in the commands of the README.
pub const TRAIL: &str = "target/trail/records.jsonl";

/// A command with what it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command, for a shell.
    pub command: String,
    /// What it prints, line by line; `...` stands for any text within a line.
    pub output: Vec<String>,
}

impl Step {
    /// The first line of `actual` that is not as expected, if there is one.
    #[must_use]
    pub fn difference(&self, actual: &str) -> Option<String> {
        let mut actual = actual.lines();
        for expected in &self.output {
            match actual.next() {
                Some(line) if matches(expected, line.trim_end()) => {}
                other => {
                    let found = other.unwrap_or("the end");
                    return Some(format!("expected {expected:?}, found {found:?}"));
                }
            }
        }
        actual
            .next()
            .map(|line| format!("expected the end, found {line:?}"))
    }
}

/// The commands of the README of the repository.
///
/// # Errors
/// When it cannot be read, or has none.
pub fn steps() -> Result<Vec<Step>> {
    let path = paths::root().join("README.md");
    let file = path.display().to_string();
    let steps = parse(&fs::read_to_string(path).context(format!("reading {file}"))?);
    if steps.is_empty() {
        let reason = "has no block marked `console` with commands".to_owned();
        return Err(Error::Config { file, reason });
    }
    Ok(steps)
}

/// What is printed between the output of one command and the next.
const MARK: &str = "\u{1}";

/// Where the commands find what they name: the servers at these ports of `localhost`, and the file of
/// the audit trail.
pub struct Places<'a> {
    /// The ports that the commands name, and who is there.
    pub servers: Vec<(u16, SocketAddr)>,
    /// The file of the audit trail.
    pub trail: &'a Path,
}

impl Places<'_> {
    /// A command with these places in it.
    #[must_use]
    pub fn put_into(&self, command: &str) -> String {
        let mut command = command.to_owned();
        for (port, actual) in &self.servers {
            command = command.replace(&format!("localhost:{port}"), &actual.to_string());
        }
        command.replace(TRAIL, &self.trail.display().to_string())
    }
}

/// Runs all commands of the README in one shell, and compares what they print with what it says.
///
/// # Errors
/// When a command prints something else.
pub fn follow(places: &Places<'_>) -> Result<()> {
    let steps = steps()?;
    let mut script = String::from("set -u\n");
    for Step { command, .. } in &steps {
        let command = places.put_into(command);
        script.push_str(&format!("{command}\nprintf '{MARK}'\n"));
    }
    let mut bash = Command::new("bash");
    // A proxy of this machine does not know its loopback interface.
    bash.args(["-c", &script])
        .env("no_proxy", "localhost,127.0.0.1");
    let output = bash.output().context("running bash")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let wrong = |command: &str, text: String| Error::Command {
        command: command.to_owned(),
        text,
    };
    let outputs: Vec<&str> = printed.split(MARK).collect();
    if outputs.len() != steps.len() + 1 {
        let text = format!("the script ended early: {errors}");
        return Err(wrong("the README's script", text));
    }
    for (step, actual) in steps.iter().zip(outputs) {
        if let Some(difference) = step.difference(actual) {
            let text = format!("{difference}\nit printed:\n{actual}{errors}");
            return Err(wrong(&step.command, text));
        }
    }
    Ok(())
}

fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_block = false;
    let mut continued = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block && line == "```console";
            continued = false;
        } else if !in_block {
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                output: Vec::new(),
            });
            continued = command.ends_with('\\');
        } else if let Some(step) = steps.last_mut() {
            if continued {
                step.command.push('\n');
                step.command.push_str(line);
                continued = line.ends_with('\\');
            } else {
                step.output.push(line.to_owned());
            }
        }
    }
    steps
}

/// Whether a line is as expected, with `...` for any text.
fn matches(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split("...");
    let Some(mut rest) = actual.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    match last {
        Some(end) => rest.is_empty() || actual.ends_with(end),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_and_what_they_print() {
        let text = "x\n```console\n$ a \\\n  b\n1\n2\n$ c\n```\n$ no\n```sh\n$ no\n```\n";
        let step = |command: &str, output: &[&str]| Step {
            command: command.to_owned(),
            output: output.iter().map(|line| (*line).to_owned()).collect(),
        };
        assert_eq!(
            parse(text),
            [step("a \\\n  b", &["1", "2"]), step("c", &[])]
        );
    }

    #[test]
    fn dots_stand_for_any_text() {
        let cases = [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a...c", "abbc", true),
            ("a...c", "acbc", true),
            ("a...c", "abcd", false),
            ("...", "", true),
            ("a...", "abc", true),
            ("a...b...c", "a b c", true),
            ("a...b...c", "a c", false),
        ];
        for (expected, actual, matching) in cases {
            assert_eq!(matches(expected, actual), matching, "{expected} {actual}");
        }
        let step = Step {
            command: String::new(),
            output: vec!["a".to_owned()],
        };
        assert_eq!(step.difference("a\n"), None);
        assert!(step.difference("").is_some() && step.difference("a\nb").is_some());
    }
}
