//! `meshward audit` as people call it: files, arguments, words and exit statuses.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod bed;

use std::path::Path;

use bed::{Bed, KEYS, PSEUDONYM_KEY, SIGN, chain_of, joined, logged};
use policy::json::Json;
use trail::synthetic::{Emitter, Random, Request, write_trail};

/// Whose request is the first of those in the containers.
const SUBJECT_IN_CONTAINERS: &str = "2026:975835de1c9756cebfc846100bfc1e42";

fn trail(requests: u64) -> Vec<u8> {
    let mut text = Vec::new();
    write_trail(&mut text, requests, 3).unwrap();
    text
}

fn otlp(lines: &[String]) -> String {
    let log = |line: &String| {
        let mut body = String::new();
        audit::canonical::push_string(&mut body, line);
        format!(
            r#"{{"timeUnixNano":"0","observedTimeUnixNano":"18446744073709551615","body":{{"stringValue":{body}}}}}"#
        )
    };
    let logs: Vec<String> = lines.iter().map(log).collect();
    format!(
        "{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{}]}}]}}]}}\n",
        logs.join(",")
    )
}

#[test]
fn help_and_wrong_usage() {
    let bed = Bed::new();
    let help = bed.run("--help").expect(0).out;
    for command in [
        "verify", "report", "coverage", "purge", "erase", "hold", "keygen",
    ] {
        assert!(help.contains(command), "{command}: {help}");
        let help = bed.run(&format!("{command} --help")).expect(0).out;
        assert!(help.contains("Usage: meshward audit"), "{help}");
    }
    for wrong in [
        "",
        "verfy x",
        "verify",
        "verify --at noon x",
        "verify --key zz x",
        "keygen",
    ] {
        let outcome = bed.run(wrong);
        assert_eq!(
            outcome.code,
            if wrong.starts_with("verify --") {
                2
            } else {
                64
            },
            "{wrong}"
        );
        assert!(!outcome.err.is_empty(), "{wrong}");
    }
    assert!(
        bed.run("verfy x").err.contains("verify"),
        "the nearest name"
    );
    let keys = bed.write(
        "keys.json",
        r#"{"keys":[{"public_key":"12","rol":"operator"}]}"#,
    );
    let wrong = bed
        .run(&format!("verify --keys {} x", keys.display()))
        .expect(2)
        .err;
    assert!(
        wrong.contains("keys[0].public_key") && wrong.contains("did you mean \"role\""),
        "{wrong}"
    );
}

#[test]
fn verify_reads_several_forms_and_several_files() {
    let bed = Bed::new();
    bed.keys();
    let text = String::from_utf8(trail(300)).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let third = lines.len() / 3;
    bed.write("a.ndjson", joined(&lines[..third]));
    bed.write("b.json", otlp(&lines[third..2 * third]));
    let log: Vec<String> = lines[2 * third..]
        .iter()
        .map(|line| format!("[2026-11-24 21:00:00.000][7][critical][wasm] wasm log audit-emitter meshward.audit-emitter: {}\n[x] other", logged(line)))
        .collect();
    bed.write("envoy.log", joined(&log));
    let outcome = bed
        .run(&format!("verify {KEYS} --json a.ndjson b.json envoy.log"))
        .expect(0);
    assert_eq!(outcome.number("records.valid"), lines.len() as u64);
    assert_eq!(outcome.number("records.other_lines"), log.len() as u64);
    // On as many threads as wanted, in any order, and from standard input.
    for threads in [1, 3] {
        let arguments =
            format!("verify {KEYS} --json --threads {threads} envoy.log a.ndjson b.json");
        assert_eq!(bed.run(&arguments).expect(0).json(), outcome.json());
    }
    let outcome = bed
        .run_with(&format!("verify {KEYS} -"), text.as_bytes())
        .expect(0);
    assert!(outcome.out.contains("CLEAN"), "{}", outcome.out);
    // A part of it, alone.
    let part = bed.run(&format!("verify {KEYS} b.json")).expect(1).out;
    assert!(
        part.contains("records are missing, and nothing says why"),
        "{part}"
    );
    bed.run(&format!(
        "verify {KEYS} --excerpt a.ndjson b.json envoy.log"
    ))
    .expect(0);
}

#[test]
fn verify_says_what_is_wrong_with_files() {
    let bed = Bed::new();
    bed.keys();
    let text = trail(50);
    bed.write("cut.ndjson", &text[..text.len() - 10]);
    let outcome = bed.run(&format!("verify {KEYS} cut.ndjson")).expect(2).out;
    assert!(
        outcome.contains("INCOMPLETE") && outcome.contains("cut_off"),
        "{outcome}"
    );
    bed.write("whole.ndjson", &text);
    let outcome = bed
        .run(&format!("verify {KEYS} whole.ndjson none.ndjson"))
        .expect(2)
        .out;
    assert!(outcome.contains("none.ndjson: cannot be read"), "{outcome}");
    bed.write("zipped.gz", [0x1f, 0x8b, 8, 0, 0]);
    bed.write("zipped.xz", [0xfd, b'7', b'z', b'X', b'Z', 0]);
    let outcome = bed
        .run(&format!("verify {KEYS} whole.ndjson zipped.gz zipped.xz"))
        .expect(2)
        .out;
    assert!(
        outcome.contains("zipped.gz: cannot be read") && outcome.contains("xzcat"),
        "{outcome}"
    );
    let mut changed = text;
    let at = changed.len() / 2;
    changed[at] ^= 1;
    bed.write("changed.ndjson", changed);
    let outcome = bed
        .run(&format!("verify {KEYS} changed.ndjson"))
        .expect(1)
        .out;
    assert!(outcome.contains("FAILED"), "{outcome}");
    let outcome = bed.run("verify whole.ndjson").expect(2).out;
    assert!(outcome.contains("No key was given"), "{outcome}");
}

/// A client can write into an access log what it likes, and one record of the log was changed.
#[test]
fn a_log_is_not_believed() {
    let bed = Bed::new();
    bed.keys();
    let (mut emitter, mut lines) = chain_of(&["a", "b"]);
    lines.push(emitter.close().text);
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
    let bed = Bed::new();
    bed.keys();
    let (mut emitter, mut lines) = chain_of(&["jane", "john"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
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

/// What was written to the log instead of being sent is proved by the record after it.
#[test]
fn what_a_signed_record_proves_counts_from_a_log_too() {
    let bed = Bed::new();
    bed.keys();
    let (mut emitter, mut lines) = chain_of(&["a", "b", "c", "d", "e", "f"]);
    lines.push(emitter.close().text);
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
    let bed = Bed::new();
    bed.keys();
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
    let bed = Bed::new();
    bed.keys();
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
    let bed = Bed::new();
    bed.keys();
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

#[test]
fn keygen_keeps_the_secret() {
    let bed = Bed::new();
    let made = bed.run("keygen --secret edge.secret").expect(0).out;
    let secret = bed.read("edge.secret");
    assert_eq!(secret.trim().len(), 64);
    assert!(!made.contains(secret.trim()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(bed.path("edge.secret"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = bed.run("keygen --secret edge.secret").expect(2).err;
    assert!(again.contains("exists"), "{again}");
    assert_eq!(bed.read("edge.secret"), secret);
    let key = audit::keys::SigningKey::from_text(None, &secret).unwrap();
    assert!(made.contains(&key.public().to_hex()), "{made}");
    bed.run("keygen --secret - --id a/b").expect(2);
}

#[test]
fn a_subject_is_erased_and_the_trail_verifies() {
    let bed = Bed::new();
    bed.keys();
    let jane =
        audit_emitter::pseudonym::Pseudonymizer::new(PSEUDONYM_KEY.as_bytes(), "2026".to_owned())
            .pseudonym("jane");
    let (mut emitter, mut lines) = chain_of(&["john", &jane, "joan", &jane, "jack"]);
    lines.push(emitter.close().text);
    // In three files: lines, an OTLP request, a log. A record is in two of them.
    bed.write("a.ndjson", joined(&lines[..4]));
    bed.write("b.json", otlp(&lines[3..6]));
    bed.write(
        "c.log",
        format!(
            "[7] wasm log: {}\n[8] started\n{}",
            logged(&lines[2]),
            joined(&lines[6..])
        ),
    );
    let files = "a.ndjson b.json c.log";
    let before = [bed.read("a.ndjson"), bed.read("b.json"), bed.read("c.log")];
    let erase = format!(
        "erase {KEYS} {SIGN} --pseudonym-key-env 2026=PSEUDONYM_KEY --subject jane --ticket GDPR-7 {files}"
    );
    let dry = bed.run(&erase).expect(0).out;
    assert!(
        dry.contains("2 records to erase parts of") && dry.contains("Dry run"),
        "{dry}"
    );
    assert_eq!(
        before,
        [bed.read("a.ndjson"), bed.read("b.json"), bed.read("c.log")]
    );
    assert!(!bed.path("ledger.ndjson").exists());
    bed.run(&format!("{erase} --apply")).expect(0);
    for file in ["a.ndjson", "b.json", "c.log"] {
        assert!(!bed.read(file).contains(&jane), "{file}");
        assert!(!bed.path(&format!(".{file}.meshward-new")).exists());
    }
    assert!(
        bed.read("c.log").contains("\n[8] started\n"),
        "the rest of the log is as it was"
    );
    assert!(
        bed.read("b.json").contains("18446744073709551615"),
        "the rest of the request too"
    );
    let verify = format!("verify {KEYS} --json {files}");
    let outcome = bed.run(&format!("{verify} ledger.ndjson")).expect(0);
    assert_eq!(
        (
            outcome.number("records.erased"),
            outcome.number("records.duplicates")
        ),
        (2, 2)
    );
    bed.run(&verify).expect(1);
    assert!(bed.read("ledger.ndjson").contains("GDPR-7"));
    // Done is done.
    let again = bed.run(&format!("{erase} --apply")).expect(0).out;
    assert!(again.contains("0 records to erase"), "{again}");
}

#[test]
fn a_record_is_taken_away_and_the_trail_verifies() {
    let bed = Bed::new();
    bed.keys();
    let (mut emitter, mut lines) = chain_of(&["a", "b", "c"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let uid = format!("{}:2", emitter.chain_uid());
    let erase = format!("erase {KEYS} {SIGN} --record {uid} trail.ndjson --apply");
    // It is to be kept for a second after the request, which has not come yet.
    let kept = bed.run(&erase).expect(1).out;
    assert!(
        kept.contains("1 of the records to take away are to be kept until"),
        "{kept}"
    );
    assert_eq!(bed.read("trail.ndjson"), joined(&lines));
    let erase = format!("{erase} --reason GDPR-17 --before-expiry");
    bed.run(&erase).expect(0);
    assert!(bed.read("ledger.ndjson").contains("before_expiry"));
    assert_eq!(bed.read("trail.ndjson").lines().count(), lines.len() - 1);
    let outcome = bed
        .run(&format!(
            "verify {KEYS} --json --ledger ledger.ndjson trail.ndjson"
        ))
        .expect(0);
    assert_eq!(outcome.number("records.removed"), 1);
    let absent = bed.run(&erase).expect(0).out;
    assert!(absent.contains("not there"), "{absent}");
    // A checkpoint says nothing about anybody.
    let uid = format!("{}:0", emitter.chain_uid());
    let kept = bed
        .run(&format!(
            "erase {KEYS} {SIGN} --record {uid} trail.ndjson --apply"
        ))
        .expect(0)
        .out;
    assert!(kept.contains("about the chain itself"), "{kept}");
}

/// Whatever keeps a record, it is erased from there, and the rest stays.
#[test]
fn records_are_erased_from_every_container() {
    let containers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../trail/tests/containers");
    let mut erased = 0;
    for entry in std::fs::read_dir(containers).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "make.py" {
            continue;
        }
        for (what, arguments, count) in [
            ("parts", "--groups subject,source,consent,url", "erased"),
            (
                "whole",
                "--whole --reason GDPR-17 --before-expiry",
                "removed",
            ),
        ] {
            let bed = Bed::new();
            bed.keys();
            let bytes = std::fs::read(&path).unwrap();
            bed.write(&name, &bytes);
            // The first of the requests in the trail.
            let subject = SUBJECT_IN_CONTAINERS;
            let erase =
                format!("erase {KEYS} {SIGN} --subject {subject} {arguments} --apply {name}");
            let outcome = bed.run(&erase);
            if outcome.code == 2 {
                assert!(
                    outcome.err.contains("cannot be written anew"),
                    "{name}: {}",
                    outcome.err
                );
                assert!(
                    !bed.path("ledger.ndjson").exists() || bed.read("ledger.ndjson").is_empty()
                );
                continue;
            }
            assert_eq!(
                outcome.code, 0,
                "{name} {what}: {}{}",
                outcome.out, outcome.err
            );
            let after = std::fs::read(bed.path(&name)).unwrap();
            assert!(
                !String::from_utf8_lossy(&after).contains(subject),
                "{name} {what}"
            );
            let verify = bed.run(&format!(
                "verify {KEYS} --json --ledger ledger.ndjson {name}"
            ));
            assert_eq!(verify.code, 0, "{name} {what}: {}", verify.out);
            assert!(
                verify.number(&format!("records.{count}")) > 0,
                "{name} {what}: {}",
                verify.out
            );
            erased += 1;
        }
    }
    assert!(erased > 40, "{erased}");
}

#[test]
fn nothing_is_erased_from_files_that_were_changed() {
    let bed = Bed::new();
    bed.keys();
    let (mut emitter, mut lines) = chain_of(&["jane", "john", "joan"]);
    lines.push(emitter.close().text);
    lines[2] = lines[2].replace("john", "jack");
    bed.write("trail.ndjson", joined(&lines));
    let erase = format!("erase {KEYS} {SIGN} --subject jane --apply trail.ndjson");
    let refused = bed.run(&erase).expect(1).out;
    assert!(refused.contains("do not verify"), "{refused}");
    bed.run(&format!("{erase} --despite-failures")).expect(0);
    assert!(!bed.read("trail.ndjson").contains("jane"));
    assert!(
        bed.read("trail.ndjson").contains(&lines[2]),
        "what was changed is left as it is"
    );
    let standard = bed
        .run(&format!("erase {KEYS} {SIGN} --subject jane -"))
        .expect(2)
        .err;
    assert!(standard.contains("standard input"), "{standard}");
}

#[test]
fn paths_are_not_shown_twice() {
    let bed = Bed::new();
    bed.keys();
    let path = bed.write("trail.ndjson", trail(20));
    assert!(Path::new(&path).is_absolute());
    bed.run(&format!("verify {KEYS} {}", path.display()))
        .expect(0);
}

/// A purge or an erasure would take away the records that name what is missing.
#[test]
fn nothing_is_written_anew_while_a_chain_is_missing() {
    let bed = Bed::new();
    bed.keys();
    let whole = String::from_utf8(trail(2_000)).unwrap();
    let hipaa: String = whole
        .lines()
        .filter(|line| line.contains(r#""class":"hipaa""#))
        .map(|line| format!("{line}\n"))
        .collect();
    bed.write("hipaa.ndjson", &hipaa);
    let uid = hipaa
        .lines()
        .find(|line| line.starts_with(r#"{"action_id""#))
        .unwrap();
    let uid = Json::parse(uid.as_bytes()).unwrap();
    let uid = uid.at("metadata.uid").unwrap().as_str().unwrap();
    for command in [
        format!("purge {KEYS} {SIGN} --at 2090-01-01 hipaa.ndjson"),
        format!("erase {KEYS} {SIGN} --at 2090-01-01 --record {uid} hipaa.ndjson"),
    ] {
        let refused = bed.run(&format!("{command} --apply")).expect(1).out;
        assert!(
            refused.contains("chain_removed") && refused.contains("--excerpt"),
            "{refused}"
        );
        assert_eq!(bed.read("hipaa.ndjson"), hipaa);
        // Who has the other classes elsewhere says so.
        let part = bed.run(&format!("{command} --excerpt")).expect(0).out;
        assert!(part.contains("Dry run"), "{part}");
        bed.run(&format!("{command} --despite-failures")).expect(0);
    }
}
