//! A chain that was taken away whole leaves no hole: what signed records beside it say shows it.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Cursor;

use audit::keys::SigningKey;
use audit::record::Record;
use audit::{Chain, Control, Event, Hash, Peers};
use trail::chains::{Limits, Trail};
use trail::issue::Kind;
use trail::keyring::{Entry, Keyring, Role};
use trail::pipeline::Reading;
use trail::sample::{Emitter, emitter_key, operator_key, tell_peers};
use trail::source::Source;
use trail::verdict::{Question, Verdict, conclude};

fn verify(lines: &[String], keyring: &Keyring, question: &Question) -> Verdict {
    let reading = Reading {
        keyring,
        now_ms: question.at_ms,
        threads: 1,
        limits: Limits::default(),
    };
    let source = Source::reading(Box::new(Cursor::new(lines.join("\n").into_bytes())));
    let trail = Trail::new(Limits::default()).with_keys(!keyring.is_empty());
    let (trail, _) = reading.read_source(trail, source, &["test".to_owned()], || (), &|_| ());
    conclude(trail, question)
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    for (key, role) in [
        (emitter_key(), Role::Emitter),
        (operator_key(), Role::Operator),
    ] {
        let entry = Entry::always(key.public(), role);
        keyring.add(Some(key.id().to_owned()), entry);
    }
    keyring
}

fn later() -> Question {
    Question {
        at_ms: 1_900_000_000_000,
        ..Question::default()
    }
}

/// Two classes of one emitter and one of another: the lines of each chain.
fn classes(key: Option<fn() -> SigningKey>) -> Vec<Vec<String>> {
    let mut chains: Vec<Emitter> = [(1, "default"), (2, "hipaa"), (3, "default")]
        .map(|(seed, class)| Emitter::new(seed, class, key.map(|key| key())))
        .into();
    chains[2].id = "fedcba9876543210".to_owned();
    let mut lines: Vec<Vec<String>> = chains
        .iter_mut()
        .map(|chain| vec![chain.open(None).text])
        .collect();
    for _ in 0..3 {
        for (chain, lines) in chains.iter_mut().zip(&mut lines) {
            lines.extend([chain.some_request().text, chain.some_request().text]);
        }
        tell_peers(&mut chains);
        for (chain, lines) in chains.iter_mut().zip(&mut lines) {
            lines.push(chain.checkpoint().text);
        }
    }
    tell_peers(&mut chains);
    for (chain, lines) in chains.iter_mut().zip(&mut lines) {
        lines.push(chain.close().text);
    }
    lines
}

fn assert_finds(verdict: &Verdict, exit_code: u8, kind: Kind, words: &str) {
    let found = verdict.issues.iter().find(|issue| issue.kind == kind);
    assert!(
        verdict.exit_code == exit_code && found.is_some_and(|issue| issue.message.contains(words)),
        "expected {exit_code} and {kind:?}: {:#?}",
        verdict.issues
    );
}

#[test]
fn a_class_that_was_taken_away_shows() {
    let chains = classes(Some(emitter_key));
    let whole = verify(&chains.concat(), &keyring(), &later());
    assert_eq!(whole.exit_code, 0, "{:#?}", whole.issues);
    for taken in [0, 1] {
        let mut left = chains.clone();
        let gone = left.remove(taken);
        let verdict = verify(&left.concat(), &keyring(), &later());
        assert_finds(
            &verdict,
            1,
            Kind::ChainRemoved,
            "a whole chain was taken away",
        );
        // Up to the last record that the other one knew of, which was the last but the one at the end.
        assert!(verdict.records.missing + 1 >= gone.len() as u64 - 1);
        assert!(
            verdict.sentence.contains("were taken away"),
            "{}",
            verdict.sentence
        );
        // Who gives a part is not asked for the rest.
        let part = Question {
            is_excerpt: true,
            ..later()
        };
        assert_eq!(verify(&left.concat(), &keyring(), &part).exit_code, 0);
    }
}

#[test]
fn an_end_that_was_taken_away_shows() {
    let mut chains = classes(Some(emitter_key));
    chains[1].truncate(7);
    let verdict = verify(&chains.concat(), &keyring(), &later());
    assert_finds(
        &verdict,
        1,
        Kind::EndRemoved,
        "the end of a chain was taken away",
    );
}

#[test]
fn an_emitter_of_which_nothing_is_there_is_told_of() {
    let mut chains = classes(Some(emitter_key));
    chains.pop();
    let verdict = verify(&chains.concat(), &keyring(), &later());
    assert_finds(&verdict, 2, Kind::AbsentEmitter, "fedcba9876543210");
}

#[test]
fn what_was_written_just_now_may_be_on_its_way() {
    let mut chains = classes(Some(emitter_key));
    chains.remove(1);
    let now = Question {
        at_ms: 1_800_000_010_000,
        ..Question::default()
    };
    let verdict = verify(&chains.concat(), &keyring(), &now);
    assert_finds(&verdict, 2, Kind::Awaited, "on its way");
}

#[test]
fn a_purge_by_order_is_clean() {
    let mut chains = classes(Some(emitter_key));
    let checkpoint = Record::check_text(&chains[1][6]).unwrap();
    let purge = Control::Purge {
        chain_uid: checkpoint.chain_uid,
        checkpoint: checkpoint.sequence,
        fingerprint: checkpoint.fingerprint,
        grounds: BTreeMap::new(),
    };
    let open = Control::Open {
        emitter: "operator".to_owned(),
        node: None,
        config_sha256: Hash::NONE,
        heartbeat_ms: 0,
        predecessor: None,
        peers: Peers::default(),
    };
    let mut ledger = Chain::new([0xd0; 16]);
    let orders = [open, purge].map(|control| {
        let event = Event {
            control: &control,
            time_ms: 1_850_000_000_000,
            class: "ledger",
            product: "meshward",
            product_version: "0",
        };
        ledger.add_event(&event, Some(&operator_key())).text
    });
    chains[1].drain(..6);
    let lines = [orders.to_vec(), chains.concat()].concat();
    let verdict = verify(&lines, &keyring(), &later());
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    assert_eq!(verdict.records.expired, 6);
}

#[test]
fn an_unsigned_trail_says_that_it_cannot_know() {
    let mut chains = classes(None);
    chains.remove(1);
    let verdict = verify(&chains.concat(), &Keyring::default(), &later());
    assert_finds(&verdict, 2, Kind::Unsigned, "taken away whole");
    assert_eq!(verdict.issue_counts.get(&Kind::ChainRemoved), None);
}

#[test]
fn the_published_vector_is_judged_alike() {
    let text = include_str!("../../audit/vectors/chains.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut keyring = Keyring::default();
    let key = vectors["keys"]["edge-1"]["public_key"].as_str().unwrap();
    let key = audit::keys::PublicKey::from_hex(key).unwrap();
    keyring.add(Some("edge-1".to_owned()), Entry::always(key, Role::Emitter));
    for case in vectors["cases"].as_array().unwrap() {
        let lines = case["lines"].as_array().unwrap().iter();
        let lines: Vec<String> = lines
            .map(|line| line.as_str().unwrap().to_owned())
            .collect();
        let verdict = verify(&lines, &keyring, &later());
        let is_taken = case["name"] == "a whole chain was taken away";
        assert_eq!(
            verdict.issue_counts.contains_key(&Kind::ChainRemoved),
            is_taken,
            "{}: {:#?}",
            case["name"],
            verdict.issues
        );
    }
}
