//! What became of the cases, for people and for the systems that run them.

use cases::Failure;
use clap::ValueEnum;
use inspect::set;
use serde_json::json;

use crate::color::{Colour, painted};
use crate::exit;
use crate::output::say;
use crate::xml::escaped;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// One document, for programs
    Json,
    /// JUnit XML
    Junit,
}

/// The outcome of a case.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    /// What is not as expected.
    Failed(Vec<Failure>),
    /// Why it is not run here.
    Skipped(String),
    /// Why it could not be run.
    Broken(String),
}

impl Outcome {
    const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::Broken(_) => "error",
        }
    }
}

struct Line {
    file: String,
    case: String,
    outcome: Outcome,
}

/// All results so far.
pub(super) struct Report {
    format: Format,
    lines: Vec<Line>,
}

impl Report {
    pub(super) const fn new(format: Format) -> Self {
        Self {
            format,
            lines: Vec::new(),
        }
    }

    /// The cases of a file follow.
    pub(super) fn begin(&self, file: &str) {
        if self.format == Format::Text {
            say!("{file}");
        }
    }

    /// A case that is not run because only names are wanted.
    pub(super) fn listed(&self, case: &str) {
        say!("  {case}");
    }

    /// A file could not be read.
    pub(super) fn broken(&mut self, file: &str, reason: &str) {
        if self.format == Format::Text {
            eprintln!("meshward test: {file}: {reason}");
        }
        self.lines.push(Line {
            file: file.to_owned(),
            case: "the file".to_owned(),
            outcome: Outcome::Broken(reason.to_owned()),
        });
    }

    pub(super) fn case(&mut self, file: &str, case: &str, outcome: Outcome) {
        if self.format == Format::Text {
            let word = outcome.word();
            let word = match &outcome {
                Outcome::Passed => painted(word, Colour::Green),
                Outcome::Skipped(_) => painted(word, Colour::Dim),
                Outcome::Failed(_) | Outcome::Broken(_) => painted(word, Colour::Red),
            };
            let reason = match &outcome {
                Outcome::Skipped(reason) => format!(" ({reason})"),
                _ => String::new(),
            };
            say!("  {word}  {case}{reason}");
            match &outcome {
                Outcome::Failed(failures) => {
                    for failure in failures {
                        say!("    {}", located(file, failure));
                    }
                }
                Outcome::Broken(reason) => {
                    for line in reason.lines() {
                        say!("    {line}");
                    }
                }
                Outcome::Passed | Outcome::Skipped(_) => {}
            }
        }
        self.lines.push(Line {
            file: file.to_owned(),
            case: case.to_owned(),
            outcome,
        });
    }

    pub(super) fn is_broken(&self) -> bool {
        self.count("error") > 0
    }

    fn count(&self, word: &str) -> usize {
        let lines = self.lines.iter();
        lines.filter(|line| line.outcome.word() == word).count()
    }

    /// Writes what is left to write; the exit status.
    pub(super) fn end(&self) -> u8 {
        match self.format {
            Format::Text => say!(
                "{} passed, {} failed, {} skipped, {} could not be run",
                self.count("passed"),
                self.count("failed"),
                self.count("skipped"),
                self.count("error")
            ),
            Format::Json => say!("{}", self.json()),
            Format::Junit => say!("{}", self.junit()),
        }
        if self.is_broken() {
            return exit::NOT_DONE;
        }
        if self.lines.is_empty() {
            eprintln!("meshward test: there is no such case");
            return exit::NOT_DONE;
        }
        if self.count("failed") > 0 {
            exit::FOUND
        } else {
            exit::RIGHT
        }
    }

    fn json(&self) -> String {
        let cases = self.lines.iter().map(|line| {
            let mut case = json!({
                "file": line.file,
                "case": line.case,
                "outcome": line.outcome.word(),
            });
            match &line.outcome {
                Outcome::Failed(failures) => {
                    let failures = failures.iter().map(|failure| {
                        json!({
                            "line": failure.line,
                            "step": failure.step,
                            "key": failure.key,
                            "message": failure.message,
                        })
                    });
                    set(&mut case, "failures", failures.collect::<Vec<_>>());
                }
                Outcome::Skipped(reason) | Outcome::Broken(reason) => {
                    set(&mut case, "reason", reason.as_str());
                }
                Outcome::Passed => {}
            }
            case
        });
        json!({
            "passed": self.count("passed"),
            "failed": self.count("failed"),
            "skipped": self.count("skipped"),
            "errors": self.count("error"),
            "cases": cases.collect::<Vec<_>>(),
        })
        .to_string()
    }

    fn junit(&self) -> String {
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"meshward test\" \
             tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
            self.lines.len(),
            self.count("failed"),
            self.count("error"),
            self.count("skipped")
        );
        for line in &self.lines {
            let (file, case) = (escaped(&line.file), escaped(&line.case));
            xml.push_str(&format!("  <testcase classname=\"{file}\" name=\"{case}\""));
            match &line.outcome {
                Outcome::Passed => {
                    xml.push_str("/>\n");
                    continue;
                }
                Outcome::Failed(failures) => {
                    let first = failures.first().map_or(1, |failure| failure.line);
                    xml.push_str(&format!(" file=\"{file}\" line=\"{first}\">\n"));
                    for failure in failures {
                        let text = escaped(&located(&line.file, failure));
                        xml.push_str(&format!(
                            "    <failure type=\"{}\" message=\"{text}\"/>\n",
                            failure.key
                        ));
                    }
                }
                Outcome::Skipped(reason) => xml.push_str(&format!(
                    ">\n    <skipped message=\"{}\"/>\n",
                    escaped(reason)
                )),
                Outcome::Broken(reason) => xml.push_str(&format!(
                    ">\n    <error message=\"{}\"/>\n",
                    escaped(reason)
                )),
            }
            xml.push_str("  </testcase>\n");
        }
        xml.push_str("</testsuite>");
        xml
    }
}

/// `cases/limits.toml:14: step 2: status: expected 429, found 200`.
fn located(file: &str, failure: &Failure) -> String {
    let text = failure.to_string();
    let line = format!("line {}, ", failure.line);
    format!(
        "{file}:{}: {}",
        failure.line,
        text.strip_prefix(&line).unwrap_or(&text)
    )
}
