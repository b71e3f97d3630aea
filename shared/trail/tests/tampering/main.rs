//! Whatever is done to a trail, `verify` tells.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod keys;
mod ledgers;
mod operators;
mod reading;
mod statements;

use std::collections::BTreeMap;
use std::io::Cursor;

use audit::record::Record;
use audit::{Chain, Control, Event, Group, Hash, Range, Target, canonical};
use policy::json::Json;
use proptest::prelude::*;
use trail::chains::{Limits, Trail};
use trail::issue::Kind;
use trail::item::Checker;
use trail::keyring::{Entry, Keyring, Role};
use trail::pipeline::Reading;
use trail::source::Source;
use trail::synthetic::{Emitter, Random, Request, emitter_key, operator_key};
use trail::verdict::{Question, Verdict, conclude};

fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    let entry = |key: &audit::keys::SigningKey, role| Entry::always(key.public(), role);
    keyring.add(
        Some(emitter_key().id().to_owned()),
        entry(&emitter_key(), Role::Emitter),
    );
    keyring.add(
        Some(operator_key().id().to_owned()),
        entry(&operator_key(), Role::Operator),
    );
    keyring
}

fn verify(text: impl Into<Vec<u8>>) -> Verdict {
    verify_with(text, &keyring(), &Question::default())
}

fn verify_with(text: impl Into<Vec<u8>>, keyring: &Keyring, question: &Question) -> Verdict {
    let mut question = question.clone();
    if question.at_ms == 0 {
        question.at_ms = NOW_MS;
    }
    let reading = Reading {
        keyring,
        now_ms: question.at_ms,
        threads: 1,
        limits: Limits::default(),
    };
    let source = Source::reading(Box::new(Cursor::new(text.into())));
    let trail = Trail::new(Limits::default());
    let (trail, _) = reading.read_source(trail, source, &["test".to_owned()], || (), &|_| ());
    conclude(trail, &question)
}

/// Long after all of it.
const NOW_MS: u64 = 1_900_000_000_000;

/// The lines of a chain that is whole: opened, `requests` records with a checkpoint after every
/// five, closed.
fn chain(seed: u64, requests: usize) -> Vec<String> {
    let mut emitter = Emitter::new(seed, "hipaa", Some(emitter_key()));
    emitter.keep_ms = Some(1_000);
    let mut lines = vec![emitter.open(None).text];
    for number in 1..=requests {
        lines.push(emitter.some_request().text);
        if number % 5 == 0 {
            lines.push(emitter.checkpoint().text);
        }
    }
    lines.push(emitter.close().text);
    lines
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The ledger of an operator with these entries.
fn ledger(entries: &[Control]) -> Vec<String> {
    ledger_at(entries, 1_850_000_000_000)
}

fn ledger_at(entries: &[Control], time_ms: u64) -> Vec<String> {
    ledger_of(0xd0, entries, time_ms)
}

fn ledger_of(uid: u8, entries: &[Control], time_ms: u64) -> Vec<String> {
    let key = operator_key();
    let mut chain = Chain::new([uid; 16]);
    let open = Control::Open {
        emitter: "ledger".to_owned(),
        node: None,
        config_sha256: Hash::NONE,
        heartbeat_ms: 0,
        predecessor: None,
        pseudonym_key: String::new(),
        peers: audit::Peers::default(),
    };
    let all = std::iter::once(&open).chain(entries);
    all.zip(0..)
        .map(|(control, number)| {
            let event = Event {
                control,
                time_ms: time_ms + number,
                class: "ledger",
                product: "meshward",
                product_version: "0",
            };
            chain.add_event(&event, Some(&key)).text
        })
        .collect()
}

fn tombstone(line: &str) -> Control {
    let record = Record::check_text(line).unwrap();
    Control::Tombstone {
        chain_uid: record.chain_uid,
        sequence: record.sequence,
        previous: record.previous,
        core: record.core,
        grounds: BTreeMap::new(),
    }
}

fn release() -> Control {
    Control::Release {
        hold: "case-7".to_owned(),
        grounds: BTreeMap::new(),
    }
}

/// A hold on everything, or on what selectors say.
fn hold(standing: Vec<audit::Selector>) -> Control {
    Control::Hold {
        hold: "case-7".to_owned(),
        targets: Vec::new(),
        standing,
        grounds: BTreeMap::new(),
    }
}

fn erased(line: &str, groups: &[Group]) -> String {
    let mut json = Json::parse(line.as_bytes()).unwrap();
    for group in groups {
        group.erase(&mut json);
    }
    canonical::to_string(&json)
}

fn erasure(line: &str, groups: &[Group]) -> Control {
    let record = Record::check_text(line).unwrap();
    Control::Erasure {
        targets: vec![Target {
            chain_uid: record.chain_uid,
            ranges: vec![Range(record.sequence, record.sequence)],
        }],
        groups: groups.iter().map(|group| group.name().to_owned()).collect(),
        grounds: BTreeMap::new(),
    }
}

fn assert_has(verdict: &Verdict, exit_code: u8, kind: Kind) {
    let found = verdict.issue_counts.contains_key(&kind);
    assert!(
        verdict.exit_code == exit_code && found,
        "expected {exit_code} and {kind:?}: {:#?}",
        verdict.issues
    );
}

#[test]
fn what_was_not_touched_is_clean() {
    for requests in [0, 1, 5, 23] {
        let lines = [chain(1, requests), chain(2, requests)].concat();
        let verdict = verify(joined(&lines));
        assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
        let records = &verdict.records;
        assert_eq!(records.seen.valid, lines.len() as u64);
        assert_eq!(records.seen.requests, 2 * requests as u64);
        assert_eq!(
            (records.missing, records.uncovered, records.invalid),
            (0, 0, 0)
        );
        assert_eq!(verdict.chain_count, 2);
    }
}

#[test]
fn every_byte_of_a_small_trail_counts() {
    let text = joined(&chain(3, 1)).into_bytes();
    for position in 0..text.len() {
        for change in [1_u8, 0x20] {
            let mut changed = text.clone();
            changed[position] ^= change;
            let verdict = verify(changed);
            assert_ne!(verdict.exit_code, 0, "byte {position} xor {change}");
        }
    }
}

#[test]
fn every_truncation_of_a_small_trail_counts() {
    let text = joined(&chain(3, 1)).into_bytes();
    // Without the last line feed the last record is still there.
    for length in 0..text.len() - 1 {
        assert_ne!(verify(&text[..length]).exit_code, 0, "{length} bytes");
    }
    assert_eq!(verify(&text[..text.len() - 1]).exit_code, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_byte(seed in any::<u64>(), requests in 1_usize..12, position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = joined(&chain(seed, requests)).into_bytes();
        let position = position.index(text.len());
        prop_assume!(text[position] != byte);
        text[position] = byte;
        let verdict = verify(text);
        prop_assert_ne!(verdict.exit_code, 0);
    }

    #[test]
    fn any_deletion(seed in any::<u64>(), requests in 1_usize..24, from in any::<prop::sample::Index>(), count in 1_usize..6) {
        let mut lines = chain(seed, requests);
        let from = from.index(lines.len());
        let to = (from + count).min(lines.len());
        let all = lines.len();
        let removed = lines.drain(from..to).count();
        let verdict = verify(joined(&lines));
        prop_assert_ne!(verdict.exit_code, 0);
        // In the middle it is known what is missing; at the end only that there was no end.
        if from > 0 && to < all {
            prop_assert_eq!(verdict.records.missing, removed as u64);
            prop_assert_eq!(verdict.exit_code, 1);
        }
    }

    /// A store may keep records in any order: what counts is the one that they say.
    #[test]
    fn the_order_of_lines_says_nothing(seed in any::<u64>(), requests in 1_usize..24, swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..30), again in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let mut lines = [chain(seed, requests), chain(seed ^ 1, 3)].concat();
        let count = lines.len() as u64;
        for index in &again {
            let line = lines[index.index(lines.len())].clone();
            lines.push(line);
        }
        for (one, other) in swaps {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
        }
        let verdict = verify(joined(&lines));
        prop_assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
        prop_assert_eq!(verdict.records.seen.valid, count);
        prop_assert_eq!(verdict.records.seen.duplicates, again.len() as u64);
    }

    /// Records that were given other numbers, or another chain, by somebody without the key, who
    /// has made all hashes anew.
    #[test]
    fn any_reordering_and_splice(seed in any::<u64>(), one in 1_usize..10, other in 1_usize..10, splice in any::<bool>()) {
        let lines = chain(seed, 10);
        let foreign = chain(seed ^ 0x55, 10);
        let record = Record::check_text(&lines[one]).unwrap();
        let source = if splice { &foreign[other] } else { &lines[other] };
        prop_assume!(splice || one != other);
        let forged = renumbered(source, &record.chain_uid, record.sequence, record.previous);
        prop_assume!(forged.is_some());
        let mut changed = lines.clone();
        changed[one] = forged.unwrap();
        let verdict = verify(joined(&changed));
        prop_assert_eq!(verdict.exit_code, 1, "{:#?}", verdict.issues);
    }

    /// All after some point is another history with the same beginning, as whoever has the store
    /// and not the key could write it.
    #[test]
    fn a_rewritten_end(seed in any::<u64>(), keep in 1_usize..10) {
        let lines = chain(seed, 10);
        let record = Record::check_text(&lines[keep]).unwrap();
        let uid: [u8; 16] = std::array::from_fn(|at| u8::from_str_radix(&record.chain_uid[2 * at..2 * at + 2], 16).unwrap());
        let mut chain = Chain::after(uid, record.sequence + 1, record.fingerprint);
        let mut changed = lines[..=keep].to_vec();
        for (number, control) in [Control::Checkpoint(audit::Statement::default()), Control::Close { statement: audit::Statement::default(), reason: "shutdown".to_owned() }].iter().enumerate() {
            let key = audit::keys::SigningKey::from_seed(Some("edge-2026"), &[8; 32]);
            let event = Event { control, time_ms: 1_800_000_001_000 + number as u64, class: "hipaa", product: "audit-emitter", product_version: "0" };
            changed.push(chain.add_event(&event, Some(&key)).text);
        }
        let verdict = verify(joined(&changed));
        assert_has(&verdict, 1, Kind::WrongSignature);
    }

    #[test]
    fn any_forged_tombstone(seed in any::<u64>(), target in 1_usize..12, wrong_core in any::<bool>()) {
        let mut lines = chain(seed, 10);
        let Control::Tombstone { chain_uid, sequence, mut previous, mut core, grounds } = tombstone(&lines[target]) else { panic!() };
        if wrong_core {
            core = Hash::plain(b"another");
        } else {
            previous = Hash::plain(b"another");
        }
        let forged = Control::Tombstone { chain_uid, sequence, previous, core, grounds };
        lines.remove(target);
        let verdict = verify(joined(&[ledger(&[forged]), lines].concat()));
        prop_assert_eq!(verdict.exit_code, 1);
    }

    /// A checkpoint of another time, or of another chain, in the place of one.
    #[test]
    fn any_replayed_checkpoint(seed in any::<u64>(), foreign in any::<bool>()) {
        let lines = chain(seed, 15);
        let others = chain(seed ^ 9, 15);
        let signed = |lines: &[String]| -> Vec<usize> { (0..lines.len()).filter(|at| lines[*at].contains("\"signature\"")).collect() };
        let at = signed(&lines);
        let mut changed = lines.clone();
        changed[at[2]] = if foreign { others[at[2]].clone() } else { lines[at[1]].clone() };
        let verdict = verify(joined(&changed));
        prop_assert_eq!(verdict.exit_code, 1);
        // As it is, it is a repetition, and counted as one.
        let mut repeated = lines.clone();
        repeated.push(lines[at[1]].clone());
        let verdict = verify(joined(&repeated));
        prop_assert_eq!((verdict.exit_code, verdict.records.seen.duplicates), (0, 1));
    }

    /// The fast check never accepts what the simple one refuses, and reads the same.
    #[test]
    fn two_checks_agree(seed in any::<u64>(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..14), 0..3)) {
        let keyring = Keyring::default();
        let mut checker = Checker::new(&keyring);
        let mut emitter = Emitter::new(seed, "hipaa", None);
        emitter.keep_ms = Some(Random(seed).number() % 1_000_000);
        emitter.open(None);
        let mut text = emitter.some_request().text;
        prop_assert!(checker.check_fast(&text).is_some());
        let pieces = ["", "x", "\"", ",", "\\u0041", "\\u001f", "é", "1", "0", "{}", "null", "\"a\":1,", " ", "-1.5e3"];
        for (at, length, piece) in edits {
            let at = text.floor_char_boundary(at.index(text.len()));
            let end = text.floor_char_boundary((at + length.index(12)).min(text.len()));
            text.replace_range(at..end.max(at), pieces[piece]);
        }
        let simple = Record::check_text(&text);
        if let Some((item, _)) = checker.check_fast(&text) {
            let record = simple.as_ref().unwrap();
            prop_assert_eq!(item.fingerprint, record.fingerprint);
            prop_assert_eq!(item.expires_ms, record.expires_ms);
        }
        // Another spelling of the same is no fault; all else is one for both.
        let checked = checker.check(text.as_str().into());
        if let (Ok(checked), Err(_)) = (&checked, &simple) {
            prop_assert!(checked.is_reserialised);
            prop_assert_eq!(checked.item.fingerprint, Record::check_text(&checked.text).unwrap().fingerprint);
        }
        prop_assert!(checked.is_ok() || simple.is_err());
    }

    #[test]
    fn two_checks_agree_on_what_is_erased(seed in any::<u64>(), groups in prop::sample::subsequence(Group::ALL.to_vec(), 0..5), edit in any::<prop::sample::Index>()) {
        let keyring = Keyring::default();
        let mut checker = Checker::new(&keyring);
        let mut emitter = Emitter::new(seed, "hipaa", None);
        emitter.open(None);
        let text = erased(&emitter.some_request().text, &groups);
        let (item, _) = checker.check_fast(&text).unwrap();
        let record = Record::check_text(&text).unwrap();
        prop_assert_eq!(item.erased.iter().collect::<Vec<_>>(), record.erased);
        let mut changed = text.into_bytes();
        let at = edit.index(changed.len());
        changed[at] ^= 1;
        if let Ok(changed) = String::from_utf8(changed) {
            prop_assert!(checker.check_fast(&changed).is_none());
        }
    }

    /// Whatever is in a file, it is read to its end and nothing passes for clean.
    #[test]
    fn any_file(pieces in prop::collection::vec(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        "[\\x20-\\x7e]{0,40}".prop_map(String::into_bytes),
        Just(b"\n".to_vec()),
        Just(b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"".to_vec()),
        Just(b"\"}}]}]}]}\n".to_vec()),
        Just(b"[{\"data\":{\"metadata\":{\"uid\":\"x\"},".to_vec()),
        Just(b"x [meshward-audit/1 - 7] {\"a\":".to_vec()),
        Just(b"x [meshward-audit/1 - 1 ab:1 1/2] {\n".to_vec()),
        (any::<u64>(), 0_usize..3).prop_map(|(seed, at)| chain(seed % 3, 1)[at].clone().into_bytes()),
    ], 0..12)) {
        let text = pieces.concat();
        let verdict = verify(text);
        prop_assert!(!verdict.issue_counts.contains_key(&Kind::Unreadable), "{:#?}", verdict.issues);
    }

    /// Numbers and strings in all spellings, in a place that both read.
    #[test]
    fn two_checks_agree_on_spelling(value in "(-?[0-9]{1,18}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?|\"([ -~é\u{7f}\u{2028}]|\\\\[\"\\\\/bfnrtu]|\\\\u00[0-9a-fA-F]{2}){0,6}\"|true|nul|\\[[0-9, ]{0,4}\\]|\\{\"[a-c]\":1(,\"[a-c]\":2)?\\})") {
        let text = with_member("extra", &value);
        let simple = Json::parse(text.as_bytes()).is_ok_and(|json| canonical::to_string(&json) == text);
        if trail::scan::scan(&text).is_some() {
            prop_assert!(simple, "{}", text);
        }
    }
}

/// A document with one member of this spelling, in the middle of others.
fn with_member(name: &str, value: &str) -> String {
    format!(r#"{{"a":1,"{name}":{value},"zone":"x"}}"#)
}

/// A record with another place in a chain, and all hashes made anew; `None` for signed ones, which
/// cannot be forged like that.
fn renumbered(line: &str, chain_uid: &str, sequence: u64, previous: Hash) -> Option<String> {
    let record = Record::check_text(line).ok()?;
    if record.signature.is_some() {
        return None;
    }
    let old = format!(
        "\"sequence\":{},\"uid\":\"{}:{}\"",
        record.sequence, record.chain_uid, record.sequence
    );
    let new = format!("\"sequence\":{sequence},\"uid\":\"{chain_uid}:{sequence}\"");
    let text = line
        .replace(&old, &new)
        .replace(
            &format!("\"chain_uid\":\"{}\"", record.chain_uid),
            &format!("\"chain_uid\":\"{chain_uid}\""),
        )
        .replace(&record.previous.to_hex(), &previous.to_hex());
    // Its core, as a fresh chain would hash it: by trying the hash that `check` wants.
    let json = Json::parse(text.as_bytes()).unwrap();
    let mut core = json;
    remove_all(&mut core);
    let core = Hash::core(&canonical::to_string(&core));
    let uid: [u8; 16] =
        std::array::from_fn(|at| u8::from_str_radix(&chain_uid[2 * at..2 * at + 2], 16).unwrap());
    let fingerprint = Hash::link(&uid, sequence, &previous, &core);
    let member = |hash: Hash| format!("\"fingerprint\":\"{hash}\"");
    let text = text.replace(&member(record.fingerprint), &member(fingerprint));
    assert!(
        Checker::new(&Keyring::default())
            .check(text.as_str().into())
            .is_ok(),
        "a good forgery"
    );
    Some(text)
}

fn remove_all(record: &mut Json) {
    let pointers = Group::ALL.iter().flat_map(|group| group.pointers());
    let own = ["fingerprint", "salts", "signature"];
    let own = own.map(|name| format!("/unmapped/record_integrity/{name}"));
    for pointer in pointers.map(|pointer| (*pointer).to_owned()).chain(own) {
        let names: Vec<&str> = pointer.split('/').skip(1).collect();
        remove(record, &names);
    }
}

fn remove(json: &mut Json, names: &[&str]) {
    let Json::Object(members) = json else { return };
    match names {
        [name] => members.retain(|(member, _)| member != name),
        [name, rest @ ..] => {
            let found = members.iter_mut().find(|(member, _)| member == name);
            if let Some((_, value)) = found {
                remove(value, rest);
            }
        }
        [] => {}
    }
}
