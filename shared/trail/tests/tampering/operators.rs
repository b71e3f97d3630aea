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
