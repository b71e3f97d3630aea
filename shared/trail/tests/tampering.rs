//! Whatever is done to a trail, `verify` tells.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

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
use trail::synthetic::{Emitter, Random, emitter_key, operator_key};
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
    let key = operator_key();
    let mut chain = Chain::new([0xd0; 16]);
    let open = Control::Open {
        emitter: "ledger".to_owned(),
        node: None,
        config_sha256: Hash::NONE,
        heartbeat_ms: 0,
        predecessor: None,
        peers: audit::Peers::default(),
    };
    let all = std::iter::once(&open).chain(entries);
    all.zip(0..)
        .map(|(control, number)| {
            let event = Event {
                control,
                time_ms: 1_850_000_000_000 + number,
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

#[test]
fn what_an_operator_takes_away_is_not_missing() {
    let lines = chain(7, 12);
    let mut left = lines.clone();
    let removed = left.remove(4);
    let with = |entries: &[Control], lines: &[String]| {
        verify(joined(&[ledger(entries), lines.to_vec()].concat()))
    };
    let verdict = with(&[tombstone(&removed)], &left);
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    assert_eq!(
        (verdict.records.seen.removed, verdict.records.missing),
        (1, 0)
    );
    // The order of files does not matter.
    let verdict = verify(joined(
        &[left.clone(), ledger(&[tombstone(&removed)])].concat(),
    ));
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    assert_has(&with(&[tombstone(&removed)], &lines), 2, Kind::StillThere);
    // The emitter's key is not an operator's.
    let key = emitter_key();
    let mut chain = Chain::new([1; 16]);
    let event = Event {
        control: &tombstone(&removed),
        time_ms: 1,
        class: "x",
        product: "x",
        product_version: "0",
    };
    let forged = chain.add_event(&event, Some(&key)).text;
    assert_has(
        &verify(joined(&[vec![forged], left].concat())),
        1,
        Kind::WrongRole,
    );
}

#[test]
fn what_an_operator_erases_is_not_changed() {
    let mut lines = chain(8, 12);
    let groups = [Group::Subject, Group::Url];
    let order = erasure(&lines[3], &groups);
    let whole = lines.clone();
    lines[3] = erased(&lines[3], &groups);
    let with = |entries: &[Control], lines: &[String]| {
        verify(joined(&[ledger(entries), lines.to_vec()].concat()))
    };
    let verdict = with(std::slice::from_ref(&order), &lines);
    assert_eq!(
        (verdict.exit_code, verdict.records.seen.erased),
        (0, 1),
        "{:#?}",
        verdict.issues
    );
    assert_has(&with(&[], &lines), 1, Kind::ErasedWithoutOrder);
    assert_has(
        &with(&[erasure(&whole[3], &[Group::Url])], &lines),
        1,
        Kind::ErasedWithoutOrder,
    );
    assert_has(
        &with(std::slice::from_ref(&order), &whole),
        2,
        Kind::StillThere,
    );
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
    assert_has(
        &with(&[hold.clone(), order.clone()], &lines),
        1,
        Kind::HoldBroken,
    );
    assert_eq!(with(&[hold, release, order], &lines).exit_code, 0);
}

#[test]
fn what_was_purged_has_expired() {
    let lines = chain(9, 20);
    let at = (0..lines.len())
        .filter(|at| lines[*at].contains("\"checkpoint\""))
        .nth(1)
        .unwrap();
    let record = Record::check_text(&lines[at]).unwrap();
    let purge = |fingerprint| Control::Purge {
        chain_uid: record.chain_uid.clone(),
        checkpoint: record.sequence,
        fingerprint,
        grounds: BTreeMap::from([("heartbeat_ms".to_owned(), "60000".to_owned())]),
    };
    let with = |entries: &[Control], lines: &[String]| {
        verify(joined(&[ledger(entries), lines.to_vec()].concat()))
    };
    let verdict = with(&[purge(record.fingerprint)], &lines[at..]);
    assert_eq!(
        (verdict.exit_code, verdict.records.expired),
        (0, record.sequence),
        "{:#?}",
        verdict.issues
    );
    assert_has(&with(&[], &lines[at..]), 1, Kind::Missing);
    assert_has(
        &with(&[purge(Hash::NONE)], &lines[at..]),
        1,
        Kind::ForgedStatement,
    );
    assert_has(
        &with(&[purge(record.fingerprint)], &lines[at + 1..]),
        1,
        Kind::Missing,
    );
    assert_has(
        &with(&[purge(record.fingerprint)], &lines),
        2,
        Kind::StillThere,
    );
}

#[test]
fn declared_gaps_are_apart_from_others() {
    let mut emitter = Emitter::new(4, "hipaa", Some(emitter_key()));
    let mut lines = vec![emitter.open(None).text];
    lines.extend((0..3).map(|_| emitter.some_request().text));
    lines.push(emitter.checkpoint().text);
    let spilled: Vec<String> = (0..4).map(|_| emitter.some_request().text).collect();
    lines.push(emitter.some_request().text);
    lines.push(emitter.gap(vec![Range(5, 8)], Some("host_log")).text);
    lines.push(emitter.checkpoint().text);
    lines.push(emitter.close().text);
    let verdict = verify(joined(&lines));
    assert_has(&verdict, 2, Kind::DeclaredGap);
    assert_eq!((verdict.records.declared, verdict.records.missing), (4, 0));
    assert_eq!(
        (
            verdict.declared_gaps[0].requests,
            verdict.declared_gaps[0].absent
        ),
        (4, 4)
    );
    // With the log of the proxy nothing is missing.
    let log: Vec<String> = spilled
        .iter()
        .map(|line| {
            let logged = audit::log_line::whole(line, None);
            format!("[2026-11-24][7][critical] wasm log: {logged}")
        })
        .collect();
    let verdict = verify(joined(&[lines.clone(), log].concat()));
    assert_eq!(
        (verdict.exit_code, verdict.records.declared),
        (0, 0),
        "{:#?}",
        verdict.issues
    );
    // A gap that nobody vouches for explains nothing.
    lines.truncate(lines.len() - 2);
    let verdict = verify(joined(&lines));
    assert_has(&verdict, 1, Kind::Missing);
}

/// Whoever has the key could state anything: what a signed record states is compared with the chain.
#[test]
fn signed_records_state_what_is_so() {
    // Three requests, then what the last signed record says of itself and of those before it.
    let with = |change: &dyn Fn(&mut audit::Statement)| {
        let mut emitter = Emitter::new(21, "hipaa", Some(emitter_key()));
        let mut lines = vec![emitter.open(None).text];
        lines.extend((0..2).map(|_| emitter.some_request().text));
        lines.push(emitter.checkpoint().text);
        lines.push(emitter.some_request().text);
        let mut statement = audit::Statement {
            records: 3,
            previous_checkpoint: 3,
            ..audit::Statement::default()
        };
        change(&mut statement);
        let close = Control::Close {
            statement,
            reason: "shutdown".to_owned(),
        };
        lines.push(emitter.control(&close, true).text);
        lines
    };
    for order in [false, true] {
        let verified = |change: &dyn Fn(&mut audit::Statement)| {
            let mut lines = with(change);
            if order {
                lines.reverse();
            }
            verify(joined(&lines))
        };
        let verdict = verified(&|_| ());
        assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
        assert_has(&verified(&|s| s.records = 2), 1, Kind::Contradiction);
        assert_has(&verified(&|s| s.records = 4), 1, Kind::Contradiction);
        assert_has(
            &verified(&|s| s.previous_checkpoint = 0),
            1,
            Kind::Contradiction,
        );
    }
    // In the first statement of a chain.
    let mut emitter = Emitter::new(22, "hipaa", Some(emitter_key()));
    let mut lines = vec![emitter.open(None).text, emitter.some_request().text];
    let statement = audit::Statement {
        records: 2,
        ..audit::Statement::default()
    };
    lines.push(emitter.control(&Control::Checkpoint(statement), true).text);
    lines.push(emitter.close().text);
    assert_has(&verify(joined(&lines)), 1, Kind::Contradiction);
    // A gap declares what no statement has lost.
    let mut emitter = Emitter::new(23, "hipaa", Some(emitter_key()));
    let mut lines = vec![emitter.open(None).text];
    lines.push(
        emitter
            .control(
                &Control::Gap(audit::Lost {
                    reason: "queue_full".to_owned(),
                    count: 3,
                    ..audit::Lost::default()
                }),
                false,
            )
            .text,
    );
    lines.push(emitter.close().text);
    assert_has(&verify(joined(&lines)), 1, Kind::Contradiction);
}

#[test]
fn a_chain_has_one_retention_class() {
    let mut emitter = Emitter::new(24, "hipaa", Some(emitter_key()));
    let mut lines = vec![emitter.open(None).text, emitter.some_request().text];
    emitter.class = "default".to_owned();
    lines.push(emitter.some_request().text);
    emitter.class = "hipaa".to_owned();
    lines.push(emitter.close().text);
    assert_has(&verify(joined(&lines)), 1, Kind::ClassChanged);
}

#[test]
fn ends_and_silences() {
    let mut first = Emitter::new(4, "hipaa", Some(emitter_key()));
    let mut lines = vec![first.open(None).text, first.some_request().text];
    lines.push(first.checkpoint().text);
    let at = |lines: &[String], at_ms| {
        verify_with(
            joined(lines),
            &keyring(),
            &Question {
                at_ms,
                ..Question::default()
            },
        )
    };
    assert_eq!(at(&lines, first.time_ms + 60_000).exit_code, 0, "alive");
    assert_has(&at(&lines, first.time_ms + 130_000), 2, Kind::OpenEnd);
    // Another goes on from it.
    let mut second = Emitter::new(5, "hipaa", Some(emitter_key()));
    let next = [second.open(first.head()).text, second.close().text];
    let both = [lines.clone(), next.to_vec()].concat();
    assert_eq!(at(&both, NOW_MS).exit_code, 0);
    assert_has(&at(&next, NOW_MS), 2, Kind::AbsentChain);
    // The end of the first was cut off: the second knows better.
    let cut = [lines[..2].to_vec(), next.to_vec()].concat();
    assert_has(&at(&cut, NOW_MS), 1, Kind::Missing);
    // Silence, and a clock that went back.
    first.time_ms += 200_000;
    lines.push(first.checkpoint().text);
    first.time_ms -= 100_000;
    lines.push(first.close().text);
    let verdict = at(&lines, NOW_MS);
    assert_has(&verdict, 2, Kind::Silence);
    assert!(verdict.issue_counts.contains_key(&Kind::ClockStep));
    let mut sampling = Emitter::new(6, "hipaa", Some(emitter_key()));
    let statement = audit::Statement {
        sampled_out: 7,
        ..audit::Statement::default()
    };
    let close = Control::Close {
        statement,
        reason: "shutdown".to_owned(),
    };
    let sampled = [
        sampling.open(None).text,
        sampling.control(&close, true).text,
    ];
    assert_eq!(at(&sampled, NOW_MS).records.sampled_out, 7);
    // A witness knows of an end that was cut off.
    let record = Record::check_text(&lines[3]).unwrap();
    let uid: [u8; 16] = std::array::from_fn(|at| {
        u8::from_str_radix(&record.chain_uid[2 * at..2 * at + 2], 16).unwrap()
    });
    let question = Question {
        at_ms: first.time_ms,
        witness: BTreeMap::from([((uid, 3), record.fingerprint)]),
        ..Question::default()
    };
    assert_has(
        &verify_with(joined(&lines[..3]), &keyring(), &question),
        1,
        Kind::Missing,
    );
}

#[test]
fn keys_count() {
    let lines = chain(11, 6);
    let nobody = verify_with(joined(&lines), &Keyring::default(), &Question::default());
    assert_has(&nobody, 2, Kind::UnknownKey);
    assert_eq!(nobody.records.uncovered, lines.len() as u64);
    let mut wrong = Keyring::default();
    wrong.add(
        Some("edge-2026".to_owned()),
        Entry::always(operator_key().public(), Role::Emitter),
    );
    assert_has(
        &verify_with(joined(&lines), &wrong, &Question::default()),
        1,
        Kind::WrongSignature,
    );
    let mut old = Keyring::default();
    let not_after_ms = 1_700_000_000_000;
    let entry = Entry {
        not_after_ms,
        ..Entry::always(emitter_key().public(), Role::Emitter)
    };
    old.add(Some("edge-2026".to_owned()), entry);
    assert_has(
        &verify_with(joined(&lines), &old, &Question::default()),
        1,
        Kind::KeyOutOfTime,
    );
    let mut unsigned = Emitter::new(4, "hipaa", None);
    let lines = [
        unsigned.open(None).text,
        unsigned.some_request().text,
        unsigned.close().text,
    ];
    assert_has(&verify(joined(&lines)), 1, Kind::Unvouched);
    let nobody = verify_with(joined(&lines), &Keyring::default(), &Question::default());
    assert_has(&nobody, 2, Kind::Unsigned);
}

#[test]
fn bad_input_keeps_what_can_be_read() {
    let lines = chain(12, 8);
    let all = lines.len() as u64;
    let text = joined(&lines);
    // The last line is cut off.
    let verdict = verify(&text.as_bytes()[..text.len() - 20]);
    assert_has(&verdict, 2, Kind::CutOff);
    assert_eq!(verdict.records.seen.valid, all - 1);
    // A line that is none, in the middle.
    let verdict = verify([text.as_bytes(), b"nonsense\n\xff\xfe\n{\"a\":1}\n"].concat());
    assert_eq!(verdict.records.invalid, 3);
    assert_eq!((verdict.exit_code, verdict.records.seen.valid), (1, all));
    // Of a later version.
    let newer = lines[1].replace("\"version\":1}", "\"version\":2}");
    let verdict = verify(format!("{text}{newer}\n"));
    assert_has(&verdict, 2, Kind::NewerVersion);
    assert!(
        verdict.issues[0]
            .message
            .contains("format version 2 is newer")
    );
    // Nothing at all.
    assert_has(&verify(""), 2, Kind::Empty);
    // The same batch twice.
    let verdict = verify(format!("{text}{text}"));
    assert_eq!(
        (verdict.exit_code, verdict.records.seen.duplicates),
        (0, all)
    );
    // Two records with one place.
    let mut other = Emitter::new(12, "other", Some(emitter_key()));
    let fork = [other.open(None).text, other.some_request().text];
    assert_has(&verify(format!("{text}{}", joined(&fork))), 1, Kind::Fork);
    // In CloudEvents, spelled by somebody else.
    let events: Vec<String> = lines
        .iter()
        .map(|line| format!("{{ \"data\" : {} }}", line.replace(":{", ": {")))
        .collect();
    let batch = format!("[{}]\n", events.join(",")).replace("[{ ", "[{");
    let verdict = verify(batch);
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
}

fn verify_within(text: String, limits: Limits) -> Verdict {
    let keyring = keyring();
    let reading = Reading {
        keyring: &keyring,
        now_ms: NOW_MS,
        threads: 2,
        limits,
    };
    let source = Source::reading(Box::new(Cursor::new(text.into_bytes())));
    let names = ["test".to_owned()];
    let (trail, _) = reading.read_source(Trail::new(limits), source, &names, || (), &|_| ());
    let question = Question {
        at_ms: NOW_MS,
        ..Question::default()
    };
    conclude(trail, &question)
}

/// Memory ends before the trail does: what could not be done is said, and nothing passes.
#[test]
fn limits_are_kept_and_said() {
    let lines = chain(13, 2_500);
    let small = Limits {
        seen: 1_100,
        segments: 100,
        loose_bytes: 1 << 20,
    };
    let verdict = verify_within(joined(&lines), small);
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
    // Long ago.
    let verdict = verify_within(
        joined(&[lines.clone(), lines[3..4].to_vec()].concat()),
        small,
    );
    assert_has(&verdict, 2, Kind::NotCompared);
    // Just now.
    let last = lines[lines.len() - 1..].to_vec();
    let verdict = verify_within(joined(&[lines.clone(), last].concat()), small);
    assert_eq!((verdict.exit_code, verdict.records.seen.duplicates), (0, 1));
    // Every other record is missing.
    let holes: Vec<String> = lines.into_iter().step_by(2).collect();
    let verdict = verify_within(joined(&holes), small);
    assert_has(&verdict, 1, Kind::TooManyHoles);
}
