//! The schemas of the configurations, and the tables of keys in the READMEs, are made of what the
//! converters ask and accept, and of one sentence for each key in `reference.toml`.
//!
//! `MESHWARD_WRITE_TABLES=1 cargo test -p meshward-cli --test schema` writes them.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod bundle;
mod emit;
mod explore;
#[path = "../filter_files/mod.rs"]
mod filter_files;
mod folded;
mod readme;
mod reference;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use emit::Emitter;
use explore::{Observed, Reader, Run, changed, explore, with_member};
use filter_files::{each_filter, files, folder, json_blocks, read};
use policy::config::Configuration;
use policy::config::describe::{Shape, trace};
use policy::config::join;
use policy::json::Json;
use reference::Reference;

const FILTERS: [(&str, Reader); 4] = each_filter!(run);

fn run<C: Configuration + Debug>(document: &Json) -> Run {
    let (checked, asks) = trace(document, |node| node.object(C::read));
    let result = match checked.result {
        Ok(config) => Ok(format!("{config:?}")),
        Err(problems) => Err(problems.iter().map(|p| p.path().to_owned()).collect()),
    };
    Run { asks, result }
}

/// The examples, the configurations in the README and those of the case files.
fn seeds(filter: &str) -> Vec<Json> {
    let folder = folder(filter);
    let examples = files(&folder.join("examples"));
    let mut texts: Vec<String> = examples.iter().map(|path| read(path)).collect();
    let readme = read(&folder.join("README.md"));
    texts.extend(json_blocks(&readme).map(str::to_owned));
    for path in files(&folder.join("cases")) {
        let cases: toml::Table = read(&path).parse().unwrap();
        configurations(&toml::Value::Table(cases), &mut texts);
    }
    texts
        .iter()
        .filter_map(|text| Json::parse(text.as_bytes()).ok())
        .collect()
}

/// Every string of a case file that is a JSON object.
fn configurations(value: &toml::Value, texts: &mut Vec<String>) {
    match value {
        toml::Value::String(text) if text.trim_start().starts_with('{') => {
            texts.push(text.clone());
        }
        toml::Value::Array(items) => items.iter().for_each(|item| configurations(item, texts)),
        toml::Value::Table(table) => {
            table.values().for_each(|item| configurations(item, texts));
        }
        _ => {}
    }
}

/// A filter, and what is known about its converter.
struct Known {
    filter: &'static str,
    reader: Reader,
    observed: Observed,
    own: Reference,
}

/// Explored once for all tests.
fn known() -> &'static [Known] {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let explored = FILTERS.map(|(filter, reader)| {
            std::thread::spawn(move || {
                let seeds = seeds(filter).into_iter();
                let good = seeds.filter(|seed| reader(seed).result.is_ok());
                Known {
                    filter,
                    reader,
                    observed: explore(reader, good.collect()),
                    own: Reference::read(&folder(filter)),
                }
            })
        });
        explored.map(|thread| thread.join().unwrap()).into()
    })
}

fn policy_folder() -> PathBuf {
    folder("../shared/policy")
}

/// What a file should be, and whether it is: with `MESHWARD_WRITE_TABLES` it is written.
fn hold(path: &Path, made: &str) {
    if std::env::var_os("MESHWARD_WRITE_TABLES").is_some() {
        std::fs::write(path, made).unwrap();
        return;
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == made,
        "{} is not what the converters say; run `MESHWARD_WRITE_TABLES=1 cargo test -p meshward-cli --test schema`",
        path.display()
    );
}

fn with_emitter<T>(known: &Known, shared: &Reference, then: impl FnOnce(&Emitter<'_>) -> T) -> T {
    then(&Emitter {
        observed: &known.observed,
        own: &known.own,
        shared,
    })
}

fn schema_of(known: &Known, shared: &Reference) -> Json {
    let examples = examples(known.filter);
    with_emitter(known, shared, |emitter| {
        emitter.document(known.filter, examples)
    })
}

fn examples(filter: &str) -> Vec<Json> {
    let files = files(&folder(filter).join("examples"));
    let texts = files.iter().map(|path| read(path));
    texts
        .map(|text| Json::parse(text.as_bytes()).unwrap())
        .collect()
}

#[test]
fn the_schemas_are_what_the_converters_ask() {
    let shared = Reference::read(&policy_folder());
    for known in known() {
        let schema = schema_of(known, &shared);
        let made = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        hold(&folder(known.filter).join("schema.json"), &made);
    }
}

#[test]
fn the_tables_of_the_readmes_are_what_the_converters_ask() {
    let shared = Reference::read(&policy_folder());
    for known in known() {
        let tables = with_emitter(known, &shared, |emitter| tables(&known.own, emitter));
        let path = folder(known.filter).join("README.md");
        let made = readme::with_tables(&read(&path), &tables);
        hold(&path, &made);
    }
    // Every filter has the shared parts; one of them has all.
    let pii = known()
        .iter()
        .find(|known| known.filter == "pii-redactor")
        .unwrap();
    let tables = with_emitter(pii, &shared, |emitter| tables(&shared, emitter));
    let path = policy_folder().join("README.md");
    hold(&path, &readme::with_tables(&read(&path), &tables));
}

fn tables(reference: &Reference, emitter: &Emitter<'_>) -> Vec<(String, String)> {
    let tables = reference.tables.iter();
    tables
        .map(|(name, entries)| (name.clone(), readme::table(name, entries, emitter)))
        .collect()
}

#[test]
fn every_key_is_described_and_every_description_has_a_key() {
    let shared = Reference::read(&policy_folder());
    let mut wrong = Vec::new();
    for known in known() {
        with_emitter(known, &shared, |emitter| {
            for place in emitter.keys() {
                let is_free = place.ends_with(".*");
                if emitter.entry(&place).is_none() && !is_free {
                    wrong.push(format!("{}: {place} is not described", known.filter));
                }
            }
        });
        let unused = known.own.unused().into_iter();
        wrong.extend(unused.map(|key| format!("{}: {key} is no key", known.filter)));
    }
    wrong.extend(
        shared
            .unused()
            .into_iter()
            .map(|key| format!("policy: {key} is no key")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A configuration says the same with a default as without it.
#[test]
fn every_default_is_that_of_the_converter() {
    let shared = Reference::read(&policy_folder());
    let mut wrong = Vec::new();
    let mut compared = 0;
    for known in known() {
        with_emitter(known, &shared, |emitter| {
            for ((object, name), documents) in &known.observed.without {
                let place = join(object, name);
                let Some(default) = emitter.default_of(&place) else {
                    continue;
                };
                let is_same = documents.iter().any(|(document, path, debug)| {
                    let with = changed(document, "", path, &|old| with_member(old, name, &default));
                    (known.reader)(&with).result.as_ref() == Ok(debug)
                });
                compared += 1;
                if !is_same {
                    wrong.push(format!(
                        "{}: {place} is not {default} by default",
                        known.filter
                    ));
                }
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 150, "{compared}");
}

fn validator(known: &Known, shared: &Reference) -> jsonschema::Validator {
    let schema = schema_of(known, shared).to_string();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn value(json: &Json) -> serde_json::Value {
    serde_json::from_str(&json.to_string()).unwrap()
}

/// Examples, cases, and thousands of variants of them.
#[test]
fn what_a_converter_accepts_is_valid() {
    let shared = Reference::read(&policy_folder());
    for known in known() {
        let validator = validator(known, &shared);
        let good = &known.observed.good;
        assert!(good.len() > 200, "{}: {}", known.filter, good.len());
        for (document, _) in good {
            if let Err(error) = validator.validate(&value(document)) {
                panic!(
                    "{}: {} {error}: {document}",
                    known.filter,
                    error.instance_path()
                );
            }
        }
    }
}

#[test]
fn what_is_wrong_by_its_form_is_invalid() {
    let shared = Reference::read(&policy_folder());
    for known in known() {
        let validator = validator(known, &shared);
        // A key that nobody knows, in every object of every example.
        for example in examples(known.filter) {
            for ask in (known.reader)(&example).asks {
                if ask.shape == Shape::Object {
                    let with = |old: &Json| with_member(old, "zzz", &Json::from(1));
                    let wrong = changed(&example, "", &ask.path, &with);
                    assert!(!validator.is_valid(&value(&wrong)), "{wrong}");
                }
            }
        }
        let wrong = WRONG.iter().filter(|(filter, _)| *filter == known.filter);
        for (_, text) in wrong {
            let document = Json::parse(text.as_bytes()).unwrap();
            assert!((known.reader)(&document).result.is_err(), "{text}");
            assert!(!validator.is_valid(&value(&document)), "{text}");
        }
    }
}

const WRONG: [(&str, &str); 24] = [
    ("token-bucket", "{}"),
    ("token-bucket", "[]"),
    ("token-bucket", r#"{"limits":[]}"#),
    ("token-bucket", r#"{"limits":{}}"#),
    ("token-bucket", r#"{"limits":[{"name":"a","rate":"5/s"}]}"#),
    (
        "token-bucket",
        r#"{"limits":[{"name":"a","key":"ip","rate":"5/s"}]}"#,
    ),
    (
        "token-bucket",
        r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/fortnight"}]}"#,
    ),
    (
        "token-bucket",
        r#"{"limits":[{"name":"a","key":["ip"],"rate":5}]}"#,
    ),
    (
        "token-bucket",
        r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/s","burst":0}]}"#,
    ),
    (
        "token-bucket",
        r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/s","on_missing_key":"fallback"}]}"#,
    ),
    (
        "token-bucket",
        r#"{"limits":[{"name":"a","key":["ip"],"rate":"5/s","mode":"off"}]}"#,
    ),
    ("jwt-auth", r#"{"providers":{"a":{"api_keys":{}}}}"#),
    ("jwt-auth", r#"{"providers":[]}"#),
    ("jwt-auth", r#"{"providers":{},"default":"allow"}"#),
    ("jwt-auth", r#"{"providers":{},"waiting":{"timeout":10}}"#),
    (
        "jwt-auth",
        r#"{"providers":{},"rules":[{"require":{"optional":"yes"}}]}"#,
    ),
    ("audit-emitter", "{}"),
    ("audit-emitter", r#"{"sink":"otlp_http"}"#),
    (
        "audit-emitter",
        r#"{"sink":{"otlp_http":{"cluster":"a"},"host_log":{}}}"#,
    ),
    (
        "audit-emitter",
        r#"{"sink":"host_log","queue":{"max_bytes":"8MB"}}"#,
    ),
    ("pii-redactor", r#"{"presets":["pci-dss"]}"#),
    (
        "pii-redactor",
        r#"{"rules":[{"detect":["EMAIL"],"apply_to":["response"]}]}"#,
    ),
    (
        "pii-redactor",
        r#"{"rules":[{"detect":["EMAIL"]}],"actions":{"EMAIL":{"decimals":7}}}"#,
    ),
    ("pii-redactor", r#"{"rules":[{"fields":[{"name":"a"}]}]}"#),
];

/// Names that no example has.
#[test]
fn names_that_users_choose_are_free() {
    let shared = Reference::read(&policy_folder());
    let jwt = known()
        .iter()
        .find(|known| known.filter == "jwt-auth")
        .unwrap();
    let text = r#"{"providers":{"zzz":{"api_keys":{"from":[{"header":"x-key"}],"keys":[{"id":"zzz","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}}},
        "rules":[{"require":{"any_of":["zzz"]}},{"require":{"provider":"zzz"}},{"require":{"all_of":["zzz"]}}]}"#;
    let document = Json::parse(text.as_bytes()).unwrap();
    assert!((jwt.reader)(&document).result.is_ok());
    assert!(validator(jwt, &shared).is_valid(&value(&document)));
}

/// What the controller of Higress folds in is valid where the filter takes it, and only there.
#[test]
fn rules_that_higress_folds_in_are_described() {
    let shared = Reference::read(&policy_folder());
    let of = |filter: &str| known().iter().find(|known| known.filter == filter).unwrap();
    let (jwt, limits) = (of("jwt-auth"), of("token-bucket"));
    let allow = r#"{"_match_route_": ["a"], "rules": [{"allow": "anonymous"}]}"#;
    let rate =
        r#"{"_match_domain_": ["*"], "limits": [{"name": "b", "key": ["ip"], "rate": "1/s"}]}"#;
    for (known, rule, is_right) in [
        (jwt, allow, true),
        (limits, rate, true),
        (
            limits,
            r#"{"_match_service_": ["a.b:80"], "mode": "report"}"#,
            true,
        ),
        (limits, r#"{"_match_route_prefix_": ["a"]}"#, true),
        (jwt, "{}", false),
        (jwt, "[]", false),
        (jwt, r#"{"_match_route_": []}"#, false),
        (jwt, r#"{"_match_route_": "a"}"#, false),
        (jwt, r#"{"_match_ruote_": ["a"]}"#, false),
        (
            jwt,
            r#"{"_match_route_": ["a"], "_match_domain_": ["b"]}"#,
            false,
        ),
        (jwt, r#"{"_match_route_": ["a"], "providers": {}}"#, false),
        (
            jwt,
            r#"{"_match_route_": ["a"], "rules": [{"allow": "anonymus"}]}"#,
            false,
        ),
        (
            limits,
            r#"{"_match_route_": ["a"], "limits": [{"name": "b", "key": ["ip"], "rate": 5}]}"#,
            false,
        ),
    ] {
        let base = match known.filter {
            "jwt-auth" => r#""providers": {}"#,
            _ => r#""limits": [{"name": "a", "key": ["ip"], "rate": "5/s"}]"#,
        };
        let text = format!(r#"{{{base}, "_rules_": [{rule}]}}"#);
        let document = Json::parse(text.as_bytes()).unwrap();
        assert_eq!((known.reader)(&document).result.is_ok(), is_right, "{text}");
        let is_valid = validator(known, &shared).is_valid(&value(&document));
        assert_eq!(is_valid, is_right, "{text}");
    }
}
