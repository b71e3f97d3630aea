//! Which records are believed: those of logs, of clients, of keys, and those that a witness knows.

use super::*;

/// A client can write into an access log what it likes, and one record of the log was changed.
#[test]
fn a_log_is_not_believed() {
    let bed = Bed::with_keys();
    let lines = closed_chain(&["a", "b"]);
    let log: Vec<String> = lines
        .iter()
        .map(|line| format!("[x] wasm log: {}\n", logged(line)))
        .collect();
    let forged = lines[1].replace("\"a\"", "\"c\"");
    let hostile = format!(
        "[y] \"GET /\" \"{}\"\n[y] \"{}\"\n[y] [meshward-audit/1 - ab 1/1\n",
        logged(&forged),
        logged(r#"{"a":1}"#)
    );
    bed.write("envoy.log", format!("{}{hostile}", log.concat()));
    let outcome = bed
        .run(&format!("verify {KEYS} --json envoy.log"))
        .expect(0);
    assert_eq!(outcome.number("issue_counts.log_line"), 2);
    bed.write("envoy.log", log.concat().replace("\"b\"", "\"c\""));
    let outcome = bed
        .run(&format!("verify {KEYS} --json envoy.log"))
        .expect(1);
    // Nor is what only the lost one could prove.
    assert_eq!(outcome.number("records.missing"), 2);
}

/// Records that nobody with a key has written: a chain of its own, whose hashes fit.
fn forged(subject: &str) -> Vec<String> {
    let mut emitter = Emitter::new(77, "hipaa", None);
    let request = Request {
        subject: Some(subject.to_owned()),
        data: vec![("US_SSN", 900)],
        status: 200,
        refused: None,
        ..Request::some(&mut Random(3))
    };
    vec![
        emitter.open(None).text,
        emitter.request(&request).text,
        emitter.request(&request).text,
        emitter.checkpoint().text,
    ]
}

/// A user agent is printed into the access log as the client has sent it: whatever it says, nothing
/// counts for which no key vouches, and the verdict is what it would be without it.
#[test]
fn a_client_cannot_forge_evidence() {
    let (bed, lines) = Bed::with_trail(&["jane", "john"]);
    let forged = forged("ceo@example.com");
    let access = |lines: &[String]| -> String {
        let line =
            |line: &String| format!("[2026-11-24] \"GET / HTTP/1.1\" 200 \"{}\"\n", logged(line));
        lines.iter().map(line).collect()
    };
    // The same place as a record of the trail, with another content.
    let mut other = Emitter::new(8, "hipaa", None);
    other.open(None);
    let same_place = other.some_request().text;
    for (what, log, unproven) in [
        ("a chain", access(&forged), 4),
        ("a lone record", access(&forged[2..3]), 1),
        ("the place of a record", access(&[same_place]), 1),
        ("a record that exists", access(&lines[1..2]), 0),
        (
            "as JSON",
            format!(
                "{{\"user_agent\":{}}}\n",
                serde_json::to_string(&forged[1]).unwrap()
            ),
            1,
        ),
        (
            "in parts",
            "x [meshward-audit/1 - 1 ab:1 1/2] {\n".to_owned(),
            0,
        ),
    ] {
        bed.write("envoy.log", format!("[x] started\n{log}"));
        for files in ["envoy.log trail.ndjson", "trail.ndjson envoy.log"] {
            let outcome = bed.run(&format!("verify {KEYS} --json {files}"));
            assert_eq!(outcome.code, 0, "{what}: {}", outcome.out);
            assert_eq!(outcome.number("records.unproven"), unproven, "{what}");
            assert_eq!(outcome.number("records.requests"), 2, "{what}");
            let report = bed.run(&format!("report {KEYS} {files}")).expect(0).out;
            assert!(!report.contains("ceo@example.com"), "{what}: {report}");
            assert!(
                report.contains("2 requests of 2 subjects"),
                "{what}: {report}"
            );
        }
        // Nothing but the log: as if nothing were there.
        bed.run(&format!("verify {KEYS} envoy.log")).expect(2);
    }
}

/// A client may send any bytes, and hosts print them as they are: before what the emitter has written, behind it
/// in the same line, as the first line of a file, and in the array of bytes that a journal writes.
#[test]
fn bytes_that_are_no_text_void_nothing() {
    let bed = Bed::with_keys();
    let lines = closed_chain(&["jane", "john"]);
    let lines: Vec<Vec<u8>> = lines
        .iter()
        .map(|line| format!("[x] wasm log: {}", logged(line)).into_bytes())
        .collect();
    let hostile = b"[y] \"GET / HTTP/1.1\" 200 \"a\xff\xfeb\"".to_vec();
    let beside = |line: &Vec<u8>| [line.as_slice(), b", request: \"GET /\xff HTTP/1.1\""].concat();
    let as_bytes = |line: &Vec<u8>| format!("{{\"MESSAGE\":{:?}}}", beside(line)).into_bytes();
    let of_container = |line: &Vec<u8>| {
        let text = [b"2026-11-24T21:00:00.0Z stderr F ", &beside(line)[..]].concat();
        [text, b"2026-11-24T21:00:00.0Z stdout F ua=\xff".to_vec()].join(&b'\n')
    };
    let in_between = [&lines[..2], std::slice::from_ref(&hostile), &lines[2..]].concat();
    for (what, log) in [
        ("in a line of its own", in_between),
        ("first", [std::slice::from_ref(&hostile), &lines].concat()),
        ("behind a record", lines.iter().map(beside).collect()),
        ("in a journal", lines.iter().map(as_bytes).collect()),
        ("in a container", lines.iter().map(of_container).collect()),
    ] {
        let log = [log.join(&b'\n'), b"\n".to_vec()].concat();
        bed.write("envoy.log", &log);
        let verify = format!("verify {KEYS} --json envoy.log");
        let outcome = bed.run(&verify);
        assert_eq!(outcome.code, 0, "{what}: {}", outcome.out);
        assert_eq!(outcome.number("records.requests"), 2, "{what}");
        // What is read is erased, too.
        let erase = format!("erase {KEYS} {SIGN} --subject jane --apply envoy.log");
        let erased = bed.run(&erase);
        assert_eq!(erased.code, 0, "{what}: {}{}", erased.out, erased.err);
        let outcome = bed.run(&format!("{verify} --ledger ledger.ndjson"));
        assert_eq!(outcome.code, 0, "{what}: {}", outcome.out);
        assert_eq!(outcome.number("records.erased"), 1, "{what}");
        bed.write("ledger.ndjson", "");
    }
    // In a record itself there are none: that one was changed.
    let lines = closed_chain(&["jane"]);
    let trail = joined(&lines).into_bytes();
    let at = trail.windows(4).position(|four| four == b"jane").unwrap();
    let changed = [&trail[..at], b"\xff\xfe", &trail[at + 2..]].concat();
    bed.write("trail.ndjson", &changed);
    let outcome = bed.run(&format!("verify {KEYS} --json trail.ndjson"));
    assert_eq!(outcome.expect(1).number("issue_counts.not_a_record"), 1);
}

/// Two runs of one emitter with different keys, of which the verifier has the older: the verdict does not
/// say of the newer that anything vouches for it.
#[test]
fn the_verdict_counts_what_no_key_vouches_for() {
    let bed = Bed::with_keys();
    let mut lines = closed_chain(&["a", "b"]);
    let newer = audit::keys::SigningKey::from_seed(Some("edge-2027"), &[13; 32]);
    let mut emitter = Emitter::new(9, "hipaa", Some(newer));
    emitter.id = "0123456789abcdef".to_owned();
    lines.extend([emitter.open(None).text, emitter.close().text]);
    let log: Vec<String> = lines
        .iter()
        .map(|line| format!("{}\n", logged(line)))
        .collect();
    bed.write("envoy.log", log.concat());
    let clean = bed.run(&format!("verify {KEYS} envoy.log")).expect(0).out;
    for words in [
        "1  that wrote them; signed with",
        "the chains of 1 emitter, and signatures vouch for all of their 4 records; 2 lines of logs are unproven",
    ] {
        assert!(clean.contains(words), "{words}: {clean}");
    }
    let failed = bed
        .run(&format!(
            "verify {KEYS} --emitters edge-2026,edge-2027 envoy.log"
        ))
        .expect(1)
        .out;
    assert!(failed.contains("    edge-2027: no record is"), "{failed}");
}

/// What was written to the log instead of being sent is proved by the record after it.
#[test]
fn what_a_signed_record_proves_counts_from_a_log_too() {
    let bed = Bed::with_keys();
    let lines = closed_chain(&["a", "b", "c", "d", "e", "f"]);
    let log: String = lines[2..5]
        .iter()
        .map(|line| format!("[7] wasm log a meshward.audit-emitter: {}\n", logged(line)))
        .collect();
    let stored = [&lines[..2], &lines[5..]].concat();
    bed.write("envoy.log", format!("[7] started\n{log}"));
    bed.write("trail.ndjson", joined(&stored));
    for files in ["envoy.log trail.ndjson", "trail.ndjson envoy.log"] {
        let outcome = bed.run(&format!("verify {KEYS} --json {files}")).expect(0);
        assert_eq!(outcome.number("records.requests"), 6);
        let report = bed
            .run(&format!("report {KEYS} --format json {files}"))
            .expect(0);
        assert_eq!(report.number("totals.requests"), 6);
    }
}

/// With the log key, a line of the emitter's is told from a client's before a signature proves it.
#[test]
fn a_tagged_line_of_a_log_is_the_emitters() {
    let bed = Bed::with_keys();
    let (emitter, lines) = chain_of(&["a", "b"]);
    bed.run("keygen --secret new.secret").expect(0);
    let printed = bed
        .run("keygen --log-key --secret new.secret")
        .expect(0)
        .out;
    let key = audit::keys::SigningKey::from_text(None, &bed.read("new.secret")).unwrap();
    assert_eq!(printed.trim(), key.log_key().to_hex());
    // The records are of the usual key, the tags of the new one: they are two things.
    let log = |key: Option<&audit::keys::LogKey>| -> String {
        let line = |line: &String| format!("[7] wasm log: {}\n", audit::log_line::whole(line, key));
        lines.iter().map(line).collect()
    };
    let at = trail::time::format(emitter.time_ms);
    for (log, requests) in [(log(None), 0), (log(Some(&key.log_key())), 2)] {
        bed.write("envoy.log", log);
        let outcome = bed.run_in(
            &format!("report {KEYS} --log-key-env LOG_KEY --at {at} --format json envoy.log"),
            printed.trim(),
        );
        assert_eq!(
            outcome.number("totals.requests"),
            requests,
            "{}",
            outcome.out
        );
    }
}

#[test]
fn with_keys_what_none_of_them_vouches_for_is_no_trail() {
    let bed = Bed::with_keys();
    let (mut emitter, mut signed) = chain_of(&["a", "b"]);
    signed.push(emitter.close().text);
    let unsigned = {
        let mut lines = forged("a");
        lines.truncate(3);
        lines
    };
    bed.write("signed.ndjson", joined(&signed));
    bed.write("unsigned.ndjson", joined(&unsigned));
    // A key that nobody has given: the ids are those that a thief would take.
    let foreign = audit::keys::SigningKey::from_seed(Some("edge-2027"), &[8; 32]);
    let mut thief = Emitter::new(78, "hipaa", Some(foreign));
    let stolen = [
        thief.open(None).text,
        thief.some_request().text,
        thief.close().text,
    ];
    bed.write("foreign.ndjson", joined(&stolen));
    bed.write(
        "mixed.ndjson",
        joined(&[signed.clone(), stolen.to_vec()].concat()),
    );
    for (file, valid) in [("unsigned", 0), ("foreign", 0), ("mixed", 4)] {
        let outcome = bed
            .run(&format!("verify {KEYS} {file}.ndjson"))
            .expect(1)
            .out;
        assert!(
            outcome.contains("FAILED: no key that was given vouches"),
            "{outcome}"
        );
        assert!(!outcome.contains("nothing that"), "{outcome}");
        let outcome = bed.run(&format!("verify {KEYS} --json {file}.ndjson"));
        assert_eq!(outcome.number("records.valid"), valid, "{file}");
        let report = bed
            .run(&format!("report {KEYS} --format json {file}.ndjson"))
            .expect(1);
        assert_eq!(
            report.number("totals.requests"),
            if valid > 0 { 2 } else { 0 },
            "{file}"
        );
    }
    // Without keys nobody is asked, and that is said.
    let outcome = bed.run("verify unsigned.ndjson --excerpt").expect(2).out;
    assert!(
        outcome.contains("no key was given, so nobody vouches"),
        "{outcome}"
    );
    // A tail that is not covered yet is incomplete, unless a signature is required.
    bed.write("tail.ndjson", joined(&signed[..3]));
    let at = trail::time::format(emitter.time_ms);
    bed.run(&format!("verify {KEYS} --at {at} tail.ndjson"))
        .expect(2);
    for arguments in [
        format!("{KEYS} --at {at} --require-signed tail.ndjson"),
        "--require-signed signed.ndjson".to_owned(),
        "--require-signed unsigned.ndjson".to_owned(),
    ] {
        let outcome = bed.run(&format!("verify {arguments}")).expect(1).out;
        assert!(outcome.contains("not_signed"), "{arguments}: {outcome}");
    }
    bed.run(&format!("verify {KEYS} --require-signed signed.ndjson"))
        .expect(0);
}

#[test]
fn a_witness_knows_what_was_cut_off() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["a", "b", "c", "d", "e"]);
    let last = emitter.checkpoint().text;
    let at = trail::time::format(emitter.time_ms);
    bed.write("trail.ndjson", joined(&lines));
    bed.write("witness.ndjson", joined(&[lines[6].clone(), last.clone()]));
    let verify = format!("verify {KEYS} --at {at} --witness witness.ndjson trail.ndjson");
    let outcome = bed.run(&verify).expect(1).out;
    assert!(outcome.contains("missing"), "{outcome}");
    lines.push(last);
    bed.write("trail.ndjson", joined(&lines));
    bed.run(&verify).expect(0);
    // The log of a proxy whose configuration makes it the witness.
    let log: String = ["started", &lines[6], "{}"]
        .map(|text| format!("[7] wasm log a b: {}\n", logged(text)))
        .concat();
    bed.write("envoy.log", log);
    let verify_log = verify.replace("witness.ndjson", "envoy.log");
    bed.run(&verify_log).expect(0);
    bed.write("trail.ndjson", joined(&lines[..6]));
    bed.run(&verify_log).expect(1);
    bed.write("witness.ndjson", joined(&lines[1..2]));
    let wrong = bed.run(&verify).expect(2).err;
    assert!(
        wrong.contains("no known key has signed any record"),
        "{wrong}"
    );
}
