//! The filter in a host in memory: every way in which a body can come, and hosts that lack things.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use host::Status;
use host::fake::{Outcome, Profile, Proxy, Request, Response};
use pii_redactor::PiiRedactor;

const RULES: &str = r#"{"rules":[{"name":"patients","match":{"paths":["/patients/**"]},
    "detect":["EMAIL","US_SSN","CREDIT_CARD"],"fields":[{"name":"notes","action":"remove"}]}],
    "actions":{"CREDIT_CARD":{"mask":{"keep_last":4}},"default":"label"}}"#;
const BODY: &str = "{ \"name\":\"J\\u00e4ne\", \"mail\":\"jane\\u0040example.com\",\n \"card\":4111111111111111, \"notes\":[{}], \"ssn\":\"123-45-6789\", \"n\":1.50 }";
const REDACTED: &str = "{ \"name\":\"J\\u00e4ne\", \"mail\":\"[EMAIL]\",\n \"card\":\"************1111\", \"ssn\":\"[US_SSN]\", \"n\":1.50 }";

fn proxy(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<PiiRedactor>(profile);
    proxy
        .configure(configuration)
        .unwrap_or_else(|refused| panic!("{}", refused.text()));
    proxy
}

fn run(proxy: &mut Proxy, path: &str, response: &Response) -> Outcome {
    let outcome = proxy.run(
        &Request::get(path).header("accept-encoding", "gzip"),
        response,
    );
    assert_eq!(outcome.trap, None);
    outcome
}

#[test]
fn answers_are_redacted_however_they_are_cut() {
    for profile in [Profile::Envoy, Profile::Kong] {
        let mut proxy = proxy(profile, RULES);
        for cut in 0..BODY.len() {
            let (left, right) = BODY.as_bytes().split_at(cut);
            let response = Response::json("").chunks([left.to_vec(), right.to_vec()]);
            let outcome = run(&mut proxy, "/patients/1", &response);
            assert_eq!(
                outcome.client().text(),
                REDACTED,
                "{profile:?}, cut at {cut}"
            );
        }
        let bytes = BODY.bytes().map(|byte| vec![byte]);
        let outcome = run(&mut proxy, "/patients/1", &Response::json("").chunks(bytes));
        assert_eq!(outcome.client().text(), REDACTED);
        let with_trailers = Response::json(BODY).trailers(&[("x-sum", "1")]);
        let outcome = run(&mut proxy, "/patients/1", &with_trailers);
        assert_eq!(
            outcome.client().text(),
            REDACTED,
            "{profile:?}, with trailers"
        );
    }
}

#[test]
fn headers_tell_the_truth_and_others_are_left_alone() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let response = Response::json(BODY)
        .header("content-length", BODY.len().to_string())
        .header("etag", "\"abc\"")
        .header("content-md5", "x")
        .header("digest", "x")
        .header("repr-digest", "x")
        .header("content-digest", "x")
        .header("accept-ranges", "bytes");
    let outcome = run(&mut proxy, "/patients/1", &response);
    for name in [
        "content-length",
        "content-md5",
        "digest",
        "repr-digest",
        "content-digest",
        "accept-ranges",
    ] {
        assert_eq!(outcome.client().header(name), None, "{name}");
    }
    assert_eq!(
        outcome.client().header("etag").as_deref(),
        Some("W/\"abc\"")
    );
    assert_eq!(outcome.upstream().header("accept-encoding"), None);
    let other = run(&mut proxy, "/orders/1", &response);
    assert_eq!(other.client().text(), BODY);
    assert_eq!(other.client().header("etag").as_deref(), Some("\"abc\""));
    assert_eq!(
        other.upstream().header("accept-encoding").as_deref(),
        Some("gzip")
    );
}

#[test]
fn what_cannot_be_searched_goes_the_configured_way() {
    let pass = RULES.replace(
        "\"actions\"",
        r#""on_error":{"unsupported_encoding":"pass","host_readonly":"pass"},"actions""#,
    );
    let gzip = Response::json(BODY).header("content-encoding", "gzip");
    let part = Response::json(BODY);
    for (configuration, status, body_passes) in [(RULES, 502, false), (pass.as_str(), 200, true)] {
        let mut envoy = proxy(Profile::Envoy, configuration);
        let outcome = run(&mut envoy, "/patients/1", &gzip);
        assert_eq!(outcome.client().status(), Some(status));
        assert_eq!(outcome.client().text() == BODY, body_passes);
        let mut apisix = proxy(Profile::Apisix, configuration);
        let outcome = run(&mut apisix, "/patients/1", &part);
        assert_eq!(
            outcome.client().text() == BODY,
            body_passes,
            "{}",
            outcome.client().text()
        );
    }
}

#[test]
fn a_host_that_stops_working_leaks_nothing() {
    for call in ["proxy_get_buffer_bytes", "proxy_set_buffer_bytes"] {
        let mut proxy = proxy(Profile::Envoy, RULES);
        proxy.host().fail(call, Status::InternalFailure);
        let outcome = run(&mut proxy, "/patients/1", &Response::json(BODY));
        assert!(
            !outcome.client().text().contains("4111"),
            "{call}: {}",
            outcome.client().text()
        );
    }
}

#[test]
fn a_broken_document_with_trailers_leaks_nothing() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let broken = Response::json(r#"{"mail":"jane@example.com"#).trailers(&[("x-sum", "1")]);
    let outcome = run(&mut proxy, "/patients/1", &broken);
    assert!(
        !outcome.client().text().contains("jane"),
        "{}",
        outcome.client().text()
    );
    let without = run(
        &mut proxy,
        "/patients/1",
        &Response::json(r#"{"mail":"jane@example.com"#),
    );
    assert_eq!(without.client().text(), r#"{"mail":"[EMAIL]"#);
}

#[test]
fn report_mode_changes_nothing_and_counts() {
    let mut proxy = proxy(
        Profile::Envoy,
        &RULES.replacen('{', r#"{"mode":"report","#, 1),
    );
    let response = Response::json(BODY).header("content-length", BODY.len().to_string());
    let outcome = run(&mut proxy, "/patients/1", &response);
    assert_eq!(outcome.client().text(), BODY);
    assert!(outcome.client().header("content-length").is_some());
    assert_eq!(
        outcome.upstream().header("accept-encoding").as_deref(),
        Some("gzip")
    );
    let decisions = outcome.decisions();
    assert!(decisions[0].report_only);
    assert_eq!(decisions[0].counts.get("EMAIL"), Some(&1));
    let metric = "meshward.pii-redactor.findings_total;type=CREDIT_CARD;outcome=reported";
    assert_eq!(proxy.host().metric(metric), 1);
}

#[test]
fn decisions_say_what_was_found_and_never_the_values() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let outcome = run(&mut proxy, "/patients/1", &Response::json(BODY));
    let decisions = outcome.decisions();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0].rule.as_deref(), Some("patients"));
    let counts: Vec<(&str, u64)> = decisions[0]
        .counts
        .iter()
        .map(|(kind, count)| (kind.as_str(), *count))
        .collect();
    assert_eq!(
        counts,
        [
            ("CREDIT_CARD", 1),
            ("EMAIL", 1),
            ("FIELD", 1),
            ("US_SSN", 1)
        ]
    );
    let clean = run(&mut proxy, "/patients/1", &Response::json("{}"));
    assert_eq!(clean.decisions(), []);
}
