//! What one emitter's key may say of the chains of another: nothing.

use audit::Lost;
use audit::keys::SigningKey;

use super::*;

fn other_key() -> SigningKey {
    SigningKey::from_seed(Some("edge-2"), &[8; 32])
}

/// Both keys, and whether the second has taken the place of the first.
fn both(succeeds: bool) -> Keyring {
    let key = |key: &SigningKey, more: &str| {
        let (id, public) = (key.id(), key.public().to_hex());
        format!(r#"{{"id":"{id}","public_key":"{public}"{more}}}"#)
    };
    let more = format!(r#","succeeds":"{}""#, emitter_key().id());
    let second = key(&other_key(), if succeeds { &more } else { "" });
    let mut keyring = Keyring::default();
    let file = format!(r#"{{"keys":[{},{second}]}}"#, key(&emitter_key(), ""));
    keyring.add_file(&file).unwrap();
    keyring
}

fn judged(lines: &[String], succeeds: bool) -> Verdict {
    verify_with(joined(lines), &both(succeeds), &Question::default())
}

/// A chain of the first emitter, signed to its last record and not closed.
fn begun() -> (Emitter, Vec<String>) {
    let mut emitter = Emitter::new(7, "hipaa", Some(emitter_key()));
    let lines = vec![
        emitter.open(None).text,
        emitter.some_request().text,
        emitter.some_request().text,
        emitter.checkpoint().text,
    ];
    (emitter, lines)
}

#[test]
fn a_chain_has_one_key() {
    let (mut emitter, mut lines) = begun();
    emitter.set_key(other_key());
    lines.push(emitter.some_request().text);
    lines.push(emitter.close().text);
    for succeeds in [false, true] {
        assert_has(&judged(&lines, succeeds), 1, Kind::KeyChanged);
    }
    lines.reverse();
    assert_has(&judged(&lines, false), 1, Kind::KeyChanged);
    // From its first record on.
    let rewritten = [&begun().1[..1], &{
        let (mut emitter, _) = opened();
        emitter.set_key(other_key());
        vec![emitter.some_request().text, emitter.close().text]
    }]
    .concat();
    assert_has(&judged(&rewritten, false), 1, Kind::KeyChanged);
}

fn opened() -> (Emitter, String) {
    let mut emitter = Emitter::new(7, "hipaa", Some(emitter_key()));
    let open = emitter.open(None).text;
    (emitter, open)
}

#[test]
fn a_chain_goes_on_from_one_of_its_key() {
    let (before, mut lines) = begun();
    let mut next = Emitter::new(8, "hipaa", Some(other_key()));
    lines.push(next.open(before.head()).text);
    lines.push(next.close().text);
    let verdict = judged(&lines, false);
    assert_has(&verdict, 1, Kind::KeyChanged);
    assert_has(&verdict, 1, Kind::OpenEnd);
    // A key that is exchanged has its place from the file of keys.
    let verdict = judged(&lines, true);
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
}

#[test]
fn what_is_lost_is_told_by_whoever_has_the_key() {
    let mut lines = chain(7, 12);
    let gone = Record::check_text(&lines.remove(4)).unwrap();
    let mut other = Emitter::new(8, "pci", Some(other_key()));
    lines.push(other.open(None).text);
    let gap = Control::Gap(Lost {
        reason: "rejected".to_owned(),
        count: 1,
        chain_uid: Some(gone.chain_uid.clone()),
        ranges: vec![Range(gone.sequence, gone.sequence)],
        ..Lost::default()
    });
    lines.push(other.control(&gap, true).text);
    lines.push(other.close().text);
    assert_has(&judged(&lines, false), 1, Kind::Missing);
    let verdict = judged(&lines, true);
    assert_eq!(verdict.exit_code, 2, "{:#?}", verdict.issues);
    assert_has(&verdict, 2, Kind::DeclaredGap);
}

/// A key that was retired because it leaked writes no evidence of later days.
#[test]
fn a_key_vouches_for_records_of_its_time() {
    let mut emitter = Emitter::new(7, "hipaa", Some(emitter_key()));
    let begin_ms = emitter.time_ms;
    let open = emitter.open(None).text;
    emitter.time_ms = begin_ms + 5 * 24 * 60 * 60 * 1000;
    let later = emitter.some_request().text;
    emitter.time_ms = begin_ms + 60_000;
    let lines = [open, later, emitter.checkpoint().text, emitter.close().text];
    for (not_after_ms, is_told) in [(begin_ms + 120_000, true), (u64::MAX, false)] {
        let mut keyring = Keyring::default();
        let mut entry = Entry::always(emitter_key().public(), Role::Emitter);
        entry.not_after_ms = not_after_ms;
        keyring.add(Some(emitter_key().id().to_owned()), entry);
        let verdict = verify_with(joined(&lines), &keyring, &Question::default());
        assert_eq!(
            verdict.issue_counts.contains_key(&Kind::KeyOutOfTime),
            is_told,
            "{:#?}",
            verdict.issues
        );
    }
}
