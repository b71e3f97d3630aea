//! `meshward audit verify`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::common::{Demands, Input, Result, read_witness};
use super::format::{printable, thousands};
use crate::output::say;
use trail::issue::Severity;
use trail::time;
use trail::verdict::{ExpectedEmitters, Question, Verdict, conclude};

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// Signed records that a witness has kept: each must be in the files
    #[arg(long, value_name = "FILE")]
    witness: Vec<PathBuf>,

    /// How many emitters there must be at least, or the ids of emitters or of their keys that must be there
    #[arg(long, value_name = "N|ID,...", value_parser = ExpectedEmitters::from_text)]
    emitters: Option<ExpectedEmitters>,

    #[command(flatten)]
    demands: Demands,

    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let keyring = arguments.input.keyring()?;
    let question = Question {
        emitters: arguments.emitters.clone(),
        emitter_keys: keyring.emitters(),
        witness: read_witness(&arguments.witness, &keyring)?,
        ..arguments.demands.question(arguments.input.now_ms()?)
    };
    let (trail, _) = arguments.input.read(&keyring, || ())?;
    let verdict = conclude(trail, &question);
    if arguments.json {
        let text = serde_json::to_string_pretty(&verdict).map_err(|error| error.to_string())?;
        say!("{text}");
    } else {
        crate::output::text(text(&verdict, keyring.is_empty()));
    }
    Ok(verdict.exit_code)
}

/// The verdict in words.
fn text(verdict: &Verdict, without_keys: bool) -> String {
    let records = &verdict.records;
    let seen = &records.seen;
    let mut text = String::new();
    let mut row = |name: &str, count: u64, meaning: &str| {
        let _ = writeln!(text, "{name:<14}{:>15}  {meaning}", thousands(count));
    };
    row("read", seen.read, "records in the files");
    row(
        "valid",
        seen.valid,
        "different records that are what they were",
    );
    row(
        "invalid",
        records.invalid,
        "no records, changed, or with a false signature",
    );
    row("missing", records.missing, "gone, and nothing says why");
    row(
        "declared",
        records.declared,
        "gone, and the emitter says why",
    );
    if records.undelivered > 0 {
        row(
            "undelivered",
            records.undelivered,
            "gone; their emitter was killed and may never have delivered them",
        );
    }
    row("forks", records.forks, "claim the place of another record");
    row(
        "uncovered",
        records.uncovered,
        "valid, and no signature vouches for them yet",
    );
    if records.unvouched > 0 {
        row(
            "unvouched",
            records.unvouched,
            "of chains for which none of the keys given vouches: not counted as valid",
        );
    }
    row("duplicates", seen.duplicates, "came more than once");
    row(
        "erased",
        seen.erased,
        "without parts that an operator has erased",
    );
    row(
        "removed",
        seen.removed,
        "taken away by an operator, who says so",
    );
    row("expired", records.expired, "purged after their time");
    row("overdue", seen.overdue, "past their time, and still there");
    if seen.reserialised > 0 {
        row(
            "re-serialised",
            seen.reserialised,
            "spelled anew by another program, with the same meaning",
        );
    }
    if seen.unproven > 0 {
        row(
            "unproven",
            seen.unproven,
            "lines of logs that look like records; no key vouches for them, so they count for nothing",
        );
    }
    if records.sampled_out > 0 {
        row(
            "sampled out",
            records.sampled_out,
            "requests of which no record was kept, as configured",
        );
    }
    let keys: Vec<String> = verdict
        .emitter_keys
        .iter()
        .map(|id| printable(id))
        .collect();
    let signed = match keys.as_slice() {
        [] => "that wrote them".to_owned(),
        keys => format!("that wrote them; signed with {}", keys.join(", ")),
    };
    row("emitters", verdict.emitter_count, &signed);
    row("chains", verdict.chain_count, "");
    if seen.other_lines > 0 {
        row("other lines", seen.other_lines, "of logs, without records");
    }
    if !verdict.declared_gaps.is_empty() {
        text.push_str("\nDeclared gaps\n");
        for gap in &verdict.declared_gaps {
            let kept = gap
                .kept
                .as_deref()
                .map_or("lost".to_owned(), |kept| format!("kept in {kept}"));
            let _ = writeln!(
                text,
                "  {:<16}{:>13}  requests, {kept}; {} records absent; {} to {}",
                printable(&gap.reason),
                thousands(gap.requests),
                thousands(gap.absent),
                time::format(gap.from_ms),
                time::format(gap.to_ms)
            );
        }
    }
    for (severity, title) in [
        (Severity::Failure, "Failures"),
        (Severity::Incomplete, "Not complete"),
        (Severity::Note, "Notes"),
    ] {
        let kinds = verdict.issue_counts.iter();
        let kinds: Vec<_> = kinds
            .filter(|(kind, _)| kind.severity() == severity)
            .collect();
        if kinds.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{title}");
        for (kind, count) in kinds {
            let _ = writeln!(text, "  {} ({})", kind.code(), thousands(*count));
            let issues = verdict.issues.iter().filter(|issue| issue.kind == *kind);
            for issue in issues.take(SHOWN) {
                let line = format!("{}: {}", issue.place, issue.message);
                let _ = writeln!(text, "    {}", printable(&line));
            }
        }
    }
    if without_keys {
        text.push_str("\nNo key was given (--key, --keys), so no signature could be checked.\n");
    }
    let _ = writeln!(
        text,
        "\n{}: {}",
        verdict.result.to_uppercase(),
        verdict.sentence
    );
    text
}

/// Of each kind.
const SHOWN: usize = 5;
const AFTER_HELP: &str = "\
Exit status: 0 clean, 1 something was changed, taken away or put in, or an expected emitter is not there, 2 something is not there or not
vouched for, or a file of keys or of a witness cannot be read, 64 wrong usage. What can be read of damaged files is read, and counted.

Examples:
  meshward audit verify --keys keys.json trail-*.ndjson
  meshward audit verify --keys keys.json --ledger ledger.ndjson --json trail-*.ndjson envoy.log";
