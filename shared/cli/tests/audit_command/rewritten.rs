//! What operators have rewritten: subjects erased, records taken away.

use super::*;

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

/// Names that are nobody's, or those of what somebody came with, are not those of a subject.
#[test]
fn a_subject_is_none_that_is_only_called_so_elsewhere() {
    let bed = Bed::new();
    bed.keys();
    // All come through the application "shop-web", and one is called as requests without anybody are.
    let (mut emitter, mut lines) = chain_of(&["jane", "anonymous", "shop-web"]);
    let nobody = Request {
        subject: None,
        ..Request::some(&mut Random(3))
    };
    lines.push(emitter.request(&nobody).text);
    assert!(lines[4].contains(r#""name":"anonymous""#), "{}", lines[4]);
    assert!(lines[1].contains(r#""app_uid":"shop-web""#), "{}", lines[1]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    for subject in ["jane", "anonymous", "shop-web"] {
        let erase = format!("erase {KEYS} {SIGN} --subject {subject} trail.ndjson");
        let dry = bed.run(&erase).expect(0).out;
        assert!(
            dry.contains("1 records to erase parts of"),
            "{subject}: {dry}"
        );
    }
    let issuer = "https://idp.example.com/realms/shop";
    for (issuer, count) in [(issuer, 1), ("https://other.example.com", 0)] {
        let erase = format!("erase {KEYS} {SIGN} --subject jane --issuer {issuer} trail.ndjson");
        let dry = bed.run(&erase).expect(0).out;
        let said = format!("{count} records to erase parts of");
        assert!(dry.contains(&said), "{issuer}: {dry}");
    }
}

#[test]
fn a_record_is_taken_away_and_the_trail_verifies() {
    let bed = Bed::new();
    bed.keys();
    let (mut emitter, mut lines) = chain_of(&["a", "b", "c"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let uid = format!("{}:2", emitter.chain_uid());
    // It is to be kept for a second after the request.
    let at = trail::time::format(bed::LONG_AGO_MS);
    let erase = format!("erase {KEYS} {SIGN} --at {at} --record {uid} trail.ndjson --apply");
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
        let refused = bed.run(&command).expect(1).out;
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
