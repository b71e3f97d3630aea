//! `meshward audit inventory`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use comply::evidence::Period;
use comply::inventory::{Inventory, Row, Survey};
use comply::openapi::Operations;
use inspect::check::document;
use trail::time;
use trail::verdict::{Question, conclude};

use super::common::{Input, Result, TimeRange, read_text};
use super::format::{printable, thousands};
use super::unread::tell_unread;
use crate::exit;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    /// What is documented: OpenAPI 3.0 or 3.1 in JSON or YAML
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,

    /// Draft a record of processing instead: operations by class of data, recipient and purpose
    #[arg(long)]
    processing: bool,

    #[command(flatten)]
    times: TimeRange,

    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let operations = match &arguments.openapi {
        Some(file) => operations(file)?,
        None => Operations::default(),
    };
    let (from_ms, to_ms) = arguments.times.span()?;
    let period = Period { from_ms, to_ms };
    let input = &arguments.input;
    let keyring = input.keyring()?;
    let has_keys = !keyring.is_empty();
    let survey = || Survey::new(&operations, period, has_keys);
    let (trail, seen) = input.read(&keyring, survey)?;
    let question = Question {
        at_ms: input.now_ms()?,
        is_excerpt: true,
        ..Question::default()
    };
    let unread = tell_unread(&trail, exit::RIGHT);
    let verdict = conclude(trail, &question);
    let inventory = Survey::inventory(&operations, seen);
    let made = if arguments.json {
        let text = serde_json::to_string_pretty(&inventory);
        text.map_err(|error| error.to_string())? + "\n"
    } else if arguments.processing {
        processing(&inventory)
    } else {
        page(&inventory, arguments.openapi.is_some())
    };
    crate::output::text(made);
    if verdict.exit_code == 1 {
        eprintln!("The files do not verify: {}.", verdict.sentence);
        return Ok(exit::FOUND);
    }
    let is_amiss = !inventory.undocumented.is_empty() || !inventory.open.is_empty();
    Ok(match arguments.openapi.is_some() && is_amiss {
        true => exit::FOUND,
        false => unread,
    })
}

/// The operations of a document in JSON or YAML.
pub(crate) fn operations(file: &Path) -> Result<Operations> {
    let document = openapi_document(file)?;
    Operations::read(&document).map_err(|error| format!("{}: {error}", file.display()))
}

/// A document in JSON or YAML.
pub(crate) fn openapi_document(file: &Path) -> Result<serde_json::Value> {
    let name = file.display();
    let document = document::first(&read_text(file)?);
    let document = document.map_err(|error| format!("{name}: {error}"))?;
    serde_json::from_str(&document.to_string()).map_err(|error| format!("{name}: {error}"))
}

fn page(inventory: &Inventory, is_documented: bool) -> String {
    let mut text = String::new();
    if is_documented {
        rows(&mut text, "Documented and seen", &inventory.documented);
        rows(
            &mut text,
            "Seen and not documented",
            &inventory.undocumented,
        );
        names(
            &mut text,
            "Deprecated and still called",
            &inventory.deprecated,
        );
        let open = "Documented with authentication, and answered without";
        names(&mut text, open, &inventory.open);
        let unused: Vec<String> = inventory
            .unused
            .iter()
            .map(|r| r.operation.clone())
            .collect();
        // One of a request without a path may be any of these.
        let not_seen = match inventory.pathless {
            0 => "Documented and not seen",
            _ => "Documented, and not seen or among those whose path is not in the record",
        };
        names(&mut text, not_seen, &unused);
        names(&mut text, "Left out of the document", &inventory.remarks);
    } else {
        rows(&mut text, "Seen", &inventory.undocumented);
    }
    if inventory.more_undocumented > 0 {
        let more = thousands(inventory.more_undocumented);
        let _ = writeln!(
            text,
            "{more} requests for further operations, which were too many to be named"
        );
    }
    if inventory.pathless > 0 {
        let _ = writeln!(
            text,
            "{} requests whose path is not in the record, so that nobody can tell what they were for; \
             give their rules a template",
            thousands(inventory.pathless)
        );
    }
    let _ = writeln!(
        text,
        "{} requests that were refused or not found, for what is not {}",
        thousands(inventory.not_found),
        if is_documented {
            "documented"
        } else {
            "seen otherwise; whether it is there, the trail does not tell"
        }
    );
    not_counted(&mut text, inventory);
    text
}

fn rows(text: &mut String, title: &str, rows: &[Row]) {
    let _ = writeln!(text, "{title} ({})", thousands(rows.len() as u64));
    for row in rows {
        let seen = &row.seen;
        let callers = thousands(seen.callers.len() as u64);
        let more = if seen.more_callers { "+" } else { "" };
        let _ = writeln!(
            text,
            "{:>12}  {}: {callers}{more} callers; by {}; {}; last {}",
            thousands(seen.requests),
            printable(&row.operation),
            printable(&joined(&seen.authentication)),
            if seen.classes.is_empty() {
                "no classified data".to_owned()
            } else {
                printable(&joined(&seen.classes))
            },
            time::format(seen.last_ms)
        );
    }
}

fn names(text: &mut String, title: &str, names: &[String]) {
    if !names.is_empty() {
        let _ = writeln!(text, "{title} ({})", thousands(names.len() as u64));
        for name in names {
            let _ = writeln!(text, "              {}", printable(name));
        }
    }
}

/// What the trail knows of article 30(1); the rest is for whoever is responsible.
fn processing(inventory: &Inventory) -> String {
    let mut text = String::from(
        "Draft of a record of processing activities (GDPR 30), from what passed the gateway.\n\
         To be added: the controller, the purpose and its legal ground, whose data it is, transfers to other\n\
         countries, and the measures of article 32 (`meshward comply --framework gdpr`).\n",
    );
    let all = inventory.documented.iter().chain(&inventory.undocumented);
    for row in all.filter(|row| !row.seen.classes.is_empty()) {
        let seen = &row.seen;
        let or_none = |set: &BTreeSet<String>, none: &str| match set.is_empty() {
            true => none.to_owned(),
            false => printable(&joined(set)),
        };
        let more = if seen.more_recipients {
            ", and more"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "\n{}\n  data        {}\n  recipients  {}{more}\n  purposes    {}\n  retention   {} (of the trail)",
            printable(&row.operation),
            printable(&joined(&seen.classes)),
            recipients(&seen.recipients),
            or_none(&seen.purposes, "none said; to be added"),
            or_none(&seen.retention, "none"),
        );
    }
    not_counted(&mut text, inventory);
    text
}

/// One on each line where they are many.
fn recipients(callers: &BTreeSet<String>) -> String {
    let names: Vec<String> = callers.iter().map(|name| printable(name)).collect();
    match names.len() {
        0 => "nobody who was named".to_owned(),
        1..=5 => names.join(", "),
        count => {
            let names = names.join("\n              ");
            format!("{}:\n              {names}", thousands(count as u64))
        }
    }
}

fn not_counted(text: &mut String, inventory: &Inventory) {
    if inventory.not_counted > 0 {
        let count = thousands(inventory.not_counted);
        let _ = writeln!(
            text,
            "Not counted: {count} requests in records for which no given key vouches (--key, --keys)"
        );
    }
}

fn joined(set: &BTreeSet<String>) -> String {
    let names: Vec<&str> = set.iter().map(String::as_str).collect();
    names.join(", ")
}

const AFTER_HELP: &str = "\
Only records count for which a known key vouches. Paths of undocumented operations are shown with what looks like an id left
open. Exit status: 0 an inventory, 1 something is not documented, or open where it should not be, or the files
do not verify, 2 not possible, or not all was read, 64 wrong usage.

Examples:
  meshward audit inventory --keys keys.json --openapi api.yaml trail-*.ndjson
  meshward audit inventory --keys keys.json --processing trail-*.ndjson";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_recipients_stand_on_a_line_each() {
        let of =
            |count: u8| recipients(&(0..count).map(|number| format!("app-{number}")).collect());
        assert_eq!(of(0), "nobody who was named");
        assert_eq!(of(2), "app-0, app-1");
        let many = of(6);
        assert_eq!(many.lines().count(), 7, "{many}");
        assert!(
            many.starts_with("6:\n") && many.ends_with("\n              app-5"),
            "{many}"
        );
    }
}
