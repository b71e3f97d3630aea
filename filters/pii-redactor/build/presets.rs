//! The presets: the items of a standard, and which kinds each item is about.

use std::fmt::Write as _;

use crate::Row;
use crate::kinds::Kind;

/// The variants of `Treatment`.
const TREATMENTS: [(&str, &str); 7] = [
    ("remove", "Remove"),
    ("last_four", "LastFour"),
    ("zip3", "Zip3"),
    ("year", "Year"),
    ("age_cap", "AgeCap"),
    ("network", "Network"),
    ("decimals", "Decimals"),
];

pub(crate) struct Preset {
    name: String,
    about: String,
    items: Vec<Item>,
}

struct Item {
    id: String,
    standard: String,
    what: String,
    input: String,
    output: String,
}

pub(crate) fn read(kinds: &[Kind]) -> Result<Vec<Preset>, String> {
    let file = "presets";
    let mut presets = Vec::new();
    for mut row in Row::all(file, crate::file(file)?, "preset")? {
        let name = row.required("name")?;
        let items = Row::all(&format!("{file}.toml: {name}"), row.fields.clone(), "item")?;
        row.fields.remove("item");
        let about = row.required("about")?;
        row.end()?;
        let items = items.into_iter().map(|row| read_item(row, &name, kinds));
        let items = items.collect::<Result<Vec<Item>, String>>()?;
        presets.push(Preset { name, about, items });
    }
    for kind in kinds {
        for (preset, items) in &kind.items {
            let preset_items = presets.iter().find(|known| known.name == *preset);
            let has = |id: &str| {
                preset_items.is_some_and(|known| known.items.iter().any(|item| item.id == id))
            };
            if let Some(id) = items.split(' ').find(|id| !has(id)) {
                return Err(format!(
                    "{}: preset {preset} has no item {id:?} in {file}.toml",
                    kind.name
                ));
            }
        }
        for (preset, word) in &kind.treatments {
            if treatment(word).is_none() || !kind.items.iter().any(|(known, _)| known == preset) {
                return Err(format!("{}: treatment: {preset} = {word:?}", kind.name));
            }
        }
    }
    Ok(presets)
}

fn read_item(mut row: Row, preset: &str, kinds: &[Kind]) -> Result<Item, String> {
    let item = Item {
        id: row.required("id")?,
        standard: row.required("standard")?,
        what: row.required("what")?,
        input: row.required("input")?,
        output: row.required("output")?,
    };
    row.end()?;
    let has_kinds = kinds.iter().any(|kind| kind.is_in(preset, &item.id));
    if !has_kinds {
        return Err(row.wrong("no kind is in this item"));
    }
    Ok(item)
}

impl Kind {
    fn is_in(&self, preset: &str, item: &str) -> bool {
        let mut items = self.items.iter();
        items.any(|(known, ids)| known == preset && ids.split(' ').any(|id| id == item))
    }
}

fn treatment(word: &str) -> Option<&'static str> {
    let known = TREATMENTS.iter().find(|(known, _)| *known == word);
    known.map(|(_, variant)| *variant)
}

/// The presets that have this kind, as bits by their place.
pub(crate) fn bits(kind: &Kind, presets: &[Preset]) -> u8 {
    let mut bits = 0;
    for (place, preset) in presets.iter().enumerate() {
        if kind.items.iter().any(|(known, _)| *known == preset.name) {
            bits |= 1 << place;
        }
    }
    bits
}

/// The table as code.
pub(crate) fn table(kinds: &[Kind], presets: &[Preset]) -> String {
    let mut rows = String::new();
    let mut words = String::new();
    let mut bits = String::new();
    for (place, preset) in presets.iter().enumerate() {
        let bit = 1_u8 << place;
        let _ = write!(words, "({:?}, {bit}), ", preset.name);
        let _ = writeln!(
            bits,
            "/// {}.\n#[allow(dead_code, reason = \"not all are asked about\")]\npub(crate) const {}: u8 = {bit};",
            preset.about,
            preset.name.to_uppercase()
        );
        let mut items = String::new();
        for item in &preset.items {
            let of_item = (0..)
                .zip(kinds)
                .filter(|(_, kind)| kind.is_in(&preset.name, &item.id));
            let numbers: Vec<u8> = of_item.map(|(number, _)| number).collect();
            let _ = writeln!(
                items,
                "Item {{ id: {:?}, standard: {:?}, what: {:?}, kinds: &{numbers:?}, input: {:?}, output: {:?} }},",
                item.id, item.standard, item.what, item.input, item.output
            );
        }
        let mut treatments = String::new();
        for (number, kind) in kinds.iter().enumerate() {
            let demanded = kind
                .treatments
                .iter()
                .filter(|(known, _)| *known == preset.name);
            for variant in demanded.filter_map(|(_, word)| treatment(word)) {
                let _ = write!(treatments, "({number}, Treatment::{variant}), ");
            }
        }
        let _ = writeln!(
            rows,
            "Preset {{ name: {:?}, about: {:?}, bit: {}, items: &[\n{items}], treatments: &[{treatments}] }},",
            preset.name, preset.about, bit,
        );
    }
    format!(
        "/// The presets; the place of one is its bit in `Detector::presets`.\n\
         pub static PRESETS: [Preset; {count}] = [\n{rows}];\n\
         /// The words in configurations, with the bits.\n\
         pub const PRESET_WORDS: [(&str, u8); {count}] = [{words}];\n\
         {bits}",
        count = presets.len()
    )
}
