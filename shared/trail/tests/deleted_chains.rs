//! A chain that was taken away whole leaves no hole: what signed records beside it say shows it.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Cursor;

use audit::keys::SigningKey;
use audit::record::Record;
use audit::{Chain, Control, Event, Range, Target};
use trail::chains::{Limits, Trail};
use trail::issue::{Issue, Kind};
use trail::keyring::{Entry, Keyring, Role};
use trail::pipeline::Reading;
use trail::source::Source;
use trail::synthetic::{Emitter, emitter_key, operator_key, tell_peers};
use trail::verdict::{ExpectedEmitters, Question, Verdict, conclude};

fn verify(lines: &[String], keyring: &Keyring, question: &Question) -> Verdict {
    let reading = Reading {
        keyring,
        now_ms: question.at_ms,
        threads: 1,
        limits: Limits::default(),
    };
    let source = Source::reading(Box::new(Cursor::new(lines.join("\n").into_bytes())));
    let trail = Trail::new(Limits::default()).with_keys(keyring);
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
    chains
        .iter_mut()
        .for_each(|chain| chain.keep_ms = Some(1_000));
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

/// Two emitters that share nothing, as those of different VMs: no record of one names the other.
#[test]
fn an_emitter_that_no_other_knows_of_is_missed_only_where_it_is_expected() {
    let keys = [emitter_key, other_key];
    let [left, gone] = [0_usize, 1].map(|at| {
        let mut emitter = Emitter::new(at as u64 + 1, "default", Some(keys[at]()));
        emitter.id = ["fedcba9876543210", "0123456789abcdef"][at].to_owned();
        let opened = emitter.open(None).text;
        vec![opened, emitter.some_request().text, emitter.close().text]
    });
    let mut keyring = keyring();
    let other = other_key();
    let entry = Entry::always(other.public(), Role::Emitter);
    keyring.add(Some(other.id().to_owned()), entry);
    let both = [left.clone(), gone].concat();
    for (text, both_code) in [
        ("2", 0),
        ("3", 1),
        ("fedcba9876543210,0123456789abcdef", 0),
        (&*format!("{}, {}", emitter_key().id(), other.id()), 0),
        ("fedcba9876543210,nobody", 1),
    ] {
        let question = Question {
            emitters: Some(ExpectedEmitters::from_text(text).unwrap()),
            emitter_keys: keyring.emitters(),
            ..later()
        };
        let verdict = verify(&both, &keyring, &question);
        assert_eq!(
            verdict.exit_code, both_code,
            "{text}: {:#?}",
            verdict.issues
        );
        assert_eq!((verdict.emitter_count, verdict.emitter_keys.len()), (2, 2));
        assert!(!verdict.issue_counts.contains_key(&Kind::IdleKey));
        let verdict = verify(&left, &keyring, &question);
        assert_finds(&verdict, 1, Kind::MissingEmitter, "");
        assert!(
            verdict.sentence.contains("expected are not here"),
            "{}",
            verdict.sentence
        );
        // The key that signed nothing is told of, whatever was expected.
        assert_finds(&verdict, 1, Kind::IdleKey, "taken away");
    }
    let verdict = verify(&left, &keyring, &later());
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    assert!(
        verdict
            .sentence
            .contains("the chains of 1 emitter, and signatures vouch for all of their 3 records"),
        "{}",
        verdict.sentence
    );
    // Without a key, emitters are counted by what they say.
    let question = Question {
        emitters: Some(ExpectedEmitters::AtLeast(2)),
        ..later()
    };
    let none = Keyring::default();
    assert_finds(
        &verify(&left, &none, &question),
        1,
        Kind::MissingEmitter,
        "2 emitters",
    );
    let verdict = verify(&both, &none, &question);
    assert!(!verdict.issue_counts.contains_key(&Kind::MissingEmitter));
}

fn other_key() -> SigningKey {
    SigningKey::from_seed(Some("edge-other"), &[11; 32])
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

/// An operator's ledger with these entries, each with its time.
fn ledger(seed: u8, entries: &[(u64, Control)]) -> Vec<String> {
    let mut chain = Chain::new([seed; 16]);
    let open = (entries[0].0, Control::open_ledger());
    let lines = std::iter::once(&open).chain(entries);
    let line = |(time_ms, control): &(u64, Control)| {
        let event = Event {
            control,
            time_ms: *time_ms,
            class: "ledger",
            product: "meshward",
            product_version: "0",
        };
        chain.add_event(&event, Some(&operator_key())).text
    };
    lines.map(line).collect()
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
    let orders = ledger(0xd0, &[(1_850_000_000_000, purge)]);
    chains[1].drain(..6);
    let lines = [orders, chains.concat()].concat();
    let verdict = verify(&lines, &keyring(), &later());
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    assert_eq!(verdict.records.expired, 6);
    // The clocks of two machines may differ a little, and not by more.
    for (clock_ms, code) in [(1_849_999_800_000, 0), (1_849_999_000_000, 1)] {
        let question = Question {
            clock_ms: Some(clock_ms),
            ..later()
        };
        let verdict = verify(&lines, &keyring(), &question);
        assert_eq!(verdict.exit_code, code, "{:#?}", verdict.issues);
        assert_eq!(
            verdict.issue_counts.contains_key(&Kind::OrderAhead),
            code == 1
        );
    }
}

/// What an entry says holds from its place in the ledger on, not from the time that its clock had.
#[test]
fn a_release_ends_no_hold_that_stands_behind_it() {
    let chains = classes(Some(emitter_key));
    let chain_uid = Record::check_text(&chains[1][0]).unwrap().chain_uid;
    let hold = Control::Hold {
        hold: "case-7".to_owned(),
        targets: Vec::new(),
        standing: Vec::new(),
        grounds: BTreeMap::new(),
    };
    let release = Control::Release {
        hold: "case-7".to_owned(),
        grounds: BTreeMap::new(),
    };
    let target = Target {
        chain_uid,
        ranges: vec![Range(1, 1)],
    };
    let erasure = Control::Erasure {
        targets: vec![target],
        groups: Vec::new(),
        grounds: BTreeMap::new(),
    };
    let at = |after_ms: u64| 1_850_000_000_000 + after_ms;
    let held = [
        (at(0), hold.clone()),
        (at(5_000), release.clone()),
        (at(1_000), hold.clone()),
    ];
    let erased = (at(9_000), erasure.clone());
    let in_one = ledger(0xd0, &[&held[..], std::slice::from_ref(&erased)].concat());
    let in_two = [ledger(0xd0, &held), ledger(0xd1, &[erased])].concat();
    for orders in [in_one, in_two] {
        let lines = [chains.concat(), orders].concat();
        let verdict = verify(&lines, &keyring(), &later());
        let found = verdict.issues.iter().find(|i| i.kind == Kind::HoldBroken);
        let found = found.unwrap_or_else(|| panic!("{:#?}", verdict.issues));
        assert!(found.message.contains("case-7"), "{}", found.message);
    }
    // After the release nothing is held, though the hold has the later time.
    let released = [
        (at(5_000), hold),
        (at(1_000), release),
        (at(2_000), erasure),
    ];
    let lines = [chains.concat(), ledger(0xd0, &released)].concat();
    let verdict = verify(&lines, &keyring(), &later());
    let is_broken = |i: &Issue| i.kind == Kind::HoldBroken;
    assert!(
        !verdict.issues.iter().any(is_broken),
        "{:#?}",
        verdict.issues
    );
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
fn the_published_vectors_are_judged_alike() {
    let text = include_str!("../../audit/vectors/chains.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut keyring = Keyring::default();
    for id in ["edge-1", "edge-2"] {
        let key = vectors["keys"][id]["public_key"].as_str().unwrap();
        let key = audit::keys::PublicKey::from_hex(key).unwrap();
        keyring.add(Some(id.to_owned()), Entry::always(key, Role::Emitter));
    }
    for case in vectors["cases"].as_array().unwrap() {
        let lines = case["lines"].as_array().unwrap().iter();
        let lines: Vec<String> = lines
            .map(|line| line.as_str().unwrap().to_owned())
            .collect();
        let verdict = verify(&lines, &keyring, &later());
        let name = case["name"].as_str().unwrap();
        for (kind, wanted) in [
            (Kind::ChainRemoved, "a whole chain was taken away"),
            (
                Kind::EndRemoved,
                "the end of a chain was cut off that signed records beside it name",
            ),
            (Kind::KeyChanged, "a chain goes on with another key"),
            (
                Kind::Fork,
                "a chain has another record than the one that signed records beside it name",
            ),
        ] {
            assert_eq!(
                verdict.issue_counts.contains_key(&kind),
                name == wanted,
                "{name}: {:#?}",
                verdict.issues
            );
        }
    }
}

/// An emitter with two classes that is killed. Each round, the classes write some records and the
/// second signs; answers the lines of both chains, and when each round ended.
fn killed_emitter(rounds: u64) -> (Vec<String>, Vec<String>, u64) {
    let mut chains: Vec<Emitter> = [(1, "default"), (2, "hipaa")]
        .map(|(seed, class)| Emitter::new(seed, class, Some(emitter_key())))
        .into();
    let mut first = vec![chains[0].open(None).text];
    let mut second = vec![chains[1].open(None).text];
    for _ in 0..rounds {
        for chain in &mut chains {
            chain.time_ms = chain.time_ms.saturating_add(1_000);
        }
        first.extend([chains[0].some_request().text, chains[0].some_request().text]);
        second.push(chains[1].some_request().text);
        tell_peers(&mut chains);
        first.push(chains[0].checkpoint().text);
        second.push(chains[1].checkpoint().text);
    }
    (first, second, chains[1].time_ms)
}

#[test]
fn what_a_killed_emitter_did_not_deliver_is_no_theft() {
    let (first, second, _) = killed_emitter(5);
    // The last batch of one class did not arrive.
    let arrived = &first[..first.len() - 3];
    let verdict = verify(&[arrived, &second].concat(), &keyring(), &later());
    assert_finds(
        &verdict,
        2,
        Kind::Undelivered,
        "may never have been delivered",
    );
    assert_eq!(verdict.issue_counts.get(&Kind::EndRemoved), None);
    assert_eq!(
        (verdict.records.undelivered, verdict.records.missing),
        (2, 0)
    );
    // The chain that had just begun.
    let (first, second, _) = killed_emitter(1);
    assert!(!first.is_empty());
    let verdict = verify(&second, &keyring(), &later());
    assert_finds(
        &verdict,
        2,
        Kind::Undelivered,
        "may never have been delivered",
    );
}

#[test]
fn what_was_named_long_before_the_emitter_was_killed_was_taken_away() {
    // The emitter lived for two minutes more and would have delivered it first.
    let (first, second, _) = killed_emitter(120);
    let verdict = verify(&[&first[..4], &second].concat(), &keyring(), &later());
    assert_finds(&verdict, 1, Kind::EndRemoved, "the end of a chain");
    let verdict = verify(&second, &keyring(), &later());
    assert_finds(&verdict, 1, Kind::ChainRemoved, "a whole chain");
    // A hole is a hole.
    let hole = [&first[..4], &first[first.len() - 3..], &second].concat();
    let verdict = verify(&hole, &keyring(), &later());
    assert_finds(&verdict, 1, Kind::Missing, "are missing");
}

#[test]
fn an_emitter_that_closed_its_chains_has_delivered() {
    let mut chains: Vec<Emitter> = [(1, "default"), (2, "hipaa")]
        .map(|(seed, class)| Emitter::new(seed, class, Some(emitter_key())))
        .into();
    let mut first = vec![chains[0].open(None).text];
    let mut second = vec![chains[1].open(None).text];
    first.push(chains[0].some_request().text);
    tell_peers(&mut chains);
    second.push(chains[1].close().text);
    let verdict = verify(&[&first[..1], &second].concat(), &keyring(), &later());
    assert_finds(&verdict, 1, Kind::EndRemoved, "the end of a chain");
}

#[test]
fn an_emitter_that_lives_would_have_delivered() {
    let (first, second, last_ms) = killed_emitter(300);
    let alive = Question {
        at_ms: last_ms + 30_000,
        ..Question::default()
    };
    let verdict = verify(&[&first[..4], &second].concat(), &keyring(), &alive);
    assert_finds(&verdict, 1, Kind::EndRemoved, "the end of a chain");
}
