//! The filter in a host in memory: every way in which a body can come, and hosts that lack things.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

mod data_budget;
mod limits;
mod modes;
mod requests;

use std::io::Write as _;

use host::Status;
use host::fake::{Outcome, Profile, Proxy, Request, Response, StreamProperties};
use pii_redactor::PiiRedactor;
use policy::identity::Identity;

const RULES: &str = r#"{"rules":[{"name":"patients","match":{"paths":["/patients/**"]},
    "detect":["EMAIL","US_SSN","CREDIT_CARD"],"fields":[{"name":"notes","action":"remove"}]}],
    "actions":{"CREDIT_CARD":{"mask":{"keep_last":4}},"default":"label"}}"#;

const BODY: &str = "{ \"name\":\"J\\u00e4ne\", \"mail\":\"jane\\u0040example.com\",\n \"card\":4111111111111111, \"notes\":[{}], \"ssn\":\"123-45-6789\", \"n\":1.50 }";

const REDACTED: &str = "{ \"name\":\"J\\u00e4ne\", \"mail\":\"[EMAIL]\",\n \"card\":\"************1111\", \"ssn\":\"[US_SSN]\", \"n\":1.50 }";

const REQUESTS: &str = r#"{"rules":[{"name":"out",
    "apply_to":["request.body","request.query","request.cookies","request.headers","request.trailers","response.headers","response.trailers"],
    "detect":["EMAIL","CREDIT_CARD","US_SSN"],
    "fields":[{"name":"x-internal","action":"remove"},{"name":"session","action":"remove"},{"name":"ref","action":{"mask":{"keep_last":2}}}]}],
    "report_header":"x-redacted"}"#;

fn proxy(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<PiiRedactor>(profile);
    proxy.configure(configuration).unwrap();
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
fn responses_are_redacted_however_they_are_cut() {
    {
        let profile = Profile::Envoy;
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
fn a_tag_that_was_made_weak_is_strong_again_for_the_upstream() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    for (path, expected) in [
        ("/patients/1", "\"abc\", \"d\""),
        ("/orders/1", "W/\"abc\", \"d\""),
    ] {
        let request = Request::get(path).header("if-match", "W/\"abc\", \"d\"");
        let outcome = proxy.run(&request, &Response::json(BODY));
        assert_eq!(
            outcome.upstream().header("if-match").as_deref(),
            Some(expected)
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
        .header("x-amz-checksum-sha256", "x")
        .header("x-ms-content-crc64", "x")
        .header("x-checksum-md5", "x")
        .header("Docker-Content-Digest", "x")
        .header("want-content-digest", "sha-256=1")
        .header("accept-ranges", "bytes");
    let outcome = run(&mut proxy, "/patients/1", &response);
    for name in [
        "content-length",
        "content-md5",
        "digest",
        "repr-digest",
        "content-digest",
        "x-amz-checksum-sha256",
        "x-ms-content-crc64",
        "x-checksum-md5",
        "docker-content-digest",
        "accept-ranges",
    ] {
        assert_eq!(outcome.client().header(name), None, "{name}");
    }
    assert!(outcome.client().header("want-content-digest").is_some());
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

/// Names of HTTP, of the stores of Amazon, Google, Microsoft, Alibaba, Tencent, Oracle, Backblaze and Nextcloud,
/// and of registries for packages and images.
const DIGESTS: [&str; 28] = [
    "content-md5",
    "digest",
    "repr-digest",
    "content-digest",
    "unencoded-digest",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-content-sha256",
    "x-amz-crc32",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-sha256-tree-hash",
    "x-bz-content-sha1",
    "x-checksum-md5",
    "x-checksum-sha1",
    "x-checksum-sha256",
    "x-cos-hash-crc64ecma",
    "x-goog-hash",
    "x-goog-meta-checksum-sha1",
    "x-ms-blob-content-md5",
    "x-ms-content-crc64",
    "x-oss-hash-crc64ecma",
    "docker-content-digest",
    "oc-checksum",
    "opc-content-sha256",
];

/// Says something about the body that stays true, or that only whoever signs it can say.
const TRUE_OF_ANY_BODY: [&str; 6] = [
    "want-content-digest",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-hub-signature-256",
    "stripe-signature",
    "x-slack-signature",
    "content-security-policy",
];

#[test]
fn digests_of_a_body_that_may_change_go() {
    let rules = r#"{"rules":[{"apply_to":["request.body","response.body"],"detect":["EMAIL"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"mail":"jane@example.com"}"#;
    let (mut request, mut response) = (
        Request::post("/a", body).header("content-type", "application/json"),
        Response::json(body),
    );
    for name in DIGESTS.iter().chain(&TRUE_OF_ANY_BODY) {
        request = request.header(name, "abc");
        response = response.header(name, "abc");
    }
    let outcome = proxy.run(&request, &response);
    assert_eq!(outcome.client().text(), r#"{"mail":"[EMAIL]"}"#);
    for (message, place) in [
        (outcome.upstream(), "request"),
        (outcome.client(), "response"),
    ] {
        for name in DIGESTS {
            assert_eq!(message.header(name), None, "{name} of the {place}");
        }
        for name in TRUE_OF_ANY_BODY {
            assert!(message.header(name).is_some(), "{name} of the {place}");
        }
    }
}

/// Trailers come behind a body that has been changed.
#[test]
fn digests_in_trailers_go_as_well() {
    let rules = r#"{"rules":[{"apply_to":["request.body","response.body"],"detect":["EMAIL"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let trailers = [
        ("content-digest", "abc"),
        ("x-amz-checksum-crc32", "abc"),
        ("x-other", "abc"),
    ];
    for (kind, mail, expected) in [
        ("application/json", r#"{"a":"jane@example.com"}"#, 1),
        ("application/x-ndjson", "{\"a\":\"jane@example.com\"}\n", 1),
        ("application/grpc", "\0\0\0\0\u{10}jane@example.com", 3),
    ] {
        let request = Request::post("/a", mail)
            .header("content-type", kind)
            .trailers(&trailers);
        let response = Response::new(200)
            .header("content-type", kind)
            .body(mail)
            .trailers(&trailers);
        let outcome = proxy.run(&request, &response);
        for message in [outcome.upstream(), outcome.client()] {
            let count = message.trailers.as_ref().map_or(0, Vec::len);
            assert_eq!(count, expected, "{kind}");
        }
    }
}

/// What a signature covers makes it untrue, or not.
#[test]
fn signatures_of_http_go_where_they_cover_the_body() {
    let rules = r#"{"rules":[{"apply_to":["request.body"],"detect":["EMAIL"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    for (input, stays) in [
        (
            r#"sig1=("@method" "@path" "content-digest");created=1"#,
            false,
        ),
        (r#"sig1=("@method" "@authority");created=1"#, true),
    ] {
        let request = Request::post("/a", r#"{"a":"jane@example.com"}"#)
            .header("content-type", "application/json")
            .header("signature-input", input)
            .header("signature", "sig1=:YWJj:");
        let outcome = proxy.run(&request, &Response::json("{}"));
        for name in ["signature-input", "signature"] {
            assert_eq!(outcome.upstream().header(name).is_some(), stays, "{input}");
        }
    }
}

/// `UNSIGNED-PAYLOAD` is true of any body. Chunks with signatures or checksums between them cannot be
/// searched, whether `content-encoding` tells of them or not.
#[test]
fn bodies_signed_for_the_store() {
    let rules = r#"{"rules":[{"apply_to":["request.body"],"detect":["EMAIL"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let put =
        |body: &str| Request::post("/bucket/a", body).header("content-type", "application/json");
    let outcome = proxy.run(
        &put(r#"{"a":"jane@example.com"}"#).header("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        &Response::json("{}"),
    );
    assert_eq!(outcome.upstream().text(), r#"{"a":"[EMAIL]"}"#);
    assert!(outcome.upstream().header("x-amz-content-sha256").is_some());
    let chunks =
        "18;chunk-signature=ad80\r\n{\"a\":\"jane@example.com\"}\r\n0;chunk-signature=b6c6\r\n\r\n";
    for (name, value) in [
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("content-encoding", "aws-chunked"),
        ("content-encoding", "aws-chunked,gzip"),
        ("x-ms-structured-body", "XSM/1.0; properties=crc64"),
    ] {
        let outcome = proxy.run(&put(chunks).header(name, value), &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(415), "{name}: {value}");
    }
}

/// The header leaves before the first bytes of the body are there.
#[test]
fn the_report_header_tells_what_is_searched() {
    let rules = r#"{"rules":[{"detect":["EMAIL"]}],"report_header":"x-found"}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    for (kind, expected) in [
        ("application/json", "searched"),
        ("application/x-ndjson", "searched"),
        ("text/event-stream", "searched"),
        ("application/x-www-form-urlencoded", "searched"),
        ("multipart/mixed; boundary=b", "searched"),
        ("text/csv", "searched"),
        ("text/html", "searched"),
        ("text/plain", "searched"),
        ("application/graphql", "searched"),
        ("application/octet-stream", "searched-unless-binary"),
        ("application/vnd.ms-excel", "searched-unless-binary"),
        ("application/grpc", "not-searched"),
        ("application/connect+json", "not-searched"),
        ("application/protobuf", "not-searched"),
        ("application/pdf", "not-searched"),
    ] {
        let response = Response::new(200).header("content-type", kind).body("x");
        let outcome = run(&mut proxy, "/a", &response);
        let told = outcome.client().header("x-found");
        assert_eq!(told, Some(format!("body={expected}")), "{kind}");
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
fn decisions_say_what_was_found_and_never_the_values() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let outcome = run(&mut proxy, "/patients/1", &Response::json(BODY));
    let decisions = outcome.decisions();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0].rule.as_deref(), Some("patients"));
    let mut counts: Vec<(&str, u64)> = decisions[0]
        .findings
        .iter()
        .map(|finding| (finding.kind.as_str(), finding.count))
        .collect();
    counts.sort_unstable();
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

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_responses_are_decoded() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let zipped = gzip(BODY);
    for size in [1, 10, 1000] {
        let response = Response::json("")
            .header("content-encoding", "gzip")
            .chunks(zipped.chunks(size).map(<[u8]>::to_vec));
        let outcome = run(&mut proxy, "/patients/1", &response);
        assert_eq!(outcome.client().text(), REDACTED);
        assert_eq!(outcome.client().header("content-encoding"), None);
    }
    for broken in [
        zipped[..zipped.len() / 2].to_vec(),
        BODY.as_bytes().to_vec(),
    ] {
        let response = Response::json(broken).header("content-encoding", "gzip");
        let outcome = run(&mut proxy, "/patients/1", &response);
        assert!(outcome.reset);
        assert!(
            !outcome.client().text().contains("4111"),
            "{}",
            outcome.client().text()
        );
    }
    let bomb = gzip(&" ".repeat(64 << 20));
    let response = Response::json(bomb).header("content-encoding", "gzip");
    let outcome = run(&mut proxy, "/patients/1", &response);
    assert!(outcome.reset);
    let metric =
        "meshward.pii-redactor.unredacted_total;reason=decompression_limit;outcome=blocked";
    assert_eq!(proxy.host().metric(metric), 1);
}

/// What was found is handed over while the message goes on, so that a record can have it.
#[test]
fn findings_of_a_response_that_is_cut_off_are_on_record() {
    let rules = RULES.replace(
        "\"actions\"",
        r#""on_error":{"parse_error":"block"},"actions""#,
    );
    let mut proxy = proxy(Profile::Envoy, &rules);
    let chunks = [
        br#"[{"mail":"jane@example.com"},"#.to_vec(),
        br#"{"mail":"joe@example.com"},"#.to_vec(),
        b"!".to_vec(),
    ];
    let outcome = run(
        &mut proxy,
        "/patients/1",
        &Response::json("").chunks(chunks),
    );
    assert!(outcome.reset);
    let decisions = outcome.decisions();
    let found = decisions
        .iter()
        .find(|decision| !decision.findings.is_empty())
        .unwrap();
    assert_eq!(found.count_of("EMAIL"), 2);
}
