//! `meshward audit report`: as text, as one HTML page or as JSON.

mod html;
mod svg;

use std::fmt::Write as _;
use std::path::PathBuf;

use trail::report::{Filter, Report, Tally};

use crate::audit::common::{Input, Result, parse_time};
use crate::audit::format::{printable, thousands};
use crate::audit::subject_args::Pseudonyms;
use html::page;
use trail::time;
use trail::verdict::{Question, conclude};

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::audit) struct Arguments {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    pseudonyms: Pseudonyms,

    /// In what form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Where it goes [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Only requests from this time on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// Only requests before this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// Only requests of this subject
    #[arg(long)]
    subject: Option<String>,

    /// Only requests of this operation; `GET /orders*` are all that begin so
    #[arg(long)]
    route: Option<String>,

    /// Only records of this retention class
    #[arg(long)]
    class: Option<String>,

    /// Only requests whose answer held data of this class
    #[arg(long)]
    data_class: Option<String>,

    /// How many rows each table has at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    rows: u16,

    /// The files are a part of what there is: what is before and after them is not missing
    #[arg(long)]
    excerpt: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
}

pub(in crate::audit) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    let keyring = input.keyring()?;
    let now_ms = input.now_ms()?;
    let filter = arguments.filter()?;
    let (trail, tallies) = input.read(&keyring, || Tally::new(&filter, now_ms))?;
    let question = Question {
        at_ms: now_ms,
        is_excerpt: arguments.excerpt,
        ..Question::default()
    };
    let verdict = conclude(trail, &question);
    let tally = tallies
        .into_iter()
        .fold(Tally::new(&filter, now_ms), Tally::merge);
    let report = Report::new(
        tally,
        verdict,
        arguments.words(),
        now_ms,
        usize::from(arguments.rows),
    );
    let made = match arguments.format {
        Format::Text => text(&report),
        Format::Html => page(&report),
        Format::Json => {
            let json = serde_json::to_string_pretty(&report);
            json.map_err(|error| error.to_string())? + "\n"
        }
    };
    match &arguments.output {
        Some(file) => {
            std::fs::write(file, made).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        None => print!("{made}"),
    }
    // A report of records that cannot be trusted must not pass for one that can.
    Ok(u8::from(report.verification.exit_code == 1))
}

impl Arguments {
    fn filter(&self) -> Result<Filter> {
        let time = |option: &str, text: &Option<String>| {
            text.as_deref()
                .map(|text| parse_time(option, text))
                .transpose()
        };
        let subject = self.subject.as_deref();
        Ok(Filter {
            from_ms: time("--from", &self.from)?,
            to_ms: time("--to", &self.to)?,
            subject: subject.map(|s| self.pseudonyms.subject(s)).transpose()?,
            route: self.route.clone(),
            class: self.class.clone(),
            data_class: self.data_class.clone(),
        })
    }

    /// What was asked for.
    fn words(&self) -> Vec<String> {
        [
            ("from", &self.from),
            ("before", &self.to),
            ("subject", &self.subject),
            ("route", &self.route),
            ("retention class", &self.class),
            ("data of class", &self.data_class),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
        .collect()
    }
}

/// The report in words and columns.
fn text(report: &Report) -> String {
    let mut text = String::new();
    let totals = &report.totals;
    let span = match (report.first_ms, report.last_ms) {
        (Some(first), Some(last)) => format!("{} to {}", time::format(first), time::format(last)),
        _ => "no requests".to_owned(),
    };
    let _ = writeln!(text, "Audit report: {span}");
    if !report.filters.is_empty() {
        let _ = writeln!(text, "Only {}", printable(&report.filters.join(", ")));
    }
    let _ = writeln!(
        text,
        "{} requests of {} subjects: {} allowed, {} refused, {} failed otherwise",
        thousands(totals.requests),
        thousands(totals.subjects),
        thousands(totals.allowed),
        thousands(totals.refused),
        thousands(totals.failed)
    );
    let mut table = Table(&mut text);
    table.head("Who saw which data", &["requests", "subject", "classes"]);
    for access in &report.access {
        let data: Vec<String> = access
            .data
            .iter()
            .map(|class| format!("{} {}", class.name, thousands(class.count)))
            .collect();
        table.row(access.requests, &[&access.subject, &data.join(", ")]);
    }
    table.head(
        "Classes of data",
        &["requests", "class", "values", "subjects"],
    );
    for class in &report.data_classes {
        table.row(
            class.requests,
            &[
                &class.class,
                &thousands(class.values),
                &thousands(class.subjects),
            ],
        );
    }
    table.head(
        "Refusals by rule",
        &["refused", "rule", "reason", "in report mode"],
    );
    for refusal in &report.refusals {
        table.row(
            refusal.refused,
            &[&refusal.rule, &refusal.reason, &thousands(refusal.reported)],
        );
    }
    table.head(
        "Busiest subjects",
        &["requests", "subject", "refused", "last"],
    );
    for row in &report.subjects {
        table.row(
            row.requests,
            &[
                &row.subject,
                &thousands(row.refused),
                &time::format(row.last_ms),
            ],
        );
    }
    table.head(
        "Busiest routes",
        &["requests", "route", "refused", "failed", "with data"],
    );
    for row in &report.routes {
        table.row(
            row.requests,
            &[
                &row.route,
                &thousands(row.refused),
                &thousands(row.failed),
                &thousands(row.sensitive),
            ],
        );
    }
    table.head("Where from", &["requests", "source"]);
    for row in &report.sources {
        table.row(row.count, &[&row.name]);
    }
    table.head("Consent", &["requests", "signal"]);
    table.row(report.consent.opted_out, &["opted out (Sec-GPC)"]);
    table.row(report.consent.not_opted_out, &["no such signal"]);
    for purpose in &report.consent.purposes {
        table.row(purpose.count, &["agreed to", &purpose.name]);
    }
    table.head(
        "Retention",
        &[
            "records",
            "class",
            "kept for ever",
            "past their time",
            "next expiry",
        ],
    );
    for class in &report.retention {
        let next = class.next_expiry_ms.map_or("-".to_owned(), time::format);
        table.row(
            class.requests,
            &[
                &class.class,
                &thousands(class.for_ever),
                &thousands(class.overdue),
                &next,
            ],
        );
    }
    let records = &report.verification.records;
    let _ = writeln!(
        text,
        "\nIntegrity: {}\n  {} valid, {} invalid, {} missing, {} declared missing, {} not covered; `meshward audit verify` says more",
        report.verification.result,
        thousands(records.seen.valid),
        thousands(records.invalid),
        thousands(records.missing),
        thousands(records.declared),
        thousands(records.uncovered)
    );
    for gap in &report.verification.declared_gaps {
        let kept = gap.kept.as_deref().unwrap_or("lost");
        let _ = writeln!(
            text,
            "  gap: {} requests, {} ({kept}), {} to {}",
            thousands(gap.requests),
            gap.reason,
            time::format(gap.from_ms),
            time::format(gap.to_ms)
        );
    }
    text
}

/// Rows below a title.
struct Table<'t>(&'t mut String);

impl Table<'_> {
    fn head(&mut self, title: &str, names: &[&str]) {
        let _ = writeln!(self.0, "\n{title}");
        let (first, rest) = names.split_first().unwrap_or((&"", &[]));
        let _ = writeln!(self.0, "{first:>14}  {}", rest.join(" · "));
    }

    fn row(&mut self, count: u64, cells: &[&str]) {
        let cells: Vec<String> = cells.iter().map(|cell| printable(cell)).collect();
        let _ = writeln!(self.0, "{:>14}  {}", thousands(count), cells.join(" · "));
    }
}

const AFTER_HELP: &str = "\
Counts leave out repetitions and records that are not what they were. Filters choose what is
counted; whether the trail can be trusted is always said about all of it. Exit status: 0 a report,
1 a report of records that were changed, taken away or put in, 3 wrong usage.";
