//! `meshward init --openapi`: what an OpenAPI document says of operations, as rules.

mod auth;
mod json;
mod redact;
mod target;

use std::collections::BTreeMap;
use std::path::Path;

use comply::openapi::Document;
use inspect::check::{BUNDLE, parsed};
use meshward_bundle::config::Part;
use policy::json::Json;

use crate::audit::format::printable;
use crate::audit::inventory::openapi_document;
pub(super) use json::pretty;

/// A configuration made from a document.
pub(super) struct Made {
    /// The parts of the bundle.
    pub(super) parts: Vec<(Part, Json)>,
    /// What is guessed, and has to be replaced.
    pub(super) guesses: Vec<String>,
    /// What the document says and the configuration does not hold.
    pub(super) left_out: Vec<String>,
}

/// What is said about places, each remark once.
#[derive(Default)]
struct Remarks {
    said: BTreeMap<String, Vec<String>>,
    guesses: BTreeMap<String, Vec<String>>,
}

impl Remarks {
    fn add(&mut self, remark: &str, place: &str) {
        let places = self.said.entry(remark.to_owned()).or_default();
        places.push(place.to_owned());
    }

    fn guess(&mut self, what: &str, place: &str) {
        let all = self.guesses.entry(place.to_owned()).or_default();
        all.push(what.to_owned());
    }

    fn extend(&mut self, other: Self) {
        for (remark, places) in other.said {
            self.said.entry(remark).or_default().extend(places);
        }
    }
}

/// Makes the configuration, for a host that can take a credential out of a query, or for one that cannot.
pub(super) fn configuration(
    file: &Path,
    parts: &[Part],
    rewrites_queries: bool,
) -> Result<Made, String> {
    let name = file.display();
    let root = openapi_document(file)?;
    let document = Document::read(&root).map_err(|error| format!("{name}: {error}"))?;
    let mut remarks = Remarks::default();
    let mut made = Vec::new();
    if parts.contains(&Part::Auth) {
        made.push((
            Part::Auth,
            auth::part(&document, rewrites_queries, &mut remarks),
        ));
    }
    if parts.contains(&Part::Redact)
        && let Some(redact) = redact::part(&document, &mut remarks)
    {
        made.push((Part::Redact, redact));
    }
    let mut problems: Vec<String> = document.remarks.clone();
    problems.extend(document.problems());
    if document.operations.is_empty() && problems.is_empty() {
        problems.push("there are no operations in it".to_owned());
    }
    if made.is_empty() && problems.is_empty() {
        problems.push("nothing in it can be held by these filters".to_owned());
    }
    if !problems.is_empty() {
        let problems: Vec<String> = problems.iter().map(|one| printable(one)).collect();
        return Err(format!("{name}: {}", problems.join(&format!("\n{name}: "))));
    }
    let mut left_out = vec![
        "types, formats, patterns, enums, required members and bounds of values: no filter looks at them"
            .to_owned(),
    ];
    left_out.extend(remarks.said.iter().map(|(remark, places)| {
        let shown = places.iter().take(SHOWN).map(|place| printable(place));
        let shown: Vec<String> = shown.collect();
        let more = match places.len().checked_sub(SHOWN) {
            None | Some(0) => String::new(),
            Some(more) => format!(" and {more} more"),
        };
        format!("{}: {}{more}", printable(remark), shown.join(", "))
    }));
    let guesses = remarks.guesses.iter();
    let guesses = guesses.map(|(place, what)| format!("{place}: {}", what.join(", ")));
    let made = Made {
        parts: made,
        guesses: guesses.collect(),
        left_out,
    };
    // Too many different rules, or a name that no header has: what the filters refuse is not written.
    parsed(BUNDLE, &made.text())
        .map_err(|error| format!("{name}: its rules would be refused: {error}"))?;
    Ok(made)
}

impl Made {
    /// As a configuration of the bundle.
    pub(super) fn text(&self) -> String {
        let parts = self.parts.iter();
        pretty(&json::object(
            parts.map(|(part, json)| (part.key(), json.clone())),
        ))
    }
}

/// What is left to do, in order.
pub(super) fn steps() -> Vec<String> {
    [

            "Check it: meshward check --deny warnings meshward.json",
            "Try a request: meshward explain -c meshward.json --request 'GET /orders/17'",
            "Start with \"mode\": \"report\" in auth and redact: everything is counted and logged, and nothing refused.",
            "Put its parts into the manifest of your proxy: with --host it is written into one.",
        ]
        .map(str::to_owned)
        .to_vec()
}

/// The file that is written.
pub(super) const FILE: &str = "meshward.json";
/// Operations that are named with a remark.
const SHOWN: usize = 4;
