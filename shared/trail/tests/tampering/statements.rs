//! What chains state about themselves: gaps, checkpoints, ends.

use super::*;

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

/// A trail in the order of its records, or in the reverse.
fn ordered(mut lines: Vec<String>, is_reversed: bool) -> String {
    if is_reversed {
        lines.reverse();
    }
    joined(&lines)
}

/// Whoever has the key could state anything: what a signed record states is compared with the chain.
#[test]
fn signed_records_state_what_is_so() {
    let nothing = Request {
        data: Vec::new(),
        ..Request::some(&mut Random(3))
    };
    // Three requests, then what the last signed record says of itself and of those before it.
    let with = |change: &dyn Fn(&mut audit::Statement)| {
        let mut emitter = Emitter::new(21, "hipaa", Some(emitter_key()));
        let mut lines = vec![emitter.open(None).text];
        lines.extend((0..2).map(|_| emitter.request(&nothing).text));
        lines.push(emitter.checkpoint().text);
        lines.push(emitter.request(&nothing).text);
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
    for is_reversed in [false, true] {
        let verified =
            |change: &dyn Fn(&mut audit::Statement)| verify(ordered(with(change), is_reversed));
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

/// What callers got in clear is added up in signed records, and each total is compared with the records before it.
#[test]
fn signed_records_state_what_was_disclosed() {
    let request = |values| Request {
        data: vec![("US_SSN", values), ("EMAIL", 1)],
        refused: None,
        ..Request::some(&mut Random(3))
    };
    let with = |change: &dyn Fn(&mut audit::Statement)| {
        let mut emitter = Emitter::new(26, "hipaa", Some(emitter_key()));
        let mut lines = vec![emitter.open(None).text, emitter.request(&request(5)).text];
        lines.push(emitter.checkpoint().text);
        lines.extend([2, 4].map(|values| emitter.request(&request(values)).text));
        let mut statement = audit::Statement {
            records: 3,
            previous_checkpoint: 2,
            disclosed: [("US_SSN".to_owned(), 11), ("EMAIL".to_owned(), 3)].into(),
            ..audit::Statement::default()
        };
        change(&mut statement);
        let reason = "shutdown".to_owned();
        let close = Control::Close { statement, reason };
        lines.push(emitter.control(&close, true).text);
        lines
    };
    let say = |class: &'static str, values: u64| {
        move |statement: &mut audit::Statement| {
            statement.disclosed.insert(class.to_owned(), values);
        }
    };
    for is_reversed in [false, true] {
        let verified =
            |change: &dyn Fn(&mut audit::Statement)| verify(ordered(with(change), is_reversed));
        let verdict = verified(&|_| ());
        assert_eq!(verdict.exit_code, 0, "{:#?}", verdict.issues);
        // More, fewer, fewer than before, and of a class that no record has.
        for (class, values) in [("US_SSN", 12), ("US_SSN", 10), ("EMAIL", 0), ("PHONE", 1)] {
            assert_has(&verified(&say(class, values)), 1, Kind::Contradiction);
        }
        let people = |statement: &mut audit::Statement| {
            statement.disclosed_people.insert("EMAIL".to_owned(), 1);
        };
        assert_has(&verified(&people), 1, Kind::Contradiction);
    }
    // Of a record that was taken away by order, only the total is left.
    let lines = with(&|_| ());
    let kept: Vec<String> = [&lines[..3], &lines[4..], &ledger(&[tombstone(&lines[3])])].concat();
    let verdict = verify(joined(&kept));
    assert!(
        !verdict.issue_counts.contains_key(&Kind::Contradiction),
        "{:#?}",
        verdict.issues
    );
}

/// A signed record says that requests were lost, and no gap declares them.
#[test]
fn what_statements_say_was_lost_is_declared() {
    let lost = |count| BTreeMap::from([("queue_full".to_owned(), count)]);
    // Open, two requests, a checkpoint, a gap or none, and the end.
    let chain = |before, declared: Option<u64>, lost_at_end| {
        let mut emitter = Emitter::new(25, "hipaa", Some(emitter_key()));
        let mut lines = vec![emitter.open(None).text];
        lines.extend((0..2).map(|_| emitter.some_request().text));
        let checkpoint = audit::Statement {
            records: 2,
            lost: lost(before),
            ..audit::Statement::default()
        };
        lines.push(emitter.control(&Control::Checkpoint(checkpoint), true).text);
        if let Some(count) = declared {
            let gap = Control::Gap(audit::Lost {
                reason: "queue_full".to_owned(),
                count,
                ..audit::Lost::default()
            });
            lines.push(emitter.control(&gap, false).text);
        }
        let statement = audit::Statement {
            records: 2,
            lost: lost(lost_at_end),
            previous_checkpoint: 3,
            ..audit::Statement::default()
        };
        let reason = "shutdown".to_owned();
        let close = Control::Close { statement, reason };
        lines.push(emitter.control(&close, true).text);
        lines
    };
    let requests = |lines: &[String]| {
        let verdict = verify(joined(lines));
        let gaps = verdict.declared_gaps.iter();
        (verdict.exit_code, gaps.map(|gap| gap.requests).sum::<u64>())
    };
    assert_eq!(requests(&chain(0, None, 0)), (0, 0));
    assert_eq!(requests(&chain(0, None, 2)), (2, 2));
    assert_eq!(requests(&chain(2, None, 2)), (2, 2));
    assert_eq!(requests(&chain(2, Some(3), 5)), (2, 5));
    assert_eq!(requests(&chain(0, Some(2), 2)), (2, 2));
    let mut backwards = chain(0, None, 2);
    backwards.reverse();
    assert_eq!(requests(&backwards), (2, 2));
    // Without its beginning, the first statement that is left says what was lost before it.
    let excerpt = |lines: Vec<String>| {
        let question = Question {
            is_excerpt: true,
            at_ms: NOW_MS,
            ..Question::default()
        };
        verify_with(joined(&lines[3..]), &keyring(), &question).exit_code
    };
    assert_eq!(excerpt(chain(2, None, 2)), 0);
    assert_eq!(excerpt(chain(2, None, 3)), 2);
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
