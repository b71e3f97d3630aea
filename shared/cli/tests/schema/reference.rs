//! One sentence for each key, as `reference.toml` beside the README of a crate has it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use policy::json::Json;

/// The sentence about a key.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key, by the end of its place: `limits[].rate`, `consent.gpc`.
    pub(crate) key: String,
    /// The default as the README has it: a value in backticks, or words.
    pub(crate) default: Option<String>,
    pub(crate) meaning: String,
}

/// The tables of a README.
pub(crate) struct Reference {
    pub(crate) tables: Vec<(String, Vec<Entry>)>,
    used: Mutex<BTreeSet<String>>,
}

impl Reference {
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join("reference.toml");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: toml::Table = text.parse().unwrap();
        let word = |table: &toml::Value, name: &str| -> Option<String> {
            Some(table.get(name)?.as_str()?.to_owned())
        };
        let entry = |key: &toml::Value| Entry {
            key: word(key, "key").unwrap(),
            default: word(key, "default"),
            meaning: word(key, "meaning").unwrap(),
        };
        let tables = file["table"].as_array().unwrap().iter().map(|table| {
            let keys = table["key"].as_array().unwrap();
            (
                word(table, "name").unwrap(),
                keys.iter().map(entry).collect(),
            )
        });
        Self {
            tables: tables.collect(),
            used: Mutex::default(),
        }
    }

    /// The entry with the longest key at the end of this place.
    pub(crate) fn find(&self, place: &str) -> Option<&Entry> {
        let entries = self.tables.iter().flat_map(|(_, entries)| entries);
        let fitting = entries.filter(|entry| is_end(place, &entry.key));
        let found = fitting.max_by_key(|entry| entry.key.len())?;
        self.used.lock().unwrap().insert(found.key.clone());
        Some(found)
    }

    /// Keys that no place has asked for.
    pub(crate) fn unused(&self) -> Vec<String> {
        let used = self.used.lock().unwrap();
        let entries = self.tables.iter().flat_map(|(_, entries)| entries);
        entries
            .map(|entry| entry.key.clone())
            .filter(|key| !used.contains(key))
            .collect()
    }
}

fn is_end(place: &str, key: &str) -> bool {
    place
        .strip_suffix(key)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

impl Entry {
    /// The default as a value, where it is one.
    pub(crate) fn value(&self) -> Option<Json> {
        let text = self.default.as_deref()?;
        let literal = text.strip_prefix('`')?.strip_suffix('`')?;
        let is_one = !literal.contains('`');
        let word = || Json::String(literal.to_owned());
        is_one.then(|| Json::parse(literal.as_bytes()).unwrap_or_else(|_| word()))
    }

    /// The sentence without Markdown's links.
    pub(crate) fn plain(&self) -> String {
        let mut plain = String::new();
        let mut rest = self.meaning.as_str();
        while let Some((before, after)) = rest.split_once('[') {
            let link = after
                .split_once("](")
                .filter(|(text, _)| !text.contains(['[', '`', ']']))
                .and_then(|(text, after)| Some((text, after.split_once(')')?.1)));
            plain.push_str(before);
            match link {
                Some((text, after)) => {
                    plain.push_str(text);
                    rest = after;
                }
                None => {
                    plain.push('[');
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        plain
    }
}
