//! What operators take away, erase and purge, by order.

use super::*;

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
    let (hold, release) = (hold(Vec::new()), release());
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

/// Whoever has an operator's key can sign any purge; what stays says how young the rest was.
#[test]
fn what_is_purged_before_its_time_is_told() {
    let year_ms = 365 * 24 * 60 * 60 * 1000;
    for (keep_ms, is_early) in [(year_ms * 6, true), (year_ms, false)] {
        let mut emitter = Emitter::new(9, "hipaa", Some(emitter_key()));
        emitter.keep_ms = Some(keep_ms);
        let mut lines = vec![emitter.open(None).text, emitter.some_request().text];
        let stays = emitter.checkpoint();
        lines.extend([
            stays.text,
            emitter.some_request().text,
            emitter.close().text,
        ]);
        let record = Record::check_text(&lines[2]).unwrap();
        let purge = Control::Purge {
            chain_uid: record.chain_uid.clone(),
            checkpoint: record.sequence,
            fingerprint: record.fingerprint,
            grounds: BTreeMap::from([("heartbeat_ms".to_owned(), "60000".to_owned())]),
        };
        // Nineteen months later.
        let verdict = verify(joined(
            &[ledger(std::slice::from_ref(&purge)), lines[2..].to_vec()].concat(),
        ));
        assert_eq!(
            verdict.issue_counts.contains_key(&Kind::PurgedEarly),
            is_early,
            "{:#?}",
            verdict.issues
        );
        // Of other chains of the class it is known how long they are kept.
        let mut other = Emitter::new(10, "hipaa", Some(emitter_key()));
        other.keep_ms = Some(keep_ms);
        let others = [
            other.open(None).text,
            other.some_request().text,
            other.close().text,
        ];
        let mut emitter = Emitter::new(9, "hipaa", Some(emitter_key()));
        let (open, request) = (emitter.open(None).text, emitter.some_request().text);
        let close = emitter.close().text;
        let record = Record::check_text(&close).unwrap();
        let purge = Control::Purge {
            chain_uid: record.chain_uid.clone(),
            checkpoint: record.sequence,
            fingerprint: record.fingerprint,
            grounds: BTreeMap::new(),
        };
        assert_ne!(open, request);
        let verdict = verify(joined(
            &[ledger(&[purge]), vec![close], others.to_vec()].concat(),
        ));
        assert_eq!(
            verdict.issue_counts.contains_key(&Kind::PurgedEarly),
            is_early,
            "{:#?}",
            verdict.issues
        );
    }
}

/// A record says until when nobody changes it without saying why.
#[test]
fn what_is_erased_before_its_least_time_is_told() {
    let mut emitter = Emitter::new(9, "hipaa", Some(emitter_key()));
    let year_ms = 365 * 24 * 60 * 60 * 1000;
    (emitter.keep_at_least_ms, emitter.keep_ms) = (Some(year_ms * 6), Some(year_ms * 7));
    let whole = [
        emitter.open(None).text,
        emitter.some_request().text,
        emitter.close().text,
    ];
    let lines = [
        whole[0].clone(),
        erased(&whole[1], &[Group::Subject]),
        whole[2].clone(),
    ];
    let mut order = erasure(&whole[1], &[Group::Subject]);
    let judged = |order: &Control| {
        let ledger = ledger(std::slice::from_ref(order));
        verify(joined(&[ledger, lines.to_vec()].concat()))
    };
    assert_has(&judged(&order), 1, Kind::ErasedEarly);
    if let Control::Erasure { grounds, .. } = &mut order {
        grounds.insert("before_expiry".to_owned(), "a court".to_owned());
    }
    assert_eq!(judged(&order).exit_code, 0);
}
