use super::*;

const RECORD: &str = r#"{"unmapped":{"record_integrity":{}}}"#;

fn logged(record: &str) -> String {
    audit::log_line::whole(record, None)
}

fn texts(line: &str) -> Vec<String> {
    match read(line, &[]) {
        Line::Record(text) => vec![format!("record {text}")],
        Line::Holds(contents) => {
            let found = contents.found.into_iter();
            let found = found.map(|found| format!("{:?} {}", found.origin, found.text));
            let parts = contents.parts.into_iter();
            let parts = parts.map(|part| format!("part {} {}", part.uid, part.number));
            found.chain(parts).chain(contents.malformed).collect()
        }
        Line::Fragment(fragment) => {
            let end = if fragment.is_last { "." } else { "..." };
            vec![format!("{} {}{end}", fragment.stream, fragment.text)]
        }
        Line::Other => vec!["other".to_owned()],
    }
}

#[test]
fn every_form() {
    let text = serde_json::to_string(RECORD).unwrap();
    let record = format!("record {RECORD}");
    let store = format!("Store {RECORD}");
    let log = format!("Log {RECORD}");
    let otlp = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":{text}}}}},{{"body":{{"stringValue":"hello"}}}},{{"body":{{"intValue":"1"}}}}]}}]}}]}}"#
    );
    for (line, expected) in [
        (RECORD.to_owned(), vec![record.clone()]),
        (
            RECORD.replacen('{', "{ ", 1),
            vec![format!("record {}", RECORD.replacen('{', "{ ", 1))],
        ),
        (format!("{RECORD}\r"), vec![record]),
        (
            r#"{"activity_id":1}"#.to_owned(),
            vec![r#"record {"activity_id":1}"#.to_owned()],
        ),
        (otlp.clone(), vec![store.clone()]),
        (otlp.replacen('{', "{ ", 1), vec![store.clone()]),
        (
            format!(r#"[{{"specversion":"1.0","data":{RECORD}}}]"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"specversion":"1.0","data":{RECORD}}}"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"specversion":"1.0","data":{text}}}"#),
            vec![store.clone()],
        ),
        (
            format!("[{RECORD}, {RECORD}]"),
            vec![store.clone(), store.clone()],
        ),
        (
            format!(r#"{{"_index":"a","_source":{RECORD}}}"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"_source":{{"message":{text}}}}}"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"hits":{{"hits":[{{"_source":{RECORD}}}]}}}}"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"preview":false,"result":{{"_raw":{text}}}}}"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"results":[{{"_raw":{text}}}]}}"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"Timestamp":"x","Body":{text},"ServiceName":"y"}}"#),
            vec![store.clone()],
        ),
        (
            format!(r#"{{"meta":[],"data":[{{"Body":{text}}}]}}"#),
            vec![store.clone()],
        ),
        (format!(r#"["2026",{text}]"#), vec![store]),
        // Where clients have a say.
        (format!(r#"{{"user_agent":{text}}}"#), vec![log.clone()]),
        (
            format!(
                r#"{{"MESSAGE":"x {}","_PID":"1"}}"#,
                logged(RECORD).replace('"', "\\\"")
            ),
            vec![log.clone()],
        ),
        (
            format!(
                r#"{{"level":"critical","msg":"wasm log: {}"}}"#,
                logged(RECORD).replace('"', "\\\"")
            ),
            vec![log.clone()],
        ),
        (
            format!("[2026-11-24][7][critical] wasm log: {}", logged(RECORD)),
            vec![log.clone()],
        ),
        (
            format!(
                "wasm log audit-emitter meshward.audit-emitter: {} while logging, client: \"}}\"",
                logged(RECORD)
            ),
            vec![log.clone()],
        ),
        (
            format!(
                "[meshward-audit/1 x [meshward-audit/1 - {{ {}",
                logged(RECORD)
            ),
            vec![log],
        ),
        (
            r#"x [meshward-audit/1 - 99] {"a":"#.to_owned(),
            vec!["Log ".to_owned()],
        ),
        (
            "x [meshward-audit/1 - 1 ab:1 1/2] {".to_owned(),
            vec!["part ab:1 1".to_owned()],
        ),
        // Others.
        (
            r#"{"resourceMetrics":[]}"#.to_owned(),
            vec!["other".to_owned()],
        ),
        (r#"{"a":1}"#.to_owned(), vec!["other".to_owned()]),
        ("[]".to_owned(), vec!["other".to_owned()]),
        (
            "[2026-11-24 21:00:00.000][7][info] started".to_owned(),
            vec!["other".to_owned()],
        ),
        (
            "x meshward.audit-emitter: hello".to_owned(),
            vec!["other".to_owned()],
        ),
        ("garbage".to_owned(), vec!["other".to_owned()]),
        (String::new(), vec!["other".to_owned()]),
        // Lines of containers.
        (
            r#"{"log":"a\"b\n","stream":"stderr","time":"2026"}"#.to_owned(),
            vec![r#"stderr a"b."#.to_owned()],
        ),
        (
            r#"{"log":"ab","stream":"stdout","time":"2026"}"#.to_owned(),
            vec!["stdout ab...".to_owned()],
        ),
        (
            "2026-11-24T21:00:00.000000000Z stderr P a b".to_owned(),
            vec!["stderr a b...".to_owned()],
        ),
        (
            "2026-11-24T21:00:00.000000000+01:00 stdout F a".to_owned(),
            vec!["stdout a.".to_owned()],
        ),
    ] {
        assert_eq!(texts(&line), expected, "{line}");
    }
    assert!(texts(r#"{"resourceLogs":[{]}"#)[0].starts_with("not an OTLP request"));
    let again = format!(
        r#"{{"unmapped":{{}},"unmapped":{}}}"#,
        "{\"record_integrity\":{}}"
    );
    assert_eq!(
        texts(&again),
        [format!("record {again}")],
        "the checker says what is wrong"
    );
}

fn part(line: &str) -> Part {
    let Line::Holds(mut contents) = read(line, &[]) else {
        panic!("{line}")
    };
    contents.parts.pop().unwrap()
}

#[test]
fn parts_make_a_record_in_any_order() {
    let mut parts = Parts::default();
    let none: [&str; 0] = [];
    for (line, expected) in [
        ("x [meshward-audit/1 - 3 ab:1 2/3]  b ", &none[..]),
        ("x [meshward-audit/1 - 1 ab:2 1/2] {", &none),
        ("x [meshward-audit/1 - 2 ab:1 3/3] c}", &none),
        ("x [meshward-audit/1 - 2 ab:1 3/3] c}", &none),
        ("x [meshward-audit/1 - 2 ab:1 1/3] {a", &["{a b c}"]),
        // They end where they say, and not before.
        ("x [meshward-audit/1 - 3 ab:3 1/2] {\"a, client: 1", &none),
        ("x [meshward-audit/1 - 4 ab:3 2/2] \":1", &none),
        (
            "x [meshward-audit/1 - 4 ab:3 2/2] \":1} while logging",
            &["{\"a\":1}"],
        ),
        ("x [meshward-audit/1 - 3 ab:4 1/1] {}", &none),
    ] {
        assert_eq!(parts.add(part(line)), expected, "{line}");
    }
    assert_eq!(parts.incomplete(), ["ab:2", "ab:4"]);
}

/// Whatever others write between two parts, the record is put together: they do not know its id, and
/// where they do, each text that they add is one more to try.
#[test]
fn others_cannot_take_a_record_away() {
    let mut parts = Parts::default();
    let none: [String; 0] = [];
    assert_eq!(parts.add(part("[meshward-audit/1 - 2 ab:1 1/2] {\"")), none);
    for number in 0..20_000 {
        let text = "y".repeat(1_000);
        let line = format!("[meshward-audit/1 - 1000 x{number}:1 1/10000] {text}");
        assert_eq!(parts.add(part(&line)), none);
    }
    assert_eq!(parts.add(part("[meshward-audit/1 - 2 ab:1 1/2] xx")), none);
    let wholes = parts.add(part("[meshward-audit/1 - 5 ab:1 2/2] a\":1}"));
    assert_eq!(wholes, ["{\"a\":1}", "xxa\":1}"]);
}

#[test]
fn pieces_of_lines_are_put_together_by_stream() {
    let mut fragments = Fragments::default();
    let mut lines = Vec::new();
    for line in [
        "2026-11-24T21:00:00.000000000Z stderr P a",
        "2026-11-24T21:00:00.000000000Z stdout F x",
        "2026-11-24T21:00:00.000000000Z stderr P b",
        "2026-11-24T21:00:00.000000000Z stderr F c",
        "2026-11-24T21:00:00.000000000Z stderr F d",
        r#"{"log":"e","stream":"stderr"}"#,
        r#"{"log":"f\n","stream":"stderr"}"#,
        r#"{"log":"g","stream":"stderr"}"#,
    ] {
        let Line::Fragment(fragment) = read(line, &[]) else {
            panic!("{line}")
        };
        lines.extend(fragments.add(&fragment));
    }
    fragments.end_file();
    lines.extend(fragments.end(|_| true).iter().map(|line| line.alone()));
    assert_eq!(lines, ["x", "abc", "d", "ef", "g"]);
}
