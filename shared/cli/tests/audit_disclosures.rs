//! Who got to see what about a person, in every form; and what is erased for that person.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use audit::{Chain, Control};
use audit_emitter::config::{FieldSettings, Level, Retention};
use audit_emitter::pseudonym::Pseudonymizer;
use audit_emitter::record::{Envelope, Observation, ObservedSubjects, write};
use policy::decision::{Decision, Outcome};
use policy::finding::{Category, Finding, FindingOutcome, Place};
use policy::identity::Identity;

const KEY: &str = "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo";

/// A trail of three requests: jane about 7 and 8, joe about 8, and joe about more than are named.
fn trail() -> String {
    trail_of("2026", "shop", [7; 16])
}

/// The same, with the pseudonyms of an epoch and through an application.
fn trail_of(epoch: &str, application: &str, uid: [u8; 16]) -> String {
    // The first is written before anybody knows what becomes of the request.
    let requests: [(&str, &[&str], u64, &str); 4] = [
        ("jane", &["7", "8"], 0, "received"),
        ("jane", &["7", "8"], 0, ""),
        ("joe", &["8"], 0, ""),
        ("joe", &["9"], 5, ""),
    ];
    trail_with(&requests, epoch, application, uid)
}

/// A trail of such records: the caller, whom it is about, how many more, and `received` or not, with the id of the
/// request behind it.
fn trail_with(
    requests: &[(&str, &[&str], u64, &str)],
    epoch: &str,
    application: &str,
    uid: [u8; 16],
) -> String {
    let keyed = Pseudonymizer::new(KEY.as_bytes(), epoch.to_owned());
    records_of(requests, &keyed, application, Chain::new(uid))
}

/// The records of such requests, as the next ones of a chain.
fn records_of(
    requests: &[(&str, &[&str], u64, &str)],
    keyed: &Pseudonymizer,
    application: &str,
    mut chain: Chain,
) -> String {
    let mut text = String::new();
    for (number, &(caller, people, omitted, said)) in requests.iter().enumerate() {
        let (stage, id) = said.split_once(' ').unwrap_or((said, ""));
        let finding = Finding {
            kind: "US_SSN".to_owned(),
            category: Category::Governmental,
            rule: None,
            place: Place::ResponseBody,
            outcome: FindingOutcome::Seen,
            count: 1,
        };
        let observation = Observation {
            time_ms: 1_800_000_000_000 + number as u64,
            request_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
            method: Some("GET".to_owned()),
            path: Some(format!("/patients/{}", people[0])),
            status: Some(200),
            identity: Some(
                Identity {
                    subject: Some(caller.to_owned()),
                    client_id: Some(application.to_owned()),
                    ..Identity::default()
                }
                .into(),
            ),
            decisions: vec![Decision::new("pii-redactor", Outcome::Allowed).found(finding)],
            data_subjects: Some(ObservedSubjects {
                values: people.iter().map(|one| (*one).to_owned()).collect(),
                omitted,
                is_incomplete: false,
            }),
            ..Observation::default()
        };
        let envelope = Envelope {
            chain: &chain,
            salts: [[1; 16], [2; 16], [3; 16], [4; 16], [5; 16]],
            level: Level::Metadata,
            is_received: stage == "received",
            template: Some("/patients/{id}"),
            retention: &Retention::default(),
            fields: &FieldSettings::default(),
            subject: Some(keyed),
        };
        let writer = write(&observation, &envelope, 12_288);
        text.push_str(&chain.seal(writer, None).text);
        text.push('\n');
    }
    text
}

fn audit(command: &str, arguments: &[&str]) -> Output {
    audit_of(&trail(), command, arguments)
}

fn audit_of(trail: &str, command: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trail.ndjson");
    std::fs::write(&file, trail).unwrap();
    Command::new(env!("CARGO_BIN_EXE_meshward"))
        .args(["audit", command])
        .args(arguments)
        .arg(&file)
        .env("SUBJECT", KEY)
        .output()
        .unwrap()
}

const KEYED: [&str; 2] = ["--pseudonym-key-env", "2026=SUBJECT"];

fn disclosures(format: &str) -> String {
    disclosures_of("7", 1, format)
}

fn disclosures_of(person: &str, count: u64, format: &str) -> String {
    let more = ["--data-subject", person, "--format", format, "--excerpt"];
    let output = audit("disclosures", &[&KEYED[..], &more].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains(&format!("{count} requests were about this person"))
            && errors.contains("1 further records say that a request was received"),
        "{errors}"
    );
    assert!(
        errors.contains("1 records do not name everybody"),
        "{errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_person_learns_who_saw_what() {
    let text = disclosures("text");
    assert!(
        text.contains("GET /patients/{id}  completed  US_SSN=clear"),
        "{text}"
    );
    let csv = disclosures("csv");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(
        csv.contains(r#""GET /patients/{id}","completed","US_SSN=clear""#),
        "{csv}"
    );
    let json: serde_json::Value = serde_json::from_str(&disclosures("json")).unwrap();
    assert_eq!(json[0]["disclosed"][0]["form"], "clear", "{json}");
    let fhir: serde_json::Value = serde_json::from_str(&disclosures("fhir")).unwrap();
    let event = &fhir["entry"][0]["resource"];
    assert_eq!(event["resourceType"], "AuditEvent", "{fhir}");
    assert_eq!(event["action"], "R");
    let url = fhir["entry"][0]["fullUrl"].as_str().unwrap();
    assert!(url.starts_with("urn:uuid:") && url.len() == 45, "{url}");
    let role = |agent: usize| event["agent"][agent]["type"]["coding"][0]["code"].clone();
    assert_eq!((role(0), role(1)), ("110152".into(), "110153".into()));
    let keyed = Pseudonymizer::new(KEY.as_bytes(), "2026".to_owned());
    let patient = &event["entity"][0];
    assert_eq!(
        patient["what"]["identifier"]["value"],
        keyed.data_subject("7")
    );
    assert_eq!(patient["detail"][0]["type"], "US_SSN");
    // The first record is about two people, and each learns of themselves only.
    let fhir: serde_json::Value = serde_json::from_str(&disclosures_of("8", 2, "fhir")).unwrap();
    for entry in fhir["entry"].as_array().unwrap() {
        assert_eq!(
            entry["resource"]["entity"][0]["what"]["identifier"]["value"],
            keyed.data_subject("8"),
            "{fhir}"
        );
    }
}

/// What was sampled out or lost after it was received is a disclosure all the same, as far as anybody can tell; an id
/// that a client sends again does not hide it.
#[test]
fn requests_without_an_outcome_are_listed() {
    let text = trail_with(
        &[
            ("jane", &["7"], 0, "received r-1"),
            ("jane", &["7"], 0, "ended r-1"),
            ("bob", &["7"], 0, "received r-2"),
            ("bob", &["7"], 0, "received r-1"),
        ],
        "2026",
        "shop",
        [7; 16],
    );
    let asked = [&KEYED[..], &["--data-subject", "7", "--excerpt"]].concat();
    let output = audit_of(&text, "disclosures", &asked);
    let listed = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    let outcomes: Vec<&str> = ["completed", "received"]
        .into_iter()
        .flat_map(|word| listed.matches(word))
        .collect();
    assert_eq!(outcomes, ["completed", "received", "received"], "{listed}");
    assert!(
        told.contains("3 requests were about this person")
            && told.contains("1 further records say that a request was received; those above")
            && told.contains("2 requests were received, and no record says what became of them"),
        "{told}"
    );
    assert_ne!(output.status.code(), Some(0), "{told}");
    let fhir = [&asked[..], &["--format", "fhir"]].concat();
    let fhir = audit_of(&text, "disclosures", &fhir).stdout;
    let fhir: serde_json::Value = serde_json::from_slice(&fhir).unwrap();
    let last = &fhir["entry"][2]["resource"];
    assert!(
        last["outcome"].is_null() && last["outcomeDesc"].is_string(),
        "{last}"
    );
}

#[test]
fn people_are_found_by_their_pseudonyms_alone() {
    let output = audit("disclosures", &["--data-subject", "7"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("--pseudonym-key-env"), "{errors}");
}

#[test]
fn a_report_is_about_one_person() {
    let more = ["--data-subject", "8", "--format", "json", "--excerpt"];
    let output = audit("report", &[&KEYED[..], &more].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["totals"]["requests"], 2, "{report}");
}

#[test]
fn the_records_about_a_person_are_found() {
    let more = ["--data-subject", "8", "--format", "json", "--excerpt"];
    let output = audit("search", &[&KEYED[..], &more].concat());
    let records: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let records = records.as_array().unwrap();
    assert_eq!(records.len(), 2, "{records:?}");
    assert!(records[1]["actor"]["user"]["uid"].is_string());
    let more = ["--data-subject", "8", "--rows", "1", "--excerpt"];
    let output = audit("search", &[&KEYED[..], &more].concat());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(shown.lines().count(), 1, "{shown}");
    let uid = records[1]["metadata"]["uid"].as_str().unwrap();
    assert!(
        shown.contains(uid) && shown.contains("GET /patients/{id}  completed"),
        "{shown}"
    );
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("2 requests.") && told.contains("first 1 of them"),
        "{told}"
    );
    let output = audit("search", &["--route", "GET /orders*", "--excerpt"]);
    assert_eq!(output.stdout, b"");
}

/// Records that leave somebody out may be about the person, and are kept too.
#[test]
fn a_standing_hold_keeps_what_is_about_a_person() {
    let keys = [("2026".to_owned(), KEY.as_bytes().to_vec())];
    let person = trail::subject::Subject::of_data("7", &keys);
    let selector = trail::holds::of_subject(&person, &[9; 16]);
    let keyed = Pseudonymizer::new(KEY.as_bytes(), "2026".to_owned());
    let pseudonym = keyed.data_subject("7");
    assert!(
        selector
            .values
            .iter()
            .all(|value| !value.contains(&pseudonym))
    );
    let order = trail::chains::Order {
        time_ms: 0,
        chain: [0; 16],
        sequence: 0,
        control: Control::Hold {
            hold: "case".to_owned(),
            targets: Vec::new(),
            standing: vec![selector],
            grounds: std::collections::BTreeMap::new(),
        },
    };
    let holds = trail::holds::Holds::active(&[order], 0);
    let is_held = |line: &str| {
        let fields = trail::scan::scan(line).unwrap();
        holds.by_content(line, &fields).is_some()
    };
    let held: Vec<bool> = trail().lines().map(is_held).collect();
    assert_eq!(held, [true, true, false, true]);
}

/// A record that leaves somebody out may be about the person, and is held without --standing, too.
#[test]
fn a_hold_keeps_what_may_be_about_a_person() {
    let secret = audit::Hash::plain(KEY.as_bytes()).to_hex();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("dpo.secret");
    std::fs::write(&key, secret).unwrap();
    let ledger = folder.path().join("ledger.ndjson");
    let named = ["--name", "case", "--data-subject", "7", "--sign-key"];
    let files = [key.to_str().unwrap(), "--ledger", ledger.to_str().unwrap()];
    let output = audit("hold", &[&KEYED[..], &named, &files].concat());
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("3 records that are about the person"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What is about two people is told of the other one too, so it is not erased for the first without a word; and who
/// asks later learns that not all is told any more.
#[test]
fn what_others_are_told_of_is_not_erased_without_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("trail.ndjson"), trail()).unwrap();
    let secret = audit::Hash::plain(KEY.as_bytes()).to_hex();
    std::fs::write(path("dpo.secret"), secret).unwrap();
    let run = |command: &str, more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_meshward"))
            .args(["audit", command, &path("trail.ndjson"), "--excerpt"])
            .args(more)
            .env("SUBJECT", KEY)
            .output()
            .unwrap();
        let all = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(all).unwrap())
    };
    let (ledger, key) = (path("ledger.ndjson"), path("dpo.secret"));
    std::fs::write(&ledger, "").unwrap();
    let order = [
        "--ledger",
        &ledger,
        "--sign-key",
        &key,
        "--apply",
        "--despite-failures",
    ];
    let of_seven = [&order[..], &KEYED, &["--data-subject", "7"]].concat();
    let asks_eight = [&KEYED[..], &["--data-subject", "8"]].concat();
    let (_, told) = run("disclosures", &asks_eight);
    assert!(
        told.contains("2 requests were about") && !told.contains("was erased"),
        "{told}"
    );
    let (code, told) = run("erase", &of_seven);
    assert!(
        code == Some(1) && told.contains("2 of the records are about other people too"),
        "{told}"
    );
    assert_eq!(
        std::fs::read_to_string(path("trail.ndjson")).unwrap(),
        trail()
    );
    // Who acted is no reason to take away whom it was about.
    let joe: Vec<&str> = [&order[..], &KEYED, &["--subject", "joe"]].concat();
    let all: Vec<&str> = [&joe[..], &["--groups", "data_subject"]].concat();
    let (code, told) = run("erase", &all);
    assert!(
        code == Some(1) && told.contains("about other people too"),
        "{told}"
    );
    let (code, told) = run("erase", &joe);
    assert!(
        code == Some(0) && told.contains("2 records to erase parts of"),
        "{told}"
    );
    let (_, told) = run("disclosures", &asks_eight);
    assert!(
        told.contains("2 requests were about") && !told.contains("was erased"),
        "{told}"
    );
    // Somebody says why.
    let said: Vec<&str> = [&of_seven[..], &["--others", "--reason", "court"]].concat();
    let (code, told) = run("erase", &said);
    assert_eq!(code, Some(0), "{told}");
    let ledger = std::fs::read_to_string(&ledger).unwrap();
    assert!(ledger.contains(r#""others":"2 records""#), "{ledger}");
    let (code, told) = run("disclosures", &asks_eight);
    assert!(
        code != Some(0) && told.contains("Whom 2 records are about was erased"),
        "{told}"
    );
}

#[test]
fn a_standing_hold_is_of_somebody() {
    let output = audit("hold", &["--name", "case", "--standing"]);
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("--data-subject"), "{told}");
}

/// What a client calls itself is one cell of one row.
#[test]
fn a_cell_is_no_formula() {
    let trail = trail_of("2026", "\n=1+1", [7; 16]);
    let asked = ["--data-subject", "7", "--format", "csv", "--excerpt"];
    let output = audit_of(&trail, "disclosures", &[&KEYED[..], &asked].concat());
    let csv = String::from_utf8(output.stdout).unwrap();
    assert!(csv.contains("\"'\n=1+1\""), "{csv}");
}

/// A person has another name in each epoch: whose key is not given, the records are named.
#[test]
fn records_of_other_epochs_are_told() {
    let both = [
        trail_of("2026", "shop", [7; 16]),
        trail_of("2025", "shop", [8; 16]),
    ]
    .concat();
    let person = ["--data-subject", "7"];
    for (command, more) in [
        ("disclosures", &["--excerpt"][..]),
        ("search", &["--excerpt"]),
        ("report", &["--excerpt", "--format", "json"]),
    ] {
        let arguments = [&KEYED[..], &person, more].concat();
        let output = audit_of(&both, command, &arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("2025: 4 records"), "{command}: {told}");
        if command == "report" {
            let report = String::from_utf8(output.stdout).unwrap();
            let report = policy::json::Json::parse(report.as_bytes()).unwrap();
            let epochs = report.member("other_epochs").unwrap().to_string();
            assert_eq!(epochs, r#"{"2025":4}"#);
        }
        let keys = ["--pseudonym-key-env", "2025=SUBJECT"];
        let all = audit_of(&both, command, &[&keys[..], &arguments].concat());
        let told = String::from_utf8_lossy(&all.stderr);
        assert!(!told.contains("epochs"), "{command}: {told}");
    }
}

/// A whole chain, whose beginning states this key of pseudonyms, or none as in old ones.
fn chain_with(stated: Option<&str>) -> String {
    let keyed = |key: &str| Pseudonymizer::new(key.as_bytes(), "2026".to_owned());
    let open = Control::Open {
        emitter: "e".to_owned(),
        node: None,
        config_sha256: audit::Hash::NONE,
        heartbeat_ms: 60_000,
        predecessor: None,
        pseudonym_key: stated.map_or(String::new(), |key| keyed(key).key_check()),
        peers: audit::Peers::default(),
    };
    let event = audit::Event {
        product: "audit-emitter",
        product_version: "0.1.0",
        time_ms: 1_800_000_000_000,
        class: "default",
        control: &open,
    };
    let mut chain = Chain::new([9; 16]);
    let first = chain.add_event(&event, None).text;
    let records = records_of(
        &[("jane", &["7"], 0, "")],
        &keyed(stated.unwrap_or(KEY)),
        "shop",
        chain,
    );
    format!("{first}\n{records}")
}

/// Somebody who asks for access or erasure is not told that there is nothing, because of a wrong key.
#[test]
fn a_wrong_key_of_pseudonyms_is_told() {
    const WRONG: &str = "gK4lr9AuS2wYxM1tQo8zCdEhInRfVbUp";
    let says = |written_with: Option<&str>, command: &str, more: &[&str]| {
        let arguments = [&KEYED[..], &["--data-subject", "8"], more].concat();
        let output = audit_of(&chain_with(written_with), command, &arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.code(),
            told,
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    for (command, more) in [
        ("disclosures", &["--excerpt"][..]),
        ("search", &["--excerpt"]),
        ("report", &["--excerpt"]),
    ] {
        let (status, told, page) = says(Some(WRONG), command, more);
        assert_eq!(status, Some(2), "{command}: {told}");
        assert!(
            told.contains("another key for the pseudonyms of epoch \"2026\""),
            "{told}"
        );
        assert_eq!(command == "report", page.contains("another key"), "{page}");
        let (status, told, _) = says(Some(KEY), command, more);
        assert_eq!(status, Some(0), "{command}: {told}");
        assert!(!told.contains("pseudonym"), "{command}: {told}");
        let (_, told, _) = says(None, command, more);
        assert!(
            told.contains("no record says whether it is the right one"),
            "{command}: {told}"
        );
    }
}
