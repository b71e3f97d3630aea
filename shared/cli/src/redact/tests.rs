use clap::Parser as _;
use pii_redactor::config::RuleUse;

use super::list::{items, row};
use super::*;

#[test]
fn options() {
    let read = |words: &[&str]| {
        Arguments::try_parse_from(std::iter::once("redact").chain(words.iter().copied()))
    };
    let arguments = read(&[
        "--config",
        "a.json",
        "--explain=json",
        "--rule",
        "x",
        "body.csv",
    ]);
    let arguments = arguments.unwrap();
    assert_eq!(arguments.explain, Some(Explain::Json));
    assert_eq!(
        (arguments.file.as_str(), arguments.rules.len()),
        ("body.csv", 1)
    );
    let arguments = read(&["--config", "a", "--explain", "b"]).unwrap();
    assert_eq!(arguments.explain, Some(Explain::Diff));
    assert_eq!(arguments.file, "b");
    for wrong in [
        &[][..],
        &["--config"],
        &["--config", "a", "--nonsense"],
        &["--config", "a", "--place", "response"],
        &["--config", "a", "--claims", "b"],
    ] {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(guessed("-", b" {\"a\""), "application/json");
    assert_eq!(guessed("a.csv", b"{"), "text/csv");
    assert_eq!(guessed("-", b"data: x"), "text/event-stream");
}

#[test]
fn a_request_chooses_the_rules_that_the_filter_would() {
    let config = Config::parse(
        r#"{"rules":[
            {"name":"patients","match":{"paths":["/patients/**"],"methods":["GET"]},"unless":{"scopes":["phi:read"]},"detect":["EMAIL"]},
            {"name":"query","apply_to":["request.query"],"detect":["EMAIL"]},
            {"name":"html","match":{"content_types":["text/html"]},"detect":["EMAIL"]},
            {"name":"gpc","when":{"consent":{"denied":["sharing"]}},"detect":["EMAIL"]}]}"#,
    )
    .unwrap();
    let claims = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(claims.path(), r#"{"sub":"u","scope":"phi:read"}"#).unwrap();
    let claims = claims.path().to_str().unwrap();
    let names = |words: &[&str]| -> Vec<(String, bool)> {
        let words = ["redact", "--config", "c"].iter().chain(words).copied();
        let arguments = Arguments::try_parse_from(words).unwrap();
        let content_type = arguments.content_type.clone();
        let place = arguments.place;
        let request = tried(&arguments, &config, content_type.as_deref()).unwrap();
        let uses = chosen(&arguments, &config, place, request.as_ref()).unwrap();
        let name = |used: &RuleUse| (config.rules[used.index].name.clone(), used.is_exempt);
        uses.iter().map(name).collect()
    };
    let json = ["--content-type", "application/json"];
    let with = |words: &[&'static str]| [words, &json].concat();
    assert_eq!(
        names(&with(&["--request", "GET /patients/7"])),
        [("patients".to_owned(), false)]
    );
    assert_eq!(names(&with(&["--request", "POST /patients/7"])), []);
    let mut words = with(&["--request", "GET /patients/7", "--claims"]);
    words.insert(3, claims);
    assert_eq!(names(&words), [("patients".to_owned(), true)]);
    assert_eq!(
        names(&with(&[
            "--request",
            "GET /x",
            "--header",
            "X-Original-URL: /patients/7"
        ])),
        names(&with(&["--request", "GET /patients/7"]))
    );
    assert_eq!(
        names(&with(&[
            "--request",
            "POST /patients/7",
            "--header",
            "X-HTTP-Method-Override: GET"
        ])),
        names(&with(&["--request", "GET /patients/7"]))
    );
    assert_eq!(
        names(&with(&["--request", "GET /x", "--header", "Sec-GPC: 1"])),
        [("gpc".to_owned(), false)]
    );
    assert_eq!(
        names(&["--request", "GET /x", "--place", "request.query"]),
        [("query".to_owned(), false)]
    );
    assert_eq!(names(&json).len(), 4);
}

/// The README of the filter has the tables that `--list` prints.
#[test]
fn the_readme_lists_every_kind_and_every_item() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../filters/pii-redactor/README.md"
    );
    let readme = std::fs::read_to_string(path).unwrap();
    let kinds = pii_redactor::detect::DETECTORS.iter().map(row);
    for row in kinds.chain(items()) {
        assert!(
            readme.contains(&row),
            "{row} is not in the README; `meshward redact --list` prints it"
        );
    }
}
