//! A panic in a module kills the VM. Every place that could still panic is in `panics.toml` with the
//! reason why it stays; a new one fails here.
//!
//! The compiler leaves the place of each possible panic in the module: file, line and column. That
//! list is complete, other than one of messages.

use std::collections::BTreeSet;
use std::fs;

use envoy_test::{BUNDLE, FILTERS, paths};
use serde::Deserialize;

/// `panics.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasons {
    /// Lines of ours.
    ours: Vec<Line>,
    /// Crates of others.
    others: Vec<Origin>,
    /// Parts of the standard library.
    standard: Vec<Origin>,
}

/// Lines of a file that have this text in them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    file: String,
    contains: String,
    because: String,
}

/// A crate by its name, or what is below a path of the standard library.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Origin {
    name: String,
    because: String,
}

/// Where a panic would say that it happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    file: String,
    line: u32,
}

impl Place {
    /// The crate or the part of the standard library; nothing for what is ours.
    fn origin(&self) -> Option<&str> {
        if let Some((_, part)) = self.file.split_once("/library/") {
            return Some(part);
        }
        let outside = self.file.strip_prefix("registry/");
        let outside = outside.or_else(|| self.file.split_once("/deps/").map(|(_, file)| file));
        let (package, _) = outside?.split_once('/').unwrap();
        let (name, _) = package.rsplit_once('-').unwrap();
        Some(name)
    }

    fn is_standard(&self) -> bool {
        self.file.contains("/library/")
    }

    /// The line of the source, which is the one that the module was built from.
    fn source(&self) -> String {
        let text = fs::read_to_string(paths::root().join(&self.file)).unwrap_or_default();
        let line = text.lines().nth(self.line as usize - 1);
        line.unwrap_or_default().trim().to_owned()
    }
}

/// The data segments of a module: where each is in memory, and its bytes.
fn data_segments(module: &[u8]) -> Vec<(usize, &[u8])> {
    let number = |at: &mut usize| {
        let (mut value, mut shift) = (0_usize, 0);
        loop {
            let byte = module[*at];
            *at += 1;
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    };
    let mut at = 8;
    while at < module.len() {
        let section = module[at];
        at += 1;
        let length = number(&mut at);
        if section != 11 {
            at += length;
            continue;
        }
        let count = number(&mut at);
        let segment = |_| {
            // An active segment of memory 0: `i32.const`, its place, `end`.
            assert_eq!(module[at..at + 2], [0, 0x41], "another kind of segment");
            at += 2;
            let place = number(&mut at);
            at += 1;
            let length = number(&mut at);
            let bytes = &module[at..at + length];
            at += length;
            (place, bytes)
        };
        return (0..count).map(segment).collect();
    }
    panic!("a module without data")
}

/// Every `core::panic::Location`: the address and the length of a path, a line and a column.
fn places(module: &[u8]) -> BTreeSet<Place> {
    let segments = data_segments(module);
    let path_at = |address: usize, length: usize| {
        let holds = |(place, bytes): &&(usize, &[u8])| {
            *place <= address && address + length <= place + bytes.len()
        };
        let (place, bytes) = segments.iter().find(holds)?;
        let path = &bytes[address - place..address - place + length];
        let is_path = |byte: &u8| byte.is_ascii_graphic() && !b"\"'`(){}".contains(byte);
        let path = std::str::from_utf8(path).ok()?;
        (path.ends_with(".rs") && path.bytes().all(|byte| is_path(&byte))).then_some(path)
    };
    let mut found = BTreeSet::new();
    for (place, bytes) in &segments {
        let aligned = place.wrapping_neg() % 4;
        for words in bytes[aligned..].windows(16).step_by(4) {
            let word = |number: usize| {
                let bytes = words[number * 4..number * 4 + 4].try_into().unwrap();
                u32::from_le_bytes(bytes)
            };
            let (address, length) = (word(0) as usize, word(1) as usize);
            let (line, column) = (word(2), word(3));
            if !(4..256).contains(&length) || line == 0 || !(1..1_000).contains(&column) {
                continue;
            }
            if let Some(path) = path_at(address, length) {
                let file = path.to_owned();
                found.insert(Place { file, line });
            }
        }
    }
    found
}

#[test]
fn every_place_that_could_panic_has_its_reason() {
    let file = paths::root().join("envoy-test/panics.toml");
    let reasons: Reasons = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut unexplained = BTreeSet::new();
    let mut used = BTreeSet::new();
    for filter in FILTERS.into_iter().chain([BUNDLE]) {
        let found = places(&fs::read(paths::wasm(filter).unwrap()).unwrap());
        let ours = found.iter().filter(|place| place.origin().is_none());
        assert!(ours.count() > 0 && found.len() > 100, "{filter}: {found:?}");
        for place in found {
            let (list, name) = match place.origin() {
                Some(origin) if place.is_standard() => (&reasons.standard, origin),
                Some(origin) => (&reasons.others, origin),
                None => {
                    let source = place.source();
                    let fits =
                        |row: &Line| row.file == place.file && source.contains(&row.contains);
                    match reasons.ours.iter().position(fits) {
                        Some(row) => drop(used.insert(format!("ours {row}"))),
                        None => drop(unexplained.insert(format!("{place:?}: {source}"))),
                    }
                    continue;
                }
            };
            let standard = place.is_standard();
            let fits = |row: &Origin| {
                if standard {
                    name.starts_with(&row.name)
                } else {
                    name == row.name
                }
            };
            match list.iter().find(|row| fits(row)) {
                Some(row) => drop(used.insert(row.name.clone())),
                None => drop(unexplained.insert(format!("{place:?}"))),
            }
        }
    }
    let unexplained: Vec<String> = unexplained.into_iter().collect();
    assert!(
        unexplained.is_empty(),
        "these can panic, and panics.toml does not say why that is no harm:\n{}",
        unexplained.join("\n")
    );
    let ours = reasons.ours.iter().enumerate();
    let ours = ours.filter(|(row, _)| !used.contains(&format!("ours {row}")));
    let stale: Vec<&str> = ours
        .map(|(_, row)| row.contains.as_str())
        .chain(
            [&reasons.others, &reasons.standard]
                .into_iter()
                .flatten()
                .map(|row| row.name.as_str())
                .filter(|name| !used.contains(*name)),
        )
        .collect();
    assert_eq!(
        stale,
        Vec::<&str>::new(),
        "rows of panics.toml that fit nothing"
    );
    let mut because = reasons.ours.iter().map(|row| &row.because).chain(
        [&reasons.others, &reasons.standard]
            .into_iter()
            .flatten()
            .map(|row| &row.because),
    );
    assert!(because.all(|reason| reason.len() > 10));
}

/// A list that is always empty would explain everything.
#[test]
fn a_panic_in_a_module_is_found() {
    let module = [
        &b"\0asm\x01\0\0\0\x0b"[..],
        &[2 + 5 + 16 + 4 + 4, 1, 0, 0x41, 16, 0x0b, 24],
        &32_u32.to_le_bytes(),
        &8_u32.to_le_bytes(),
        &7_u32.to_le_bytes(),
        &3_u32.to_le_bytes(),
        b"src/a.rs",
    ]
    .concat();
    let found = places(&module);
    let place = Place {
        file: "src/a.rs".to_owned(),
        line: 7,
    };
    assert_eq!(found, BTreeSet::from([place]));
}
