//! What operators have rewritten: subjects erased, records taken away.

use super::*;

#[test]
fn a_subject_is_erased_and_the_trail_verifies() {
    let bed = Bed::with_keys();
    let jane =
        audit_emitter::pseudonym::Pseudonymizer::new(PSEUDONYM_KEY.as_bytes(), "2026".to_owned())
            .pseudonym("jane");
    let lines = closed_chain(&["john", &jane, "joan", &jane, "jack"]);
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
    assert_eq!(bed.read("ledger.ndjson"), "");
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
    let bed = Bed::with_keys();
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
    let bed = Bed::with_keys();
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
            let bed = Bed::with_keys();
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
    let bed = Bed::with_keys();
    let mut lines = closed_chain(&["jane", "john", "joan"]);
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
    let bed = Bed::with_keys();
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

/// Names in records are chosen by whoever made the requests.
#[test]
fn a_name_forges_no_line() {
    let bed = Bed::new();
    let (mut emitter, mut lines) =
        chain_of(&["eve\n2020-09-13T12:26:40Z  x  jane\u{1b}[2J\u{202e}"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    for command in ["search", "report", "inventory --processing"] {
        let shown = bed.run(&format!("{command} trail.ndjson")).expect(0).out;
        let is_forged = |line: &str| line.starts_with("2020") && line.ends_with("jane");
        assert!(!shown.lines().any(is_forged), "{command}: {shown}");
        assert!(
            !shown.contains(['\u{1b}', '\u{202e}']),
            "{command}: {shown}"
        );
    }
}

/// The same words choose records for every command.
#[test]
fn an_application_and_an_issuer_choose_for_every_command() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["jane", "shop-web"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let issuer = "https://idp.example.com/realms/shop";
    let erase = format!("erase {KEYS} {SIGN}");
    let hold = format!("hold {KEYS} {SIGN} --name case");
    for (words, count) in [
        ("--app shop-web".to_owned(), 2),
        ("--app other".to_owned(), 0),
        ("--subject jane --app shop-web".to_owned(), 1),
        (format!("--subject jane --issuer {issuer}"), 1),
        (
            "--subject jane --issuer https://other.example.com".to_owned(),
            0,
        ),
    ] {
        let search = bed.run(&format!("search {words} trail.ndjson")).expect(0);
        assert!(
            search.err.contains(&format!("{count} requests")),
            "{words}: {}",
            search.err
        );
        let report = bed
            .run(&format!("report --format json {words} trail.ndjson"))
            .expect(0);
        assert_eq!(report.number("totals.requests"), count, "{words}");
        let erased = bed
            .run(&format!("{erase} {words} trail.ndjson"))
            .expect(0)
            .out;
        let said = format!("{count} records to erase parts of");
        assert!(erased.contains(&said), "{words}: {erased}");
        let held = bed.run(&format!("{hold} {words} trail.ndjson"));
        assert_eq!(
            held.code,
            if count == 0 { 2 } else { 0 },
            "{words}: {}",
            held.err
        );
        let said = format!("{count} records of the subject");
        assert!(held.out.contains(&said), "{words}: {}", held.out);
    }
    bed.run(&format!("search --issuer {issuer} trail.ndjson"))
        .expect(64);
    bed.run(&format!("{erase} trail.ndjson")).expect(64);
    bed.run(&format!("{hold} --release --app shop-web trail.ndjson"))
        .expect(64);
}

/// A row that holds two records keeps the one that is not meant.
#[test]
fn a_row_keeps_its_other_record() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["a", "b", "c"]);
    lines.push(emitter.close().text);
    let uid = format!("{}:2", emitter.chain_uid());
    let row = |one: &str, other: &str| format!("{{\"one\":{one},\"other\":{other}}}");
    let batch = |one: &str, other: &str| format!("[{one},{other}]");
    for rows in [
        vec![
            lines[0].clone(),
            row(&lines[1], &lines[2]),
            lines[3].clone(),
            lines[4].clone(),
        ],
        vec![
            lines[0].clone(),
            batch(&lines[1], &lines[2]),
            lines[3].clone(),
            lines[4].clone(),
        ],
    ] {
        bed.write("ledger.ndjson", "");
        bed.write("trail.ndjson", joined(&rows));
        bed.run(&format!(
            "erase {KEYS} {SIGN} --record {uid} trail.ndjson --apply"
        ))
        .expect(0);
        let verify = format!("verify {KEYS} --json --ledger ledger.ndjson trail.ndjson");
        let outcome = bed.run(&verify).expect(0);
        assert_eq!(outcome.number("records.removed"), 1);
        assert!(bed.read("trail.ndjson").contains(&lines[1]));
    }
}

/// The keys that were given say what the operator's is called.
#[test]
fn an_order_is_signed_as_the_keys_call_the_operator() {
    let bed = Bed::with_keys();
    let (mut emitter, mut lines) = chain_of(&["jane"]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    let sign = "--ledger ledger.ndjson --sign-key dpo.secret";
    let erase = format!("erase {KEYS} {sign} --subject jane trail.ndjson --apply");
    let refused = bed
        .run(&format!("{erase} --sign-key-id other"))
        .expect(2)
        .err;
    assert!(refused.contains("call this key \"dpo\""), "{refused}");
    bed.run(&erase).expect(0);
    bed.run(&format!(
        "verify {KEYS} --ledger ledger.ndjson trail.ndjson"
    ))
    .expect(0);
}

/// Who is looked for may be behind a pseudonym whose key was not given: then not all was found.
#[test]
fn what_is_behind_a_pseudonym_without_its_key_is_not_all() {
    let bed = Bed::with_keys();
    let unknown = "2025:00112233445566778899aabbccddeeff";
    let (mut emitter, mut lines) = chain_of(&["jane", unknown]);
    lines.push(emitter.close().text);
    bed.write("trail.ndjson", joined(&lines));
    for command in [
        "search".to_owned(),
        "report".to_owned(),
        format!("erase {KEYS} {SIGN}"),
        format!("hold {KEYS} {SIGN} --name case"),
    ] {
        let asked = format!("{command} --subject jane trail.ndjson");
        let told = bed.run(&asked).expect(2).err;
        assert!(told.contains("2025: 1 records"), "{command}: {told}");
        bed.run(&format!("{asked} --pseudonym-key-env 2025=PSEUDONYM_KEY"))
            .expect(0);
        // A pseudonym is nobody's other name.
        bed.run(&format!("{command} --subject {unknown} trail.ndjson"))
            .expect(0);
    }
}

/// What is read from two files together cannot be changed in one of them.
#[test]
fn a_line_that_is_spread_over_two_files_is_refused() {
    let (bed, lines) = Bed::with_trail(&["jane", "john"]);
    let cri = |tag: &str, text: &str| format!("2026-11-24T21:00:00.1Z stderr {tag} {text}\n");
    let mut logs = [String::new(), String::new()];
    for (number, line) in lines.iter().enumerate() {
        let line = logged(line);
        let (first, rest) = line.split_at(line.len() / 2);
        let (begins, ends) = (usize::from(number > 1), usize::from(number > 0));
        logs[begins].push_str(&cri("P", first));
        logs[ends].push_str(&cri("F", rest));
    }
    bed.write("1.log", &logs[0]);
    bed.write("0.log", &logs[1]);
    bed.run(&format!("verify {KEYS} 0.log 1.log")).expect(0);
    let erase = |name: &str, files: &str| {
        bed.run(&format!(
            "erase {KEYS} {SIGN} --subject {name} --apply {files}"
        ))
    };
    let refused = erase("jane", "0.log 1.log").expect(2).err;
    assert!(
        refused.contains("1 of the records stand in lines"),
        "{refused}"
    );
    assert_eq!(bed.read("ledger.ndjson"), "");
    erase("john", "0.log 1.log").expect(0);
    bed.write(
        "both.log",
        format!("{}{}", bed.read("1.log"), bed.read("0.log")),
    );
    erase("jane", "both.log").expect(0);
    assert!(!bed.read("both.log").contains("jane"));
    bed.run(&format!("verify {KEYS} --ledger ledger.ndjson both.log"))
        .expect(0);
}

/// A part of a record in a log that cannot be changed is told, whatever was to be done to it.
#[test]
fn a_part_of_a_record_that_stays_is_told() {
    let (bed, lines) = Bed::with_trail(&["jane"]);
    let log: Vec<String> = lines
        .iter()
        .flat_map(|line| {
            let record = Json::parse(line.as_bytes()).unwrap();
            let uid = record.at("metadata.uid").unwrap().as_str().unwrap();
            audit::log_line::write(uid, line, 400, None)
        })
        .collect();
    bed.write("envoy.log", joined(&log));
    bed.run(&format!("verify {KEYS} envoy.log")).expect(0);
    let erase = format!("erase {KEYS} {SIGN} --subject jane --apply envoy.log");
    let told = bed.run(&erase).expect(2).err;
    assert!(
        told.contains("parts of records are in lines of a log"),
        "{told}"
    );
}

/// Stores write what they index beside a record, and a proxy the request that a line of its log is about.
#[test]
fn what_stands_beside_an_erased_record_is_told() {
    let (_, lines) = Bed::with_trail(&["janedoe", "john"]);
    let quoted = |line: &str| Json::from(line).to_string();
    let beside_jane = |line: &str, beside: &str, none: &str| match line.contains("janedoe") {
        true => beside.to_owned(),
        false => none.to_owned(),
    };
    let splunk = |line: &String| {
        let field = beside_jane(line, r#","actor.user.uid":"janedoe""#, "");
        format!(r#"{{"result":{{"_raw":{}{field}}}}}"#, quoted(line))
    };
    let hit = |line: &String| {
        let field = beside_jane(line, r#","fields":{"actor.user.uid":["janedoe"]}"#, "");
        format!(r#"{{"_id":"1","_source":{line}{field}}}"#)
    };
    let nginx = |line: &String| {
        let request = beside_jane(line, "GET /of/janedoe/0", "GET /");
        format!(
            "2027/01/01 [info] {}, request: \"{request} HTTP/1.1\"",
            logged(line)
        )
    };
    let twice = |line: &String| {
        let copy = beside_jane(line, &format!(r#" {{"x":{line}}}"#), "");
        format!("[7] {}{copy}", logged(line))
    };
    // A longer word that begins so is somebody else's.
    let other = |line: &String| {
        format!(
            r#"{{"_raw":{},"host":"janedoes","note":"a janedoe1"}}"#,
            quoted(line)
        )
    };
    type Written<'w> = &'w dyn Fn(&String) -> String;
    let stores: [(&str, Written<'_>, bool); 5] = [
        ("splunk.json", &splunk, true),
        ("hits.ndjson", &hit, true),
        ("nginx.log", &nginx, true),
        ("twice.log", &twice, true),
        ("other.json", &other, false),
    ];
    for (name, written, is_left) in stores {
        let bed = Bed::with_keys();
        let text = joined(&lines.iter().map(written).collect::<Vec<_>>());
        let first = text.lines().position(|line| line.contains("janedoe"));
        bed.write(name, &text);
        let erase = format!("erase {KEYS} {SIGN} --subject janedoe --apply {name}");
        let outcome = bed.run(&erase).expect(if is_left { 2 } else { 0 });
        let told = format!(
            "{name}: 1 lines still say beside the record what was erased from it, the first of them line {}",
            first.unwrap() + 1
        );
        assert_eq!(outcome.err.contains(&told), is_left, "{}", outcome.err);
        // It is told, and what is not a record stays as it was.
        assert!(bed.read(name).contains("janedoe"), "{name}");
        assert!(bed.read(name).contains(r#"erased"#), "{name}");
    }
}
