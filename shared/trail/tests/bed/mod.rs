//! Trails in the containers that are kept beside the tests, and what verifying them says.

#![allow(clippy::restriction, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use trail::chains::{Limits, Trail};
use trail::keyring::{Entry, Keyring, Role};
use trail::pipeline::Reading;
use trail::source::Source;
use trail::synthetic::emitter_key;
use trail::verdict::{Question, Verdict, conclude};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers")
}

pub(crate) fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    let key = emitter_key();
    let entry = Entry::always(key.public(), Role::Emitter);
    keyring.add(Some(key.id().to_owned()), entry);
    keyring
}

pub(crate) fn verify_source(source: Source) -> Verdict {
    let keyring = keyring();
    let limits = Limits::default();
    let reading = Reading {
        keyring: &keyring,
        now_ms: NOW_MS,
        threads: 2,
        limits,
    };
    let names = ["test".to_owned()];
    let trail = Trail::new(limits);
    let (trail, _) = reading.read_source(trail, source, &names, || (), &|_| ());
    let question = Question {
        at_ms: NOW_MS,
        ..Question::default()
    };
    conclude(trail, &question)
}

pub(crate) fn verify(bytes: Vec<u8>) -> Verdict {
    verify_source(Source::reading(Box::new(Cursor::new(bytes))))
}

pub(crate) const NOW_MS: u64 = 1_900_000_000_000;
/// Records in each file.
pub(crate) const RECORDS: u64 = 7;
