//! The files of controls say what is so: tests and keys exist, examples do what they are for, and the
//! tables of the READMEs are those of the files.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use comply::assessment::MeasureState;
use comply::control::{Catalog, CatalogError};
use comply::effective::{EFFECTIVE_KEY, forms};
use comply::evidence::{MAX_MEASURES, Period, Search};
use comply::table;
use serde_json::{Map, Value, json};
use trail::chains::{Limits, Trail};
use trail::keyring::{Entry, Keyring, Role};
use trail::pipeline::Reading;
use trail::source::Source;
use trail::synthetic::{Emitter, Random, Request, emitter_key};

/// 30 November 2026.
const NOW_S: i64 = 1_795_996_800;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn catalog() -> Catalog {
    Catalog::own().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_files_are_read_and_names_are_one_of_a_kind() {
    let catalog = catalog();
    let frameworks: Vec<&str> = catalog.frameworks.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(
        frameworks,
        [
            "pci",
            "hipaa",
            "gdpr",
            "ccpa",
            "soc2",
            "iso27001",
            "nist",
            "bulk-data",
            "owasp-api"
        ]
    );
    let measures: BTreeSet<&str> = catalog.measures.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(measures.len(), catalog.measures.len());
    assert!(measures.len() <= MAX_MEASURES);
    let mut used = BTreeSet::new();
    for framework in &catalog.frameworks {
        let ids: BTreeSet<&str> = framework.controls.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids.len(), framework.controls.len(), "{}", framework.id);
        for control in &framework.controls {
            used.extend(control.measures.iter().map(String::as_str));
            // What no measure is known for is said to be beyond a gateway.
            let is_said = !control.measures.is_empty() || !control.beyond.is_empty();
            assert!(is_said, "{} {}", framework.id, control.id);
        }
    }
    assert_eq!(used, measures, "each measure is there for a requirement");
}

#[test]
fn every_named_test_exists() {
    for measure in catalog().measures {
        assert!(!measure.tests.is_empty(), "{}", measure.id);
        for test in &measure.tests {
            let (file, name) = test.split_once("::").unwrap();
            let text = read(file);
            let is_there = match file.ends_with(".toml") {
                true => text.contains(&format!("name = \"{name}\"")),
                false => text.contains(&format!("fn {name}(")),
            };
            assert!(is_there, "{}: {test}", measure.id);
        }
    }
}

/// All schemas below a path of names, with `*` and `**` as in predicates.
/// After `**` only names count that a schema says, none that users choose.
fn below(all: &Value, schema: &Value, names: &[&str], depth: usize, is_deep: bool) -> bool {
    if depth > 24 {
        return false;
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let definition = name.rsplit('/').next().unwrap();
        return below(all, &all["$defs"][definition], names, depth + 1, is_deep);
    }
    let Some((name, rest)) = names.split_first() else {
        return true;
    };
    let unions = ["oneOf", "anyOf", "allOf"].iter();
    let unions = unions.filter_map(|key| schema.get(key)?.as_array());
    let mut inner: Vec<&Value> = unions.flatten().collect();
    inner.extend(schema.get("items"));
    if inner
        .iter()
        .any(|one| below(all, one, names, depth + 1, is_deep))
    {
        return true;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let more = schema
        .get("additionalProperties")
        .filter(|more| more.is_object());
    let children: Vec<(&str, &Value)> = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.as_str(), schema))
        .chain(more.map(|schema| ("*", schema)))
        .collect();
    if *name == "**" {
        return below(all, schema, rest, depth + 1, true)
            || children
                .iter()
                .any(|(_, child)| below(all, child, names, depth + 1, true));
    }
    children.iter().any(|(own, child)| {
        let fits = own == name || *own == "*" && !is_deep || *name == "*";
        fits && below(all, child, rest, depth + 1, is_deep)
    })
}

/// All paths of names in a document.
fn paths_of(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| paths_of(item, path, paths)),
        Value::Object(members) => {
            for (name, value) in members {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                paths_of(value, &path, paths);
                paths.insert(path);
            }
        }
        _ => {}
    }
}

#[test]
fn every_setting_names_keys_that_there_are() {
    let filters = [
        ("audit", "audit-emitter"),
        ("auth", "jwt-auth"),
        ("limits", "token-bucket"),
        ("redact", "pii-redactor"),
    ];
    let schema = |part: &str| -> Value {
        let filter = filters.iter().find(|(own, _)| *own == part);
        let (_, filter) = filter.unwrap_or_else(|| panic!("no part {part:?}"));
        serde_json::from_str(&read(&format!("filters/{filter}/schema.json"))).unwrap()
    };
    let mut effective = BTreeSet::new();
    for measure in catalog().measures {
        let example = serde_json::from_str(&measure.example).unwrap();
        for form in forms(&example, &[], NOW_S) {
            paths_of(&form.document, "", &mut effective);
        }
    }
    for measure in catalog().measures {
        let predicates = measure
            .unclear
            .iter()
            .chain([&measure.setting, &measure.everywhere]);
        for path in predicates.flat_map(|predicate| predicate.paths()) {
            let (part, names) = path.split_first().unwrap();
            if names.first() == Some(&EFFECTIVE_KEY) {
                let path = path.join(".");
                // What is asked of callers stands there as it is in the rules.
                let path = path.split(".require").next().unwrap_or_default();
                assert!(effective.contains(path), "{}: {path}", measure.id);
                continue;
            }
            // What the manifests around the configuration say.
            if *part == "listeners" {
                assert_eq!(names, ["tls"], "{}", measure.id);
                continue;
            }
            let schema = schema(part);
            assert!(
                below(&schema, &schema, names, 0, false),
                "{}: {}",
                measure.id,
                path.join(".")
            );
        }
    }
    let schema = schema("auth");
    assert!(!below(&schema, &schema, &["rules", "requires"], 0, false));
    assert!(!below(&schema, &schema, &["**", "min_versions"], 0, false));
}

/// A gateway that lets everything through and records it.
const BARE: &str = r#"{"audit": {"sink": "host_log"}}"#;

#[test]
fn every_setting_is_shown_given_and_missing() {
    let mut wrong = Vec::new();
    for measure in catalog().measures {
        let counterexample = measure.counterexample.as_deref().unwrap_or(BARE);
        for (text, expected) in [(measure.example.as_str(), true), (counterexample, false)] {
            let checked = meshward_bundle::config::check(text);
            if let Err(problems) = checked.result {
                wrong.push(format!("{}: {problems}: {text}", measure.id));
            }
            let config: Map<String, Value> = serde_json::from_str(text).unwrap();
            let (state, gaps) = measure.set_by(&forms(&config, &[], NOW_S));
            if (state == MeasureState::Set) != expected {
                wrong.push(format!("{}: {state:?} {gaps:?} for {text}", measure.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Records as audit-emitter and operators write them, as far as queries ask about them.
fn records() -> Vec<Value> {
    let request = |unmapped: Value| {
        json!({
            "class_uid": 6003, "action_id": 1,
            "actor": {"user": {"uid": "2026:975835de"}},
            "authorizations": [{"decision": "allowed", "policy": {"name": "jwt-auth/rules[1]", "is_applied": true}}],
            "unmapped": unmapped
        })
    };
    let finding = |kind: &str, category: &str, outcome: &str| {
        request(
            json!({"findings": [{"kind": kind, "category": category, "outcome": outcome, "count": 1}]}),
        )
    };
    let control = |kind: &str| json!({"class_uid": 0, "unmapped": {"control": {"kind": kind, "key_id": "edge-2026"}}});
    let denied = |by: &str| {
        json!({"class_uid": 6003, "action_id": 2,
               "authorizations": [{"decision": "denied", "policy": {"name": by, "is_applied": true}}]})
    };
    // What comes of a record stands beside what it says.
    let with_effect = |mut record: Value| {
        record["effective"] =
            json!({"kept": "630720000s", "caller": "pseudonym", "has_address": false});
        record
    };
    vec![
        with_effect(request(
            json!({"authentication": "jwt", "level": "full", "tls_version": "TLSv1.3",
            "consent": {"gpc": true, "purposes": ["care"]},
            "retention": {"class": "hipaa", "expires": 1, "required_until": 1}}),
        )),
        request(json!({"authentication": "client_certificate", "stage": "received"})),
        request(json!({"data_subject": {"uids": ["2026:975835de"]}})),
        finding("CREDIT_CARD", "financial", "masked"),
        finding("CARD_CVV", "security", "removed"),
        denied("jwt-auth/rules[2]"),
        denied("token-bucket/per-client"),
        denied("pii-redactor/ssn"),
        control("open"),
        control("checkpoint"),
        control("purge"),
        control("erasure"),
    ]
}

#[test]
fn every_query_finds_its_records_and_nothing_else() {
    let records = records();
    let bare = json!({"class_uid": 1, "action_id": 1, "unmapped": {}});
    for measure in catalog().measures {
        if let Some(query) = &measure.records {
            let found = records
                .iter()
                .filter(|record| query.holds_for_record(record));
            let found = found.count();
            assert!(found > 0, "{} finds nothing", measure.id);
            assert!(found < records.len(), "{} finds everything", measure.id);
            assert!(!query.holds_for_record(&bare), "{}", measure.id);
        }
    }
}

#[test]
fn mistakes_in_the_files_are_named() {
    let measure = r#"[[measure]]
id = "a"
title = "A"
setting = "auth.rules"
everywhere = "auth.rules"
tests = ["x::y"]
guidance = ""
example = "{}""#;
    let framework = "id = \"f\"\ntitle = \"F\"\n[[control]]\nid = \"1\"\ntitle = \"T\"\ndemands = \"D\"\nmeasures = [\"a\"]";
    let read = |measure: &str, framework: &str| Catalog::read(measure, &[("f.toml", framework)]);
    assert!(read(measure, framework).is_ok());
    let error = read(
        &measure.replace("setting = \"auth.rules", "setting = \"auth ="),
        framework,
    )
    .unwrap_err();
    assert!(matches!(error, CatalogError::Predicate { .. }));
    assert!(
        error.to_string().contains("the measure \"a\": setting"),
        "{error}"
    );
    let error = read(measure, &framework.replace("[\"a\"]", "[\"b\"]")).unwrap_err();
    assert!(
        error.to_string().contains("there is no measure \"b\""),
        "{error}"
    );
    let error = read(&measure.replace("title", "titel"), framework).unwrap_err();
    assert!(error.to_string().contains("measures.toml"), "{error}");
}

/// Of what is not there nothing is wrong: a predicate with a slip of the pen would hold of any configuration.
#[test]
fn a_slip_in_a_predicate_of_ones_own_is_named() {
    let add = |everywhere: &str| {
        let text = format!("[[measure]]\nid = \"authentication\"\neverywhere = '{everywhere}'\n");
        catalog().add_own("own.toml", &text)
    };
    for right in [
        "not auth.effective.admits[not is_authenticated]",
        "auth.effective.admits.require.claims.claim",
        "auth.**.anything",
        "auth.rules.require.scopes",
    ] {
        add(right).unwrap();
    }
    for (wrong, near) in [
        (
            "not auth.efective.admits[not is_authenticated]",
            "did you mean effective?",
        ),
        (
            "not auth.effective.otherwise.acces == \"anonymous\"",
            "did you mean auth.effective.otherwise.access?",
        ),
        (
            "not auth.effective.admits[is_authentcated]",
            "is_authenticated?",
        ),
        (
            "not auth.effective.nothing.of.the.kind",
            "no configuration has that",
        ),
    ] {
        let error = add(wrong).unwrap_err().to_string();
        assert!(
            error.contains("own.toml")
                && error.contains("\"authentication\"")
                && error.contains(near),
            "{error}"
        );
    }
}

/// What the filters can do for compliance, by a setting of each: the example of a measure that some requirement names
/// has it.
#[test]
fn every_feature_is_named_by_a_control() {
    const FEATURES: [&str; 34] = [
        "audit.chain.signing_key_env",
        "audit.chain.witness",
        "audit.retention.keep.at_least",
        "audit.retention.keep.at_most",
        "audit.rules.data_subject",
        "audit.rules.level",
        "audit.subject.pseudonymize",
        "auth.break_glass",
        "auth.consent.lookup",
        "auth.consent.remember_opt_out",
        "auth.deny.subjects",
        "auth.failures.limits",
        "auth.gpc_status",
        "auth.objections",
        "auth.requests.max_query",
        "auth.response_rules.deprecation",
        "auth.response_rules.hide_errors",
        "auth.response_rules.remove_headers",
        "auth.response_rules.sunset",
        "auth.rules.require.acr_values",
        "auth.rules.require.claims",
        "auth.rules.require.consent",
        "auth.rules.require.scopes",
        "auth.rules.require.tls.client_certificate",
        "limits.limits",
        "redact.budget.people",
        "redact.budget.values",
        "redact.rules.allow_fields",
        "redact.rules.allow_fields_action",
        "redact.rules.graphql",
        "redact.rules.max_body",
        "redact.rules.max_depth",
        "redact.rules.owner",
        "redact.rules.when.consent",
    ];
    let catalog = catalog();
    let named: BTreeSet<&str> = catalog
        .frameworks
        .iter()
        .flat_map(|framework| &framework.controls)
        .flat_map(|control| control.measures.iter().map(String::as_str))
        .collect();
    let mut shown = BTreeSet::new();
    for measure in &catalog.measures {
        if named.contains(measure.id.as_str()) {
            let example: Value = serde_json::from_str(&measure.example).unwrap();
            paths_of(&example, "", &mut shown);
        }
    }
    let lacking: Vec<&str> = FEATURES
        .into_iter()
        .filter(|path| !shown.contains(*path))
        .collect();
    assert!(lacking.is_empty(), "no control names {lacking:?}");
}

/// The tables of the READMEs. With MESHWARD_WRITE_TABLES=1 they are written anew.
#[test]
fn the_tables_are_those_of_the_files() {
    let catalog = catalog();
    for (file, name, table) in [
        ("README.md", "measures", table::measures(&catalog)),
        (
            "shared/comply/README.md",
            "requirements",
            table::requirements(&catalog),
        ),
    ] {
        let text = read(file);
        let begin = format!("<!-- {name}: made from shared/comply/controls by its tests -->\n");
        let end = format!("<!-- {name}: end -->\n");
        let (before, rest) = text
            .split_once(&begin)
            .unwrap_or_else(|| panic!("{file}: {begin}"));
        let (_, after) = rest.split_once(&end).unwrap();
        let made = format!("{before}{begin}{table}{end}{after}");
        if std::env::var_os("MESHWARD_WRITE_TABLES").is_some() {
            std::fs::write(root().join(file), made).unwrap();
        } else {
            assert!(
                text == made,
                "{file}: not fresh; MESHWARD_WRITE_TABLES=1 cargo test -p meshward-comply"
            );
        }
    }
}

/// A configuration that was made strict yesterday is not shown by the records of a quarter in which it was not.
#[test]
fn records_that_show_the_opposite_count_against_a_measure() {
    let catalog = catalog();
    let ids = ["kept_one_year", "kept_six_years", "pseudonymous_trail"];
    let measures = ids.map(|id| catalog.measure(id).unwrap());
    let year_ms = 366 * 24 * 60 * 60 * 1000;
    for (keep_ms, subject, source, expected) in [
        (3_600_000, "ceo", "192.0.2.1", [(0, 1), (0, 1), (0, 1)]),
        (
            year_ms,
            "2026:00112233445566778899aabbccddeeff",
            "192.0.2.0",
            [(1, 0), (0, 1), (1, 0)],
        ),
    ] {
        let mut emitter = Emitter::new(1, "pci", Some(emitter_key()));
        emitter.keep_ms = Some(keep_ms);
        let request = Request {
            subject: Some(subject.to_owned()),
            source: source.to_owned(),
            ..Request::some(&mut Random(3))
        };
        let lines = [
            emitter.open(None).text,
            emitter.request(&request).text,
            emitter.close().text,
        ];
        let mut keyring = Keyring::default();
        keyring.add(
            Some(emitter_key().id().to_owned()),
            Entry::always(emitter_key().public(), Role::Emitter),
        );
        let limits = Limits::default();
        let reading = Reading {
            keyring: &keyring,
            now_ms: emitter.time_ms,
            threads: 1,
            limits,
        };
        let source = Source::reading(Box::new(Cursor::new(lines.join("\n").into_bytes())));
        let search = || Search::new(&measures, Period::default(), true);
        let (_, searches) = reading.read_source(Trail::new(limits), source, &[], search, &|_| ());
        let found = Search::found(searches, &[]).by_measure;
        let counts: Vec<(u64, u64)> = found
            .iter()
            .map(|found| (found.records, found.contradicting))
            .collect();
        assert_eq!(counts, expected, "{subject}");
    }
}
