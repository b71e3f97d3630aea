//! Writes the tables that are data, not code: the detectors, the presets and the top-level domains.

mod kinds;
mod presets;
mod tlds;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={FOLDER}");
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("cargo::error={problem}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), String> {
    let rows = kinds::read()?;
    let presets = presets::read(&rows)?;
    let folder = env::var("OUT_DIR").map_err(|error| error.to_string())?;
    for (name, text) in [
        ("tlds.rs", tlds::table()),
        ("detectors.rs", kinds::table(&rows, &presets)),
        ("presets.rs", presets::table(&rows, &presets)),
    ] {
        let path = Path::new(&folder).join(name);
        fs::write(&path, text).map_err(|error| format!("{} : {error}", path.display()))?;
    }
    Ok(())
}

/// Reads one of the files of rows.
fn file(name: &str) -> Result<toml::Table, String> {
    let path = format!("{FOLDER}/{name}.toml");
    let wrong = |error: &dyn Display| format!("{path}: {error}");
    let text = fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    text.parse().map_err(|error| wrong(&error))
}

/// A row of a table, every key of which must be asked for.
struct Row {
    place: String,
    fields: toml::Table,
}

impl Row {
    /// The rows of a table, in order.
    fn all(file: &str, mut table: toml::Table, name: &str) -> Result<Vec<Self>, String> {
        let Some(toml::Value::Array(rows)) = table.remove(name) else {
            return Err(format!("{file}.toml: expected [[{name}]]"));
        };
        rows.into_iter()
            .map(|row| match row {
                toml::Value::Table(fields) => {
                    let known = ["name", "id"]
                        .iter()
                        .find_map(|key| fields.get(*key)?.as_str());
                    let place = format!("{file}.toml: {}", known.unwrap_or(name));
                    Ok(Self { place, fields })
                }
                _ => Err(format!("{file}.toml: expected [[{name}]]")),
            })
            .collect()
    }

    fn optional(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.fields.remove(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(format_args!("{key}: {other:?} is no string"))),
        }
    }

    fn required(&mut self, key: &str) -> Result<String, String> {
        self.optional(key)?
            .ok_or_else(|| self.wrong(format_args!("{key} is missing")))
    }

    fn list(&mut self, key: &str) -> Result<Vec<String>, String> {
        let Some(value) = self.fields.remove(key) else {
            return Ok(Vec::new());
        };
        let texts = value.as_array().and_then(|items| {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>()
        });
        texts.ok_or_else(|| self.wrong(format_args!("{key}: expected a list of strings")))
    }

    /// Names with a word each.
    fn pairs(&mut self, key: &str) -> Result<Vec<(String, String)>, String> {
        let Some(value) = self.fields.remove(key) else {
            return Ok(Vec::new());
        };
        let pairs = value.as_table().and_then(|table| {
            let pairs = table
                .iter()
                .map(|(name, word)| Some((name.clone(), word.as_str()?.to_owned())));
            pairs.collect::<Option<Vec<(String, String)>>>()
        });
        pairs.ok_or_else(|| self.wrong(format_args!("{key}: expected names with a string each")))
    }

    /// Nothing may be left over.
    fn end(&self) -> Result<(), String> {
        match self.fields.keys().next() {
            Some(key) => Err(self.wrong(format_args!("unknown key {key:?}"))),
            None => Ok(()),
        }
    }

    fn wrong(&self, problem: impl Display) -> String {
        format!("{}: {problem}", self.place)
    }
}

/// Where the rows are.
const FOLDER: &str = "src/detect/kinds";
