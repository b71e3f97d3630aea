//! What `fuzz/` does with a fuzzer, here on stable Rust: every file of the corpus, the beginnings of
//! each, files with changes, and random bytes.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;

#[path = "../../fuzz/entries.rs"]
mod entries;

type Entry = fn(&[u8]);

const ENTRIES: [(&str, Entry); 5] = [
    ("token", entries::token),
    ("jwk", entries::jwk),
    ("discovery", entries::discovery),
    ("introspection", entries::introspection),
    ("config", entries::config),
];

/// Each file with the function that it is for.
static CORPUS: LazyLock<Vec<(Entry, Vec<u8>)>> = LazyLock::new(|| {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut files = Vec::new();
    for (name, entry) in ENTRIES {
        let before = files.len();
        for file in std::fs::read_dir(corpus.join(name)).unwrap() {
            files.push((entry, std::fs::read(file.unwrap().path()).unwrap()));
        }
        assert!(files.len() > before, "nothing to begin with for {name}");
    }
    files
});

#[test]
fn the_corpus_and_beginnings_of_it() {
    for (entry, bytes) in CORPUS.iter() {
        entry(bytes);
        let step = bytes.len() / 50 + 1;
        for length in (0..bytes.len()).step_by(step) {
            entry(&bytes[..length]);
        }
    }
}

/// What is done to a file at a place.
#[derive(Clone, Debug)]
enum Change {
    Replace(u8),
    Insert(u8),
    Remove(usize),
    Repeat(usize),
    Splice(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    // What JSON and base64url are made of comes up more often than other bytes.
    let byte = || {
        prop_oneof![
            any::<u8>(),
            proptest::sample::select(&br#"{}[],:"\.-_=0aeE "#[..])
        ]
    };
    prop_oneof![
        byte().prop_map(Change::Replace),
        byte().prop_map(Change::Insert),
        (1_usize..20).prop_map(Change::Remove),
        (1_usize..40).prop_map(Change::Repeat),
        (any::<usize>(), 1_usize..60).prop_map(|(from, length)| Change::Splice(from, length)),
    ]
}

fn apply(bytes: &mut Vec<u8>, place: usize, change: &Change, other: &[u8]) {
    let place = place % (bytes.len() + 1);
    let end = |length: usize| (place + length).min(bytes.len());
    match *change {
        Change::Replace(byte) => {
            if let Some(replaced) = bytes.get_mut(place) {
                *replaced = byte;
            }
        }
        Change::Insert(byte) => bytes.insert(place, byte),
        Change::Remove(length) => drop(bytes.drain(place..end(length))),
        Change::Repeat(length) => {
            let part = bytes[place..end(length)].to_vec();
            bytes.splice(place..place, part);
        }
        Change::Splice(from, length) => {
            let from = from % (other.len() + 1);
            let part = other[from..(from + length).min(other.len())].to_vec();
            bytes.splice(place..place, part);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nearly_right(
        which in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<usize>(), change()), 1..5),
    ) {
        let (entry, bytes) = which.get(&CORPUS);
        let (_, other) = other.get(&CORPUS);
        let mut bytes = bytes.clone();
        for (place, change) in &changes {
            apply(&mut bytes, *place, change, other);
        }
        entry(&bytes);
    }

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (_, entry) in ENTRIES {
            entry(&bytes);
        }
    }

    #[test]
    fn random_text(text in "[\\[\\]{}\":,.a-cA-C0-9eE_=\\\\ -]{0,200}") {
        for (_, entry) in ENTRIES {
            entry(text.as_bytes());
        }
    }
}
