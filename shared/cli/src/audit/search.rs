//! `meshward audit search`: the records themselves, of the requests that are meant.

use std::fmt::Write as _;

use serde_json::Value;

use super::absent;
use super::common::{Demands, Input, Result};
use super::format::thousands;
use super::logged::{Logged, or_none, pretty, settle_received, tell_unvouched, vouched};
use super::selection::Selection;
use super::unread::{tell_unidentified, tell_unread};
use super::words::tell_unknown;
use crate::exit;
use crate::output::text;
use trail::item::Item;
use trail::pipeline::Observer;
use trail::pseudonym_keys::PseudonymKeys;
use trail::report::{Filter, Words};
use trail::scan::Fields;
use trail::time;
use trail::verdict::conclude;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    selection: Selection,

    /// In what form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// How many requests are shown at most: the last ones
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,

    #[command(flatten)]
    demands: Demands,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A line for each request
    Text,
    /// An array of the records as they are in the trail
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let input = &arguments.input;
    let keyring = input.keyring()?;
    let question = arguments.demands.question(input.now_ms()?);
    let filter = arguments.selection.filter()?;
    let (trail, observers) = input.read(&keyring, || {
        let found = Found {
            filter: &filter,
            requests: Vec::new(),
        };
        ((found, Words::new(&filter)), PseudonymKeys::new(&filter))
    })?;
    let (found, keys): (Vec<_>, Vec<_>) = observers.into_iter().unzip();
    let (found, words): (Vec<Found<'_>>, Vec<_>) = found.into_iter().unzip();
    let words = words.into_iter().fold(Words::new(&filter), Words::merge);
    let requests = found.into_iter().flat_map(|found| found.requests);
    let (requests, unvouched) = vouched(&trail, requests);
    let (requests, _) = settle_received(requests);
    let unread = tell_unread(&trail, exit::RIGHT);
    let unread = tell_unidentified(&PseudonymKeys::merged(keys), unread);
    let unread = tell_unknown(&words, unread);
    let verdict = conclude(trail, &question);
    let rows = usize::try_from(arguments.rows).unwrap_or(usize::MAX);
    let shown = requests
        .get(requests.len().saturating_sub(rows)..)
        .unwrap_or_default();
    text(&match arguments.format {
        Format::Text => lines(shown),
        Format::Json => pretty(
            &shown
                .iter()
                .map(|one| one.record.clone())
                .collect::<Value>(),
        )?,
    });
    let left_out = requests.len().saturating_sub(shown.len());
    eprintln!(
        "{} requests. {}",
        thousands(requests.len() as u64),
        verdict.sentence
    );
    if left_out > 0 {
        eprintln!(
            "The first {} of them are not shown: ask for less with --to, or for more with --rows",
            thousands(left_out as u64)
        );
    }
    tell_unvouched(unvouched);
    for note in absent::notes(&verdict, filter.from_ms) {
        eprintln!("{note}");
    }
    Ok(match verdict.exit_code {
        1 => exit::FOUND,
        _ => unread,
    })
}

struct Found<'f> {
    filter: &'f Filter,
    requests: Vec<Logged>,
}

impl Observer for Found<'_> {
    fn observe(&mut self, item: &Item, text: &str, fields: Option<&Fields>) {
        let Some(fields) = fields.filter(|_| item.control.is_none()) else {
            return;
        };
        if !self.filter.takes(item, text, fields) {
            return;
        }
        self.requests.push(Logged::new(item, text));
    }
}

fn lines(requests: &[Logged]) -> String {
    let mut page = String::new();
    for one in requests {
        let _ = writeln!(
            page,
            "{}  {}  {}  {}  {}",
            time::format(one.time_ms),
            or_none(one.text("/metadata/uid")),
            or_none(one.caller()),
            or_none(one.text("/api/operation")),
            one.outcome(),
        );
    }
    page
}

const AFTER_HELP: &str = "\
Examples:
  meshward audit search --keys emitter.json --subject jane trail.ndjson
  meshward audit search --keys emitter.json --from 2026-11-24T21:00:00Z --format json trail.ndjson
The requests that --subject, --issuer, --app, --data-subject, --route, --class, --data-class, --from and --to choose,
all of which must hold; without any, all requests. A line has the time, the id of the record (`erase --record` takes it),
the caller, the operation, and what became of the request. Exit status: 0 done, 1 done, and the trail fails
verification, 2 not possible, not all was read, or no record has a word that was asked for, 64 wrong usage.";
