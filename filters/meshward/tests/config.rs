//! One configuration for four filters, and what is wrong with it.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

use host::fake::{Profile, Proxy};
use meshward_bundle::{Meshward, config};

const LIMITS: &str = r#"{"limits": [{"name": "a", "key": ["ip"], "rate": "1/day", "burst": 1}]}"#;

fn mistakes(text: &str) -> Vec<String> {
    match config::check(text).result {
        Ok(()) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// All of `expected` are said, each in one line, and nothing else.
fn refused(text: &str, expected: &[&str]) {
    let found = mistakes(text);
    for part in expected {
        assert!(
            found.iter().any(|line| line.contains(part)),
            "{part}: {found:#?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    // The module says the same.
    let mut proxy = Proxy::native::<Meshward>(Profile::Envoy);
    let logged = proxy.configure(text).unwrap_err().text();
    for part in expected {
        assert!(logged.contains(part), "{part}: {logged}");
    }
}

#[test]
fn the_examples_are_valid() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(mistakes(&text), Vec::<String>::new(), "{}", path.display());
        let mut proxy = Proxy::native::<Meshward>(Profile::Envoy);
        proxy.configure(&text).unwrap();
    }
}

#[test]
fn every_mistake_of_every_part_is_told_with_its_path() {
    refused(
        r#"{
            "limits": {"limits": [
                {"name": "a", "key": ["ip"], "rate": "1/day", "burst": 1},
                {"name": "b", "key": ["ip"], "rate": "1/day", "burst": 1},
                {"name": "c", "key": ["ip"], "rate": "100/fortnight", "burst": 1}
            ]},
            "auth": {"providers": {}, "rulez": [], "default": "deny"},
            "audit": {"sink": {"host_log": {}}, "on_error": "maybe"}
        }"#,
        &[
            r#"limits.limits[2].rate: "100/fortnight": unknown unit "fortnight""#,
            r#"auth.rulez: unknown key; did you mean "rules"?"#,
            r#"audit.on_error: "maybe""#,
        ],
    );
}

#[test]
fn a_part_of_another_filter_is_named() {
    refused(
        r#"{"auth": {"limits": [], "providers": {}, "default": "deny"}}"#,
        &[r#"auth.limits: unknown key; it is one of token-bucket, whose part is "limits""#],
    );
    refused(
        r#"{"limits": [{"name": "a"}]}"#,
        &["limits: expected an object, the configuration of token-bucket; found"],
    );
}

#[test]
fn two_parts_of_one_filter_and_unknown_parts_are_refused() {
    refused(
        &format!(
            r#"{{"limits": {LIMITS}, "token-bucket": {LIMITS}, "redcat": {{}}, "sink": {{}}}}"#
        ),
        &[
            r#"token-bucket: unknown part; that of token-bucket is "limits""#,
            r#"redcat: unknown part; did you mean "redact"?"#,
            r#"sink: belongs into "audit""#,
        ],
    );
    let twice = format!(r#"{{"limits": {LIMITS}, "limits": {LIMITS}}}"#);
    assert_eq!(mistakes(&twice).len(), 1);
    refused("{}", &["nothing to do; expected at least one of"]);
    refused("[]", &["expected an object with at least one of"]);
}

#[test]
fn what_is_said_once_counts_for_all_and_contradictions_are_refused() {
    let with = |top: &str, part: &str| {
        format!(
            r#"{{{top}, "audit": {{"sink": {{"host_log": {{}}}}}}, "limits": {{"limits": [{{"name": "a", "key": ["ip"], "rate": "1/day", "burst": 1}}]{part}}}}}"#
        )
    };
    let split = config::split(&with(r#""client_address": {"trusted_hops": 2}"#, ""));
    assert!(split.problems.is_empty());
    assert_eq!(split.parts.len(), 2);
    for part in &split.parts {
        assert!(part.json.contains("trusted_hops"), "{}", part.json);
    }
    assert!(mistakes(&with(r#""mode": "report""#, r#", "mode": "report""#)).is_empty());
    refused(
        &with(r#""mode": "report""#, r#", "mode": "enforce""#),
        &[r#"limits.mode: contradicts "mode" beside the parts"#],
    );
    // Wrong for both, and said once.
    refused(
        &with(r#""method_override": "maybe""#, ""),
        &[r#"method_override: "maybe""#],
    );
}

#[test]
fn parts_that_contradict_each_other_are_refused() {
    let with = |auth: &str, limits: &str, audit: &str| {
        format!(
            r#"{{"audit": {{"sink": {{"host_log": {{}}}}{audit}}}, "auth": {{"providers": {{}}, "default": "anonymous"{auth}}},
            "limits": {{"limits": [{{"name": "a", "key": ["ip"], "rate": "1/day", "burst": 1}}]{limits}}}}}"#
        )
    };
    let (two, one) = (
        r#", "client_address": {"trusted_hops": 2}"#,
        r#", "client_address": {"trusted_hops": 1}"#,
    );
    refused(
        &with(
            &format!(r#"{two}, "path_override": "strip", "consent": {{"claim": "other"}}"#),
            &format!(r#"{one}, "path_override": "ignore""#),
            &format!(r#"{two}, "consent": {{"claim": "agreed"}}"#),
        ),
        &[
            r#"limits.client_address: contradicts "audit.client_address"; say it once, beside the parts"#,
            r#"auth.consent: contradicts "audit.consent""#,
            r#"limits.path_override: contradicts "auth.path_override""#,
        ],
    );
    refused(
        &with(two, r#", "trusted_hops": 3"#, ""),
        &[r#"limits.trusted_hops: contradicts "auth.client_address""#],
    );
    let same = r#", "client_address": {"ip_prefix": {"v4": 24}, "trusted_hops": 2}, "consent": {"claim": "agreed"}"#;
    let mapped = format!(r#"{two}, "consent": {{"claim": "agreed", "remember_opt_out": {{}}}}"#);
    assert_eq!(mistakes(&with(&mapped, same, two)), Vec::<String>::new());
    assert_eq!(
        mistakes(&with(two, r#", "trusted_hops": 2"#, "")),
        Vec::<String>::new()
    );
}

#[test]
fn an_identity_header_beside_auth_is_refused() {
    let auth = r#""auth": {"providers": {}, "default": "deny"}"#;
    refused(
        &format!(r#"{{{auth}, "identity_from": "header", "limits": {LIMITS}}}"#),
        &["identity_from: \"header\": \"auth\" hands the identity on"],
    );
    refused(
        &format!(r#"{{{auth}, "identity_from": "property"}}"#),
        &["identity_from: no part of this configuration has such a key"],
    );
}

#[test]
fn the_properties_to_publish_are_named() {
    refused(
        &format!(r#"{{"limits": {LIMITS}, "publish": ["identty", 1]}}"#),
        &[
            r#"publish[0]: "identty": unknown property; did you mean "identity"?"#,
            "publish[1]: 1: unknown property; use",
        ],
    );
}

#[test]
fn people_in_bodies_need_the_part_that_finds_them() {
    let audit = |source: &str| {
        format!(
            r#""audit": {{"sink": {{"host_log": {{}}}},
                "subject": {{"pseudonymize": {{"key_env": "SUBJECT", "epoch": "2026"}}}},
                "rules": [{{"match": {{"paths": ["/patients/**"]}}, "data_subject": {source}}}]}}"#
        )
    };
    let response = audit(r#"{"response": "$.id"}"#);
    let found = mistakes(&format!("{{{response}}}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("audit.rules[0].data_subject"),
        "{found:#?}"
    );
    let redact = r#""redact": {"rules": [{"detect": ["EMAIL"]}]}"#;
    assert_eq!(
        mistakes(&format!("{{{response}, {redact}}}")),
        Vec::<String>::new()
    );
    let path = audit(r#"{"path": "/patients/{id}"}"#);
    assert_eq!(mistakes(&format!("{{{path}}}")), Vec::<String>::new());
}

#[test]
fn people_for_whom_nobody_asks_are_a_warning() {
    let warnings = |audit: &str| {
        let text = format!(
            r#"{{"audit": {{"sink": "host_log", "retention": {{"class": "a", "keep": "1y"}},
                "subject": {{"pseudonymize": {{"key_env": "SUBJECT", "epoch": "2026"}}}}{audit}}},
                "redact": {{"rules": [{{"apply_to": ["response.body"], "data_subject": [{{"response": "$.id"}}]}}]}}}}"#
        );
        let checked = config::check(&text);
        assert!(checked.result.is_ok(), "{:?}", checked.result);
        let warnings = checked.warnings.iter().map(ToString::to_string);
        warnings.collect::<Vec<_>>()
    };
    let unused = warnings("");
    assert_eq!(unused.len(), 1, "{unused:?}");
    assert!(
        unused[0].starts_with("redact.rules[0].data_subject")
            && unused[0].contains("data_subject_unused"),
        "{unused:?}"
    );
    let by_path =
        r#", "rules": [{"match": {"paths": ["/a/*"]}, "data_subject": {"path": "/a/{id}"}}]"#;
    assert_eq!(warnings(by_path).len(), 1);
    let in_bodies =
        r#", "rules": [{"match": {"paths": ["/a"]}, "data_subject": {"response": "$.id"}}]"#;
    assert_eq!(warnings(in_bodies), Vec::<String>::new());
}
