//! The tables of keys in the READMEs.

use policy::config::describe::Shape;
use policy::json::Json;

use crate::emit::{Emitter, has_chosen_words, range};
use crate::reference::Entry;

/// The page with its tables made anew.
pub(crate) fn with_tables(page: &str, tables: &[(String, String)]) -> String {
    let mut pages = page.split("<!-- keys: ");
    let mut made = pages.next().unwrap().to_owned();
    for part in pages {
        let (name, rest) = part.split_once(" -->").unwrap();
        let (_, rest) = rest.split_once("<!-- end -->").unwrap();
        let (_, rows) = tables
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("no table is called {name:?}"));
        made.push_str(&format!("<!-- keys: {name} -->\n{rows}<!-- end -->{rest}"));
    }
    made
}

pub(crate) fn table(name: &str, entries: &[Entry], emitter: &Emitter<'_>) -> String {
    let mut rows = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for entry in entries {
        let keys = emitter.keys();
        let places = keys.iter().filter(|place| {
            emitter
                .entry(place)
                .is_some_and(|found| found.key == entry.key)
        });
        let places: Vec<&String> = places.collect();
        let place = places.first();
        let place = *place.unwrap_or_else(|| panic!("{} is the key of nothing", entry.key));
        let is_required = emitter.is_required(place);
        let default = match (&entry.default, is_required) {
            (_, true) => "required".to_owned(),
            (Some(default), _) => default.clone(),
            (None, _) => emitter
                .default_of(place)
                .map(|value| format!("`{}`", plain(&value)))
                .unwrap_or_default(),
        };
        let kind = kind(emitter, place);
        let label = match name {
            "configuration" => &entry.key,
            _ => label(&entry.key),
        };
        let label = if label == entry.key && !keys.contains(&entry.key) {
            let at_most = if name == "configuration" { 2 } else { 1 };
            paths(&places, at_most).unwrap_or_else(|| label.to_owned())
        } else {
            label.to_owned()
        };
        rows.push_str(&format!(
            "| `{label}` | {kind} | {default} | {} |\n",
            entry.meaning
        ));
    }
    rows
}

fn plain(value: &Json) -> String {
    value.scalar_text().unwrap_or_else(|| value.to_string())
}

/// The whole paths of a key that stands further in, below the object that the table is about; `None` where it
/// stands in more places.
fn paths(places: &[&String], at_most: usize) -> Option<String> {
    let mut labels: Vec<&str> = Vec::new();
    for place in places {
        let own = ["providers.*.", "rules[].", "limits[]."];
        let inner = own.iter().find_map(|object| place.strip_prefix(object));
        let inner = inner.unwrap_or(place);
        if !labels.contains(&inner) {
            labels.push(inner);
        }
    }
    (labels.len() <= at_most).then(|| labels.join("`, `"))
}

/// The key without the object that the table is about.
fn label(key: &str) -> &str {
    let objects = [
        "limits[].",
        "budget[].",
        "rules[].",
        "providers.*.",
        "match.",
        "claims[].",
        "client_address.",
        "detectors[].",
        "require.tls.",
        "require.",
        "bypass.",
        "service.",
        "refusal.",
        "introspection.",
        "keys[].",
        "consent.",
    ];
    let inner = objects.iter().find_map(|object| key.strip_prefix(object));
    inner.unwrap_or(key)
}

/// What a key takes, in a few words.
fn kind(emitter: &Emitter<'_>, place: &str) -> String {
    let mut kinds: Vec<String> = Vec::new();
    let shapes = emitter.observed.of(place);
    for shape in shapes {
        let word = match shape {
            Shape::Text(what) if what.is_empty() => "string".to_owned(),
            Shape::Text(what) => what
                .trim_start_matches("a ")
                .trim_start_matches("an ")
                .to_owned(),
            Shape::Name(_) => "string".to_owned(),
            Shape::NameOf(what) => format!("name of a {what}"),
            Shape::Boolean => "boolean".to_owned(),
            Shape::Integer(range) => {
                let few = *range.end() < 1_000_000_000;
                if few {
                    format!("integer, {} to {}", range.start(), range.end())
                } else {
                    format!("integer from {}", range.start())
                }
            }
            Shape::Duration(_) => "duration".to_owned(),
            Shape::Size(_) => "size".to_owned(),
            Shape::Rate => "rate".to_owned(),
            Shape::Words(_) if has_chosen_words(shapes) => "string".to_owned(),
            Shape::Words(words) if words.len() > 6 => "word".to_owned(),
            Shape::Words(words) => words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", "),
            Shape::Variant(_) => "variant".to_owned(),
            Shape::List { at_most, .. } if *at_most == policy::config::MAX_ITEMS => {
                "list".to_owned()
            }
            Shape::List { at_most, .. } => format!("list of at most {at_most}"),
            Shape::Named(_) | Shape::Object => "object".to_owned(),
            Shape::Raw | Shape::Key { .. } | Shape::Default { .. } => continue,
        };
        if !kinds.contains(&word) {
            kinds.push(word);
        }
    }
    let words = kinds.iter().any(|kind| kind.starts_with('`'));
    if words {
        kinds.retain(|kind| kind != "string");
    }
    let range = range(shapes).unwrap_or_default();
    if kinds.is_empty() {
        return "any".to_owned();
    }
    format!(
        "{}{}",
        kinds.join(", or "),
        range.replace(" (from ", ", ").replace(')', "")
    )
}
