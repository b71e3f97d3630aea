//! `meshward audit report`: as text, as one HTML page or as JSON.

mod html;
mod svg;
mod text;

use trail::report::{Anomalies, Comparison, Filter, Report, Rows, Tally, Weeks, Words};

use crate::audit::absent;
use crate::audit::common::{Demands, Input, Result};
use crate::audit::format::thousands;
use crate::audit::selection::Selection;
use crate::audit::unread::{other_key, tell_unidentified, tell_unread};
use crate::audit::words::tell_unknown;
use crate::exit;
use crate::output::Output;
use trail::pseudonym_keys::PseudonymKeys;
use trail::verdict::conclude;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::audit) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// In what form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    selection: Selection,

    /// Say what is unlike the same hours of the same weekdays of the last N weeks; without --from, of the last day
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=12))]
    baseline: Option<u8>,

    /// How many rows each table has at most, in every format; each says how many there are
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    rows: u16,

    #[command(flatten)]
    demands: Demands,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
}

pub(in crate::audit) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    arguments.output.refuse_inputs(input.all_paths()?)?;
    let keyring = input.keyring()?;
    let now_ms = input.now_ms()?;
    let mut filter = arguments.selection.filter()?;
    let weeks = arguments.weeks(&mut filter, now_ms)?;
    let has_keys = !keyring.is_empty();
    let (trail, observers) = input.read(&keyring, || {
        let comparison = weeks.map(|weeks| Comparison::new(weeks, has_keys));
        let tally = (Tally::new(&filter, now_ms, has_keys), comparison);
        (tally, (PseudonymKeys::new(&filter), Words::new(&filter)))
    })?;
    let (counted, others): (Vec<_>, Vec<_>) = observers.into_iter().unzip();
    let (keys, words): (Vec<_>, Vec<_>) = others.into_iter().unzip();
    let words = words.into_iter().fold(Words::new(&filter), Words::merge);
    let (tallies, comparisons): (Vec<Tally<'_>>, Vec<Option<Comparison>>) =
        counted.into_iter().unzip();
    let unidentified = PseudonymKeys::merged(keys);
    let question = arguments.demands.question(now_ms);
    let unread = tell_unread(&trail, exit::RIGHT);
    let unread = tell_unidentified(&unidentified, unread);
    let unread = tell_unknown(&words, unread);
    let verdict = conclude(trail, &question);
    let tally = tallies
        .into_iter()
        .fold(Tally::new(&filter, now_ms, has_keys), Tally::merge);
    let mut report = Report::new(
        tally,
        verdict,
        arguments.selection.words(),
        now_ms,
        usize::from(arguments.rows),
    );
    report.other_epochs = unidentified.missing;
    report.other_pseudonym_keys = unidentified.other_keys;
    if weeks.is_some() {
        let comparisons = comparisons.into_iter().flatten().collect();
        report.anomalies = Some(Comparison::anomalies(comparisons));
    }
    let made = match arguments.format {
        Format::Text => text::page(&report),
        Format::Html => html::page(&report),
        Format::Json => {
            let json = serde_json::to_string_pretty(&report);
            json.map_err(|error| error.to_string())? + "\n"
        }
    };
    arguments.output.write(&made)?;
    // A report of records that cannot be trusted must not pass for one that can.
    Ok(match report.verification.exit_code {
        1 => exit::FOUND,
        _ => unread,
    })
}

impl Arguments {
    /// The weeks to compare with. The report is then of the period, and of nothing else.
    fn weeks(&self, filter: &mut Filter, now_ms: u64) -> Result<Option<Weeks>> {
        let Some(count) = self.baseline else {
            return Ok(None);
        };
        let to_ms = *filter.to_ms.get_or_insert(now_ms);
        let from_ms = *filter.from_ms.get_or_insert(to_ms.saturating_sub(DAY_MS));
        let weeks = Weeks::new(from_ms, to_ms, usize::from(count));
        weeks
            .map(Some)
            .ok_or_else(|| "--baseline: --from must be before --to".to_owned())
    }
}

const DAY_MS: u64 = 86_400_000;
const AFTER_HELP: &str = "\
Examples:
  meshward audit report --keys emitter.json --from 2026-11-01 --to 2026-12-01 trail.ndjson
  meshward audit report --keys emitter.json --format html --output report.html trail.ndjson
Counts leave out repetitions, records that are not what they were and, where keys are given, all that
none of them vouches for. Filters choose what is counted; whether the trail can be trusted is always said about all of it. Exit status: 0 a report,
1 a report of records that fail verification, 2 no report, one of not all, or no record has a word that was asked for, 64 wrong usage.";

/// What the counts do not say by themselves.
fn notes(report: &Report) -> Vec<String> {
    let totals = &report.totals;
    let seen = &report.verification.records.seen;
    let mut notes = Vec::new();
    let verdict = &report.verification;
    let uncounted = [
        absent::sampled_out(&verdict.records),
        absent::taken_away(verdict, None),
    ];
    let uncounted = uncounted.into_iter().flatten();
    notes.extend(uncounted.map(|note| format!("{note}; nothing below counts them")));
    if totals.not_counted > 0 {
        notes.push(format!(
            "Not counted: {} requests in records for which no signature of a given key vouches",
            thousands(totals.not_counted)
        ));
    }
    for (epoch, records) in &report.other_epochs {
        notes.push(format!(
            "Not all: {} records name people by pseudonyms of the epoch {epoch:?}, whose key was not given, and may be of whom this is about",
            thousands(*records)
        ));
    }
    notes.extend(
        report
            .other_pseudonym_keys
            .iter()
            .map(|epoch| other_key(epoch)),
    );
    if seen.unproven > 0 {
        notes.push(format!(
            "Not counted: {} lines of logs that look like records and that no key vouches for",
            thousands(seen.unproven)
        ));
    }
    if totals.received > 0 {
        notes.push(format!(
            "{} further records say that a request was received; what became of it others say, unless that was sampled out or lost",
            thousands(totals.received)
        ));
    }
    notes
}

/// What cannot be said of the weeks before.
fn anomaly_notes(anomalies: &Anomalies) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if anomalies.weeks < 3 {
        notes.push("Counts are not compared: that takes three weeks of records.");
    }
    if anomalies.too_many_names {
        notes.push("What is new is not said: there are too many callers to keep all in mind.");
    }
    notes
}

/// ` (12 of 400)`, where not all rows are shown.
fn cut_note(rows: Rows) -> String {
    match (rows.total, rows.is_cut()) {
        (0, _) => String::new(),
        (total, true) => format!(
            " ({} of {} shown; --rows shows more)",
            thousands(rows.shown),
            thousands(total)
        ),
        (total, false) => format!(" ({}, all shown)", thousands(total)),
    }
}
