//! The report says what the records say, and its page is one that a browser shows.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use audit::{Control, Range, Statement};
use policy::json::Json;
use tempfile::TempDir;
use trail::synthetic::{Emitter, Random, Request, emitter_key, write_trail};

fn meshward(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(["audit", "report"])
        .args(arguments)
        .args([
            "--key",
            &format!("edge-2026={}", emitter_key().public().to_hex()),
        ])
        .current_dir(folder)
        .env("PSEUDONYM_KEY", PSEUDONYM_KEY)
        .output()
        .unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Json {
    let all = [arguments, &["--format", "json", "trail.ndjson"]].concat();
    Json::parse(&meshward(folder, &all).stdout).unwrap()
}

fn number(report: &Json, path: &str) -> u64 {
    report
        .at(path)
        .unwrap_or_else(|| panic!("{path}"))
        .to_string()
        .parse()
        .unwrap()
}

fn rows<'j>(report: &'j Json, path: &str) -> &'j [Json] {
    match report.at(path) {
        Some(Json::Array(rows)) => rows,
        other => panic!("{path}: {other:?}"),
    }
}

const PSEUDONYM_KEY: &str = "hV7nXq2LrT9cZb4WmK6sYd3PfG8jRt5Q";
const HOSTILE: &str = r#"<img src=x onerror=alert(1)>"#;

fn some(subject: Option<&str>) -> Request {
    let data = vec![("EMAIL", 3), ("US_SSN", 1)];
    Request {
        subject: subject.map(str::to_owned),
        operation: "GET /patients/{id}".to_owned(),
        status: 200,
        refused: None,
        data,
        gpc: true,
        purposes: vec!["care"],
        source: "192.0.2.9".to_owned(),
        ..Request::some(&mut Random(1))
    }
}

/// Six requests of three subjects, one of them twice in the files, and a gap.
fn small_trail(folder: &Path) -> Emitter {
    let keyed =
        audit_emitter::pseudonym::Pseudonymizer::new(PSEUDONYM_KEY.as_bytes(), "2026".to_owned());
    let jane = keyed.pseudonym("jane");
    let mut emitter = Emitter::new(6, "hipaa", Some(emitter_key()));
    emitter.keep_ms = Some(1_000);
    emitter.pseudonym_key = keyed.key_check();
    let mut lines = vec![emitter.open(None).text];
    lines.push(emitter.request(&some(Some(&jane))).text);
    lines.push(emitter.request(&some(Some(&jane))).text);
    emitter.time_ms += 3_600_000;
    let refused = Request {
        status: 401,
        refused: Some(("jwt-auth/rules[1]", "expired")),
        data: Vec::new(),
        gpc: false,
        purposes: Vec::new(),
        ..some(None)
    };
    lines.push(emitter.request(&refused).text);
    lines.push(emitter.request(&refused).text);
    let failed = Request {
        operation: HOSTILE.to_owned(),
        status: 503,
        data: Vec::new(),
        ..some(Some("john"))
    };
    lines.push(emitter.request(&failed).text);
    lines.push(emitter.checkpoint().text);
    let lost = emitter.request(&failed);
    lines.push(
        emitter
            .gap(vec![Range(lost.sequence, lost.sequence)], None)
            .text,
    );
    lines.push(emitter.close().text);
    lines.push(lines[1].clone());
    // One that was changed does not count.
    lines.push(lines[2].replace("EMAIL", "PHONE"));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.join("trail.ndjson"), text).unwrap();
    emitter
}

#[test]
fn counts_are_those_of_the_records() {
    let folder = TempDir::new().unwrap();
    small_trail(folder.path());
    let report = json(folder.path(), &[]);
    for (path, expected) in [
        ("totals.requests", 5),
        ("totals.allowed", 2),
        ("totals.refused", 2),
        ("totals.failed", 1),
        ("totals.subjects", 3),
        ("consent.opted_out", 3),
        ("consent.not_opted_out", 2),
        ("verification.records.invalid", 1),
        ("verification.records.duplicates", 1),
        ("verification.records.declared", 1),
    ] {
        assert_eq!(number(&report, path), expected, "{path}");
    }
    let classes = rows(&report, "data_classes");
    assert_eq!(
        classes[0].to_string(),
        r#"{"class":"EMAIL","requests":2,"values":6,"subjects":1}"#
    );
    assert_eq!(classes.len(), 2);
    let access = &rows(&report, "access")[0];
    assert!(
        access
            .at("subject")
            .unwrap()
            .as_str()
            .unwrap()
            .starts_with("2026:")
    );
    assert_eq!(rows(access, "data").len(), 2);
    let values: u64 = rows(access, "data")
        .iter()
        .map(|class| number(class, "count"))
        .sum();
    assert_eq!(number(access, "values"), values);
    let refusals = rows(&report, "refusals");
    assert_eq!(
        refusals[0].to_string(),
        r#"{"rule":"jwt-auth/rules[1]","reason":"expired","refused":2,"reported":0}"#
    );
    assert_eq!(
        rows(&report, "consent.purposes")[0].to_string(),
        r#"{"name":"care","count":3}"#
    );
    let class = &rows(&report, "retention")[0];
    assert_eq!(class.at("class").unwrap().as_str(), Some("hipaa"));
    let points = rows(&report, "timeline");
    let sum: u64 = points.iter().map(|point| number(point, "refused")).sum();
    assert_eq!(sum, 2);
    // The records were changed, and the exit status says so.
    let text = meshward(folder.path(), &["trail.ndjson"]);
    assert_eq!(text.status.code(), Some(1));
    let words = String::from_utf8(text.stdout).unwrap();
    assert!(words.contains("5 requests of 3 subjects"), "{words}");
    assert!(
        words.contains("gap: 1 requests, queue_full (lost)"),
        "{words}"
    );
}

/// Long tables are cut, and say so; what was left out by sampling is said wherever counts are.
#[test]
fn reports_show_as_many_rows_as_wanted_and_say_what_was_sampled() {
    let folder = TempDir::new().unwrap();
    let mut emitter = Emitter::new(8, "hipaa", Some(emitter_key()));
    let mut lines = vec![emitter.open(None).text];
    let callers: Vec<String> = (0..60)
        .map(|number| format!("caller-{number:02}"))
        .collect();
    lines.extend(
        callers
            .iter()
            .map(|caller| emitter.request(&some(Some(caller))).text),
    );
    let statement = Statement {
        records: 60,
        sampled_out: 1_234,
        ..Statement::default()
    };
    let reason = "shutdown".to_owned();
    let close = Control::Close { statement, reason };
    lines.push(emitter.control(&close, true).text);
    std::fs::write(folder.path().join("trail.ndjson"), lines.join("\n")).unwrap();
    for format in ["text", "html"] {
        for (wanted, shown, says) in [
            (None, 50, "(50 of 60 shown; --rows shows more)"),
            (Some("5"), 5, "(5 of 60 shown; --rows shows more)"),
            (Some("100"), 60, "(60, all shown)"),
        ] {
            let mut arguments = vec!["--format", format, "trail.ndjson"];
            arguments.extend(wanted.into_iter().flat_map(|rows| ["--rows", rows]));
            let page = String::from_utf8(meshward(folder.path(), &arguments).stdout).unwrap();
            let named = callers
                .iter()
                .filter(|caller| page.contains(caller.as_str()));
            assert_eq!(named.count(), shown, "{format} {wanted:?}");
            assert!(page.contains(says), "{format}: {says}");
            let sampling = "Sampling: of 1,234 further requests no record was kept";
            assert!(page.contains(sampling), "{format} {wanted:?}");
        }
    }
    let report = json(folder.path(), &["--rows", "5"]);
    assert_eq!(number(&report, "totals.sampled_out"), 1_234);
}

#[test]
fn filters_choose_what_is_counted() {
    let folder = TempDir::new().unwrap();
    small_trail(folder.path());
    let of = |subject| {
        [
            "--subject",
            subject,
            "--pseudonym-key-env",
            "2026=PSEUDONYM_KEY",
        ]
    };
    for (arguments, expected) in [
        (&of("jane")[..], 2),
        (&of("joan"), 0),
        (&of("john"), 1),
        (&["--route", "GET /patients/{id}"], 4),
        (&["--route", "GET /patients*"], 4),
        (&["--class", "hipaa"], 5),
        (&["--data-class", "US_SSN"], 2),
        (&["--from", "2027-01-15T08:30:00Z"], 3),
        (&["--to", "2027-01-15T08:30:00Z"], 2),
        (&["--from", "2028-01-01"], 0),
    ] {
        let report = json(folder.path(), arguments);
        assert_eq!(
            number(&report, "totals.requests"),
            expected,
            "{arguments:?}"
        );
        // Whether all can be trusted is another question.
        assert_eq!(number(&report, "verification.records.requests"), 5);
    }
    // A word that no record has is more likely a mistake than a question.
    for (option, word, near) in [
        ("--route", "GET", "GET /patients/{id}"),
        ("--class", "default", "hipaa"),
    ] {
        let output = run(folder.path(), &[option, word, "trail.ndjson"]);
        let said = String::from_utf8_lossy(&output.stderr);
        // This trail is not to be trusted either, which counts for more.
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("no record of these files has this") && said.contains(near),
            "{said}"
        );
    }
}

#[test]
fn the_page_needs_nothing_and_runs_nothing() {
    let folder = TempDir::new().unwrap();
    small_trail(folder.path());
    let page = meshward(folder.path(), &["--format", "html", "trail.ndjson"]).stdout;
    let page = String::from_utf8(page).unwrap();
    for foreign in [
        "http:", "https:", "href=", "<script", "url(", "@import", "<img",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("&lt;img"), "what a client wrote is text");
    assert!(page.contains("Not to be trusted"));
}

/// The browser shows it: all charts are there, in their colours, and nothing was complained about.
#[test]
fn a_browser_shows_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = Command::new(root.join("envoy-test/setup/chromium.sh"))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{words}");
    let browser = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    let folder = TempDir::new().unwrap();
    let mut trail = Vec::new();
    write_trail(&mut trail, 3_000, 1).unwrap();
    std::fs::write(folder.path().join("trail.ndjson"), trail).unwrap();
    meshward(
        folder.path(),
        &[
            "--format",
            "html",
            "--output",
            "report.html",
            "trail.ndjson",
        ],
    );
    let open = |extra: &[&str], profile: &str| {
        let page = folder.path().join("report.html");
        Command::new(&browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join(profile).display()
            ))
            .args([
                "--enable-logging=stderr",
                "--hide-scrollbars",
                "--window-size=1120,2600",
            ])
            .args(extra)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap()
    };
    let dom = open(&["--dump-dom"], "profile-1");
    let console = String::from_utf8_lossy(&dom.stderr).into_owned();
    assert!(!console.contains("CONSOLE"), "{console}");
    let dom = String::from_utf8(dom.stdout).unwrap();
    assert_eq!(dom.matches("<svg").count(), 7, "one for each chart");
    assert!(dom.matches("<rect").count() > 100);
    let picture = screenshot_path(&root);
    open(
        &[&format!("--screenshot={}", picture.display())],
        "profile-2",
    );
    let decoder = png::Decoder::new(std::io::BufReader::new(
        std::fs::File::open(&picture).unwrap(),
    ));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (1120, 2600));
    let bytes = info.color_type.samples();
    let count = |colour: [u8; 3]| {
        pixels
            .chunks(bytes)
            .filter(|pixel| pixel[..3] == colour)
            .count()
    };
    for (name, colour, least) in [
        ("allowed", [0x3b, 0x7d, 0xd8], 10_000),
        ("refused", [0xd9, 0x54, 0x4d], 1_000),
        ("failed", [0xe3, 0xa3, 0x3b], 100),
        ("heat", [0x7a, 0x3f, 0xb5], 100),
        ("card", [0xff, 0xff, 0xff], 500_000),
    ] {
        assert!(
            count(colour) > least,
            "{name}: {} pixels in {}",
            count(colour),
            picture.display()
        );
    }
}

fn screenshot_path(root: &Path) -> PathBuf {
    let folder = root.join("target/testbed");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("audit-report.png")
}

const WEEK_MS: u64 = 7 * 86_400_000;

/// Writes the trail of an emitter in which each week has the records that `add` makes for one of its days. Returns
/// when the first day begins.
fn trail_of_weeks(
    folder: &TempDir,
    (seed, weeks): (u64, u64),
    mut add: impl FnMut(&mut Emitter, u64, &mut Vec<String>),
) -> u64 {
    let mut emitter = Emitter::new(seed, "hipaa", Some(emitter_key()));
    emitter.step_ms = 1;
    let mut lines = vec![emitter.open(None).text];
    let begin_ms = emitter.time_ms - emitter.time_ms % 86_400_000;
    for week in 0..weeks {
        emitter.time_ms = begin_ms + week * WEEK_MS + 3_600_000;
        add(&mut emitter, week, &mut lines);
        lines.push(emitter.checkpoint().text);
    }
    lines.push(emitter.close().text);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(folder.path().join("trail.ndjson"), text).unwrap();
    begin_ms
}

/// A report of no time is no report that nothing happened.
#[test]
fn ends_in_the_wrong_order_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args([
            "audit",
            "report",
            "--from",
            "2026-12-02",
            "--to",
            "2026-12-01",
            "trail.ndjson",
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("--from is not before --to"), "{told}");
    assert_eq!(output.status.code(), Some(2), "{told}");
}

/// One export of many values is more than many requests for few.
#[test]
fn who_saw_most_values_stands_first() {
    let folder = TempDir::new().unwrap();
    let mut emitter = Emitter::new(8, "pci", Some(emitter_key()));
    let mut lines = vec![emitter.open(None).text];
    for (subject, times, values) in [("busy", 5, 2), ("export", 1, 900)] {
        for _ in 0..times {
            let request = Request {
                data: vec![("US_SSN", values)],
                status: 200,
                refused: None,
                ..some(Some(subject))
            };
            lines.push(emitter.request(&request).text);
        }
    }
    lines.push(emitter.close().text);
    std::fs::write(folder.path().join("trail.ndjson"), lines.join("\n") + "\n").unwrap();
    let report = json(folder.path(), &[]);
    let rows: Vec<(String, u64, u64)> = rows(&report, "access")
        .iter()
        .map(|row| {
            let subject = row.member("subject").unwrap().as_str().unwrap();
            (
                subject.to_owned(),
                number(row, "values"),
                number(row, "requests"),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [("export".to_owned(), 900, 1), ("busy".to_owned(), 10, 5)]
    );
}

/// A day is compared with the same weekdays before it.
#[test]
fn a_baseline_names_what_is_unlike_the_weeks_before() {
    let folder = TempDir::new().unwrap();
    let begin_ms = trail_of_weeks(&folder, (6, 5), |emitter, week, lines| {
        let is_last = week == 4;
        let mut send = |subject: &str, operation: &str, count: u64, refused: bool, data: u64| {
            for _ in 0..count {
                let request = Request {
                    operation: operation.to_owned(),
                    method: "GET",
                    status: if refused { 403 } else { 200 },
                    refused: refused.then_some(("jwt-auth/rules[2]", "scope_missing")),
                    data: match data {
                        0 => Vec::new(),
                        values => vec![("US_SSN", values)],
                    },
                    ..some(Some(subject))
                };
                lines.push(emitter.request(&request).text);
            }
        };
        send("jane", "GET /orders", 40 + week, false, 1);
        // As many requests as ever, with more in each.
        let values = if is_last { 30 } else { 2 };
        send("lena", "GET /orders", 20, false, values);
        send(
            "john",
            "GET /orders",
            if is_last { 400 } else { 50 },
            false,
            u64::from(is_last),
        );
        send("mary", "GET /orders", 20, true, 0);
        send("mary", "GET /orders", if is_last { 80 } else { 0 }, true, 0);
        send("root", "GET /admin", 5, false, 0);
    });
    let day = |week: u64| trail::time::format(begin_ms + week * WEEK_MS);
    let (from, to) = (
        day(4),
        trail::time::format(begin_ms + 4 * WEEK_MS + 86_400_000),
    );
    let report = json(
        folder.path(),
        &["--baseline", "4", "--from", &from, "--to", &to],
    );
    assert_eq!(number(&report, "anomalies.weeks"), 4);
    let found: Vec<String> = rows(&report, "anomalies.rows")
        .iter()
        .map(|row| {
            let word = |name: &str| row.member(name).unwrap().as_str().unwrap().to_owned();
            format!("{}: {}", word("kind"), word("of"))
        })
        .collect();
    for expected in [
        "new_caller_of_class: US_SSN by john",
        "data_out_of_range: US_SSN by lena",
        "refusals_surge: jwt-auth/rules[2] scope_missing",
        "caller_out_of_range: john",
        "caller_out_of_range: mary",
        "route_out_of_range: GET /orders",
        "route_of_one_caller: GET /admin by root",
    ] {
        assert!(
            found.iter().any(|one| one == expected),
            "{expected}: {found:?}"
        );
    }
    assert_eq!(found.len(), 7, "{found:?}");
    // The report itself is of the period alone, and the week before is like the others.
    assert_eq!(number(&report, "totals.requests"), 44 + 20 + 400 + 100 + 5);
    let (from, to) = (
        day(3),
        trail::time::format(begin_ms + 3 * WEEK_MS + 86_400_000),
    );
    let report = json(
        folder.path(),
        &["--baseline", "4", "--from", &from, "--to", &to],
    );
    let kinds = rows(&report, "anomalies.rows").iter();
    let kinds: Vec<&str> = kinds
        .map(|row| row.member("kind").unwrap().as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["route_of_one_caller"]);
    let text = meshward(
        folder.path(),
        &[
            "--baseline",
            "1",
            "--from",
            &to,
            "--to",
            "2028-01-01",
            "trail.ndjson",
        ],
    );
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("new caller of a class") && text.contains("takes three weeks"),
        "{text}"
    );
}

#[test]
fn operations_that_one_role_only_uses_are_named() {
    let folder = TempDir::new().unwrap();
    let begin_ms = trail_of_weeks(&folder, (7, 2), |emitter, _, lines| {
        for (subject, roles, operation, refused) in [
            ("jane", vec!["admin", "staff"], "GET /admin", false),
            ("john", vec!["admin", "staff"], "GET /admin", false),
            // Who is refused has not used it.
            ("lena", vec!["staff"], "GET /admin", true),
            // Everybody is of the staff, which tells nothing.
            ("lena", vec!["staff"], "GET /orders", false),
            ("jane", vec!["admin", "staff"], "GET /orders", false),
            ("mary", vec!["auditor", "staff"], "GET /mixed", false),
            ("john", vec!["admin", "staff"], "GET /mixed", false),
        ] {
            for _ in 0..6 {
                let request = Request {
                    roles: roles.clone(),
                    operation: operation.to_owned(),
                    method: "GET",
                    refused: refused.then_some(("jwt-auth/rules[2]", "scope_missing")),
                    ..some(Some(subject))
                };
                lines.push(emitter.request(&request).text);
            }
        }
    });
    let at = |time_ms: u64| trail::time::format(time_ms);
    let (from, to) = (at(begin_ms + WEEK_MS), at(begin_ms + WEEK_MS + 86_400_000));
    let options = ["--baseline", "1", "--from", &from, "--to", &to];
    let report = json(folder.path(), &options);
    let found: Vec<String> = rows(&report, "anomalies.rows")
        .iter()
        .map(|row| {
            let word = |name: &str| row.member(name).unwrap().as_str().unwrap().to_owned();
            format!("{}: {}", word("kind"), word("of"))
        })
        .collect();
    assert_eq!(found, ["route_of_one_role: GET /admin by admin"]);
}
