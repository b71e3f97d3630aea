//! The detectors: one row each, in the order in which they win where two fit equally well.

use std::fmt::Write as _;

use crate::Row;
use crate::presets::{self, Preset};

/// The files, in order.
const FILES: [&str; 9] = [
    "contact", "money", "secret", "person", "us", "uk", "world", "eu", "network",
];
/// The variants of `policy::finding::Category`.
const CATEGORIES: [(&str, &str); 7] = [
    ("personal", "Personal"),
    ("health", "Health"),
    ("special", "Special"),
    ("governmental", "Governmental"),
    ("financial", "Financial"),
    ("security", "Security"),
    ("business", "Business"),
];

/// A row of the table of detectors.
pub(crate) struct Kind {
    pub(crate) name: String,
    about: String,
    category: &'static str,
    /// Presets and the items of each, with a space between.
    pub(crate) items: Vec<(String, String)>,
    /// Presets and what each demands.
    pub(crate) treatments: Vec<(String, String)>,
    form: String,
    checked: bool,
    words: Vec<String>,
    foreign: Vec<String>,
    lookalikes: Vec<String>,
    examples: Vec<String>,
    counterexamples: Vec<String>,
}

pub(crate) fn read() -> Result<Vec<Kind>, String> {
    let mut kinds: Vec<Kind> = Vec::new();
    for file in FILES {
        for row in Row::all(file, crate::file(file)?, "detector")? {
            let place = row.place.clone();
            let kind = read_one(row)?;
            if kinds.iter().any(|known| known.name == kind.name) {
                return Err(format!("{place}: there are two of this name"));
            }
            kinds.push(kind);
        }
    }
    for mut row in Row::all("languages", crate::file("languages")?, "language")? {
        row.required("name")?;
        for kind in &mut kinds {
            kind.foreign.append(&mut row.list(&kind.name)?);
        }
        row.end()?;
    }
    Ok(kinds)
}

fn read_one(mut row: Row) -> Result<Kind, String> {
    let category = row.required("category")?;
    let category = CATEGORIES
        .iter()
        .find(|(word, _)| *word == category)
        .ok_or_else(|| row.wrong(format_args!("unknown category {category:?}")))?
        .1;
    let kind = Kind {
        name: row.required("name")?,
        about: row.required("about")?,
        category,
        items: row.pairs("presets")?,
        treatments: row.pairs("treatment")?,
        form: form(&mut row)?,
        checked: match row.fields.remove("checked") {
            None => false,
            Some(toml::Value::Boolean(checked)) => checked,
            Some(_) => return Err(row.wrong("checked: expected true or false")),
        },
        words: row.list("words")?,
        foreign: Vec::new(),
        lookalikes: row.list("lookalikes")?,
        examples: row.list("examples")?,
        counterexamples: row.list("counterexamples")?,
    };
    row.end()?;
    let is_name = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    if !kind.name.bytes().all(is_name) {
        return Err(row.wrong("a name has capital letters, digits and underscores"));
    }
    if kind.words.is_empty() || kind.examples.is_empty() {
        return Err(row.wrong("words and examples are required"));
    }
    if let Some(phrase) = kind
        .words
        .iter()
        .chain(&kind.lookalikes)
        .find(|phrase| phrase.to_lowercase() != **phrase || phrase.contains("  "))
    {
        return Err(row.wrong(format_args!(
            "{phrase:?}: words are in lower case, with one space between"
        )));
    }
    Ok(kind)
}

/// `Detector::form` as an expression.
fn form(row: &mut Row) -> Result<String, String> {
    let form = row.required("form")?;
    let check = row.optional("check")?;
    let (alone, announced) = (row.list("alone")?, row.list("announced")?);
    let has_shapes = !alone.is_empty() || !announced.is_empty();
    match (form.as_str(), check) {
        ("shapes", check) if has_shapes => {
            let check = check.unwrap_or_else(|| "checksum::form_only".to_owned());
            Ok(format!(
                "Form::Shapes {{ alone: &{alone:?}, announced: &{announced:?}, check: {check} }}"
            ))
        }
        ("scanned", None) if !has_shapes => Ok("Form::Scanned".to_owned()),
        ("value", None) if !has_shapes => Ok("Form::Named".to_owned()),
        ("value", Some(check)) if !has_shapes => Ok(format!("Form::NamedIf({check})")),
        _ => Err(row.wrong(
            r#"form: expected "shapes" with "alone" or "announced", "scanned", or "value""#,
        )),
    }
}

/// The table and the numbers of the kinds, as code.
pub(crate) fn table(kinds: &[Kind], presets: &[Preset]) -> String {
    let mut rows = String::new();
    let mut numbers = String::new();
    for (number, kind) in kinds.iter().enumerate() {
        let _ = writeln!(
            rows,
            "Detector {{ name: {:?}, about: {:?}, category: Category::{}, presets: {}, form: {}, \
             checked: {}, words: &{:?}, foreign: {:?}, lookalikes: &{:?}, examples: &{:?}, counterexamples: &{:?} }},",
            kind.name,
            kind.about,
            kind.category,
            presets::bits(kind, presets),
            kind.form,
            kind.checked,
            kind.words,
            kind.foreign.join("|"),
            kind.lookalikes,
            kind.examples,
            kind.counterexamples,
        );
        let _ = writeln!(
            numbers,
            "/// {}.\npub(crate) const {}: u8 = {number};",
            kind.about, kind.name
        );
    }
    let mut by_name: Vec<usize> = (0..kinds.len()).collect();
    by_name.sort_by_key(|number| kinds.get(*number).map(|kind| &kind.name));
    format!(
        "/// The detectors; the place of one is its number.\n\
         pub static DETECTORS: [Detector; {}] = [\n{rows}];\n\
         /// Their numbers in the order of their names.\n\
         pub(super) static BY_NAME: [u8; {}] = {by_name:?};\n\
         /// The numbers of the kinds.\n\
         #[allow(dead_code, reason = \"most are looked up by name only\")]\n\
         pub(crate) mod kind {{\n{numbers}}}\n",
        kinds.len(),
        kinds.len()
    )
}
