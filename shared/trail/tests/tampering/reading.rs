//! Keys, bad input and the limits of the reader.

use super::*;

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
