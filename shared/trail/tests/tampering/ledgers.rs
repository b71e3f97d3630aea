//! What whoever has an operator's key may say, and what it excuses.

use super::*;

/// A purge of all before a record.
fn purge(line: &str, heartbeat_ms: &str) -> Control {
    let record = Record::check_text(line).unwrap();
    Control::Purge {
        chain_uid: record.chain_uid,
        checkpoint: record.sequence,
        fingerprint: record.fingerprint,
        grounds: BTreeMap::from([("heartbeat_ms".to_owned(), heartbeat_ms.to_owned())]),
    }
}

/// A chain, and where its first checkpoint is.
fn chain_to_purge() -> (Vec<String>, usize) {
    let lines = chain(9, 20);
    let is_checkpoint = |line: &String| line.contains("\"checkpoint\"");
    let at = lines.iter().position(is_checkpoint).unwrap();
    (lines, at)
}

/// What is gone cannot be asked whether a hold by a path kept it.
#[test]
fn a_purge_under_a_hold_by_path_is_told() {
    let (lines, at) = chain_to_purge();
    let purge = purge(&lines[at], "60000");
    let hold = hold(vec![audit::Selector {
        by: "path".to_owned(),
        salt: String::new(),
        values: vec!["/patients/**".to_owned()],
    }]);
    let judged =
        |orders: &[Control]| verify(joined(&[ledger(orders), lines[at..].to_vec()].concat()));
    assert_has(
        &judged(&[hold.clone(), purge.clone()]),
        0,
        Kind::HoldUnknown,
    );
    let verdict = judged(&[hold, release(), purge]);
    assert!(!verdict.issue_counts.contains_key(&Kind::HoldUnknown));
}

/// An operator writes in ledgers: whoever has his key neither ends a chain of an emitter nor adds to it.
#[test]
fn an_order_stands_in_a_ledger() {
    let release = release();
    let order_behind = |lines: &[String]| {
        let last = Record::check_text(lines.last().unwrap()).unwrap();
        let uid = trail::hex::decode::<16>(last.chain_uid.as_bytes()).unwrap();
        let mut chain = Chain::after(uid, last.sequence + 1, last.fingerprint);
        let event = Event {
            control: &release,
            time_ms: last.time_ms,
            class: "hipaa",
            product: "meshward",
            product_version: "0",
        };
        [
            lines,
            &[chain.add_event(&event, Some(&operator_key())).text],
        ]
        .concat()
    };
    let mut emitter = Emitter::new(9, "hipaa", Some(emitter_key()));
    let begun = [
        emitter.open(None).text,
        emitter.some_request().text,
        emitter.checkpoint().text,
        emitter.some_request().text,
    ];
    // Cut, and with a record that its emitter never vouched for.
    for lines in [&begun[..3], &begun[..]] {
        let mut lines = order_behind(lines);
        for _ in 0..2 {
            let verdict = verify(joined(&lines));
            assert_has(&verdict, 1, Kind::WrongRole);
            assert_has(&verdict, 1, Kind::OpenEnd);
            assert_eq!(verdict.records.uncovered, lines.len() as u64 - 4);
            lines.reverse();
        }
    }
    // Nor does anybody else add to a ledger.
    let mut ledger = ledger(std::slice::from_ref(&release));
    assert_eq!(
        verify(joined(&[ledger.clone(), chain(7, 3)].concat())).exit_code,
        0
    );
    let last = Record::check_text(ledger.last().unwrap()).unwrap();
    let uid = trail::hex::decode::<16>(last.chain_uid.as_bytes()).unwrap();
    let mut stranger = Chain::after(uid, last.sequence + 1, last.fingerprint);
    let event = Event {
        control: &Control::Gap(audit::Lost::default()),
        time_ms: last.time_ms,
        class: "ledger",
        product: "x",
        product_version: "0",
    };
    ledger.push(stranger.add_event(&event, None).text);
    let verdict = verify(joined(&[order_behind(&ledger), chain(7, 3)].concat()));
    assert_has(&verdict, 1, Kind::WrongRole);
}

/// What stays says how long the rest was to be kept, and how often its emitter gives a sign of life, not the operator.
#[test]
fn what_an_operator_says_excuses_nothing() {
    let hour_ms = 60 * 60 * 1000;
    let now_ms = 1_800_000_000_000 + hour_ms;
    let mut emitter = Emitter::new(9, "hipaa", Some(emitter_key()));
    emitter.keep_ms = Some(6 * 365 * 24 * hour_ms);
    let lines = [
        emitter.open(None).text,
        emitter.some_request().text,
        emitter.checkpoint().text,
        emitter.some_request().text,
        emitter.some_request().text,
        emitter.close().text,
    ];
    let purge_at = |at: usize, heartbeat_ms: &str| purge(&lines[at], heartbeat_ms);
    let judged = |order: Control, lines: &[String]| {
        let question = Question {
            at_ms: now_ms,
            ..Question::default()
        };
        let lines = [ledger_at(&[order], now_ms), lines.to_vec()].concat();
        verify_with(joined(&lines), &keyring(), &question)
    };
    for heartbeat_ms in ["60000", "0", "none"] {
        let verdict = judged(purge_at(2, heartbeat_ms), &lines[2..]);
        assert_has(&verdict, 1, Kind::PurgedEarly);
    }
    assert_has(
        &judged(purge_at(3, "60000"), &lines[3..]),
        1,
        Kind::ForgedStatement,
    );
    assert_has(
        &judged(purge_at(5, "60000"), &lines[5..]),
        1,
        Kind::PurgedEarly,
    );
    // One by one.
    let mut left = lines.to_vec();
    let mut order = tombstone(&left.remove(3));
    assert_has(&judged(order.clone(), &left), 1, Kind::PurgedEarly);
    if let Control::Tombstone { grounds, .. } = &mut order {
        grounds.insert("before_expiry".to_owned(), "a court".to_owned());
    }
    assert_eq!(judged(order, &left).exit_code, 0);
    // Of a chain that was cut, nobody says that it is only silent.
    let verdict = judged(purge_at(2, "315360000000"), &lines[2..3]);
    assert_has(&verdict, 1, Kind::OpenEnd);
    // Where nothing says how long, nobody can tell.
    let mut emitter = Emitter::new(9, "hipaa", Some(emitter_key()));
    let lines = [
        emitter.open(None).text,
        emitter.some_request().text,
        emitter.close().text,
    ];
    let verdict = judged(purge(&lines[2], "60000"), &lines[2..]);
    assert_eq!(verdict.exit_code, 2, "{:#?}", verdict.issues);
    assert_has(&verdict, 2, Kind::KeepUnknown);
}

/// A purge that names a record which never was makes no hole one that nobody looks for.
#[test]
fn a_purge_at_a_record_that_is_not_there_excuses_nothing() {
    let mut lines = chain(9, 12);
    let mut order = purge(lines.last().unwrap(), "60000");
    if let Control::Purge { checkpoint, .. } = &mut order {
        *checkpoint = 500;
    }
    lines.remove(8);
    let verdict = verify(joined(&[ledger(&[order]), lines].concat()));
    assert_has(&verdict, 1, Kind::Missing);
    // The hole, and what the order names.
    assert_eq!((verdict.records.missing, verdict.records.expired), (2, 0));
}

/// Whoever has an operator's key has its clock, too: a second ledger is no way around a hold.
#[test]
fn a_second_ledger_of_one_key_is_told_where_it_matters() {
    let (lines, at) = chain_to_purge();
    let held = ledger_of(0xd1, &[hold(Vec::new())], 1_850_000_000_000);
    for (time_ms, code, kind) in [
        (1_849_000_000_000, 2, Kind::HoldUnproven),
        (1_851_000_000_000, 1, Kind::HoldBroken),
    ] {
        let purged = ledger_of(0xd2, &[purge(&lines[at], "60000")], time_ms);
        let all = [held.clone(), purged, lines[at..].to_vec()].concat();
        assert_has(&verify(joined(&all)), code, kind);
    }
    // In one ledger the order of its records says it.
    let orders = [purge(&lines[at], "60000"), hold(Vec::new())];
    let verdict = verify(joined(&[ledger(&orders), lines[at..].to_vec()].concat()));
    assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
}
