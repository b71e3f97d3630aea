//! The filter in a host in memory: every way in which a body can come, and hosts that lack things.

#![allow(clippy::restriction, reason = "a test fails by panicking")]

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
    let brotli = Response::json(BODY).header("content-encoding", "br");
    let part = Response::json(BODY);
    for (configuration, status, body_passes) in [(RULES, 502, false), (pass.as_str(), 200, true)] {
        let mut envoy = proxy(Profile::Envoy, configuration);
        let outcome = run(&mut envoy, "/patients/1", &brotli);
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
    assert_eq!(decisions[0].count_of("EMAIL"), 1);
    let metric = "meshward.pii-redactor.findings_total;type=CREDIT_CARD;where=response.body;rule=patients;outcome=reported";
    assert_eq!(proxy.host().metric(metric), 1);
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

/// Rules about everything that a request has.
const REQUESTS: &str = r#"{"rules":[{"name":"out",
    "apply_to":["request.body","request.query","request.cookies","request.headers","request.trailers","response.headers","response.trailers"],
    "detect":["EMAIL","CREDIT_CARD","US_SSN"],
    "fields":[{"name":"x-internal","action":"remove"},{"name":"session","action":"remove"},{"name":"ref","action":{"mask":{"keep_last":2}}}]}],
    "report_header":"x-redacted"}"#;

#[test]
fn everything_of_a_request_is_redacted() {
    let mut proxy = proxy(Profile::Envoy, REQUESTS);
    for cut in [0, 5, 20, 37] {
        let body = r#"{"mail":"jane@example.com","a":1.50}"#;
        let (left, right) = body.as_bytes().split_at(cut.min(body.len()));
        let request = Request::new("POST", "/a/b?mail=jane%40example.com&session=1&n=%20x#f")
            .header("content-type", "application/json")
            .header("content-length", body.len().to_string())
            .header("content-encoding", "identity")
            .header("cookie", "session=abc; theme=dark; mail=jane@example.com")
            .header("authorization", "Bearer jane@example.com")
            .header("referer", "https://x.example/?mail=jane@example.com")
            .header("x-internal", "1")
            .header("x-ref", "untouched")
            .header("x-two", "jane@example.com")
            .header("x-two", "plain")
            .chunks([left.to_vec(), right.to_vec()]);
        let response = Response::json("{}").header("x-user", "jane@example.com");
        let outcome = proxy.run(&request, &response);
        assert_eq!(outcome.trap, None);
        let upstream = outcome.upstream();
        assert_eq!(upstream.text(), r#"{"mail":"[EMAIL]","a":1.50}"#);
        assert_eq!(
            upstream.header(":path").as_deref(),
            Some("/a/b?mail=%5BEMAIL%5D&n=%20x#f")
        );
        assert_eq!(
            upstream.header("cookie").as_deref(),
            Some("theme=dark; mail=%5BEMAIL%5D")
        );
        assert_eq!(
            upstream.header("authorization").as_deref(),
            Some("Bearer jane@example.com")
        );
        assert_eq!(
            upstream.header("referer").as_deref(),
            Some("https://x.example/?mail=[EMAIL]")
        );
        assert_eq!(upstream.header("x-internal"), None);
        assert_eq!(upstream.header_values("x-two"), ["[EMAIL]", "plain"]);
        assert_eq!(upstream.header("content-length"), None);
        assert_eq!(
            outcome.client().header("x-user").as_deref(),
            Some("[EMAIL]")
        );
        let told = outcome.client().header("x-redacted").unwrap();
        assert!(
            told.contains("EMAIL=5") && told.contains("body=not-searched"),
            "{told}"
        );
        let places: Vec<String> = outcome
            .decisions()
            .iter()
            .map(|decision| decision.reason.clone())
            .collect();
        assert_eq!(
            places,
            [
                "request_query",
                "request_cookies",
                "request_headers",
                "request_body",
                "response_headers"
            ]
        );
    }
}

#[test]
fn forms_and_texts_of_requests_with_trailers_lose_nothing() {
    let mut proxy = proxy(Profile::Envoy, REQUESTS);
    for (kind, body, expected) in [
        (
            "application/x-www-form-urlencoded",
            "mail=jane%40example.com&a=1",
            "mail=%5BEMAIL%5D&a=1",
        ),
        ("text/plain", "mail jane@example.com", "mail [EMAIL]"),
    ] {
        for cut in 0..body.len() {
            let (left, right) = body.as_bytes().split_at(cut);
            let request = Request::new("POST", "/a")
                .header("content-type", kind)
                .chunks([left.to_vec(), right.to_vec()])
                .trailers(&[("x-mail", "jane@example.com")]);
            let outcome = proxy.run(&request, &Response::json("{}"));
            assert_eq!(outcome.upstream().text(), expected, "{kind} {cut}");
            assert!(!outcome.reset);
            let trailers = format!(
                "{:?}",
                outcome.upstream().trailers.as_ref().map(|pairs| {
                    pairs
                        .iter()
                        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                        .collect::<Vec<_>>()
                })
            );
            assert!(trailers.contains("[EMAIL]"), "{trailers}");
        }
        // Too long to be held by the host: what is held here is lost, so the stream ends.
        let long = format!("{}{body}", "x=1&".repeat(10_000));
        let request = Request::new("POST", "/a")
            .header("content-type", kind)
            .chunks(long.as_bytes().chunks(5000).map(<[u8]>::to_vec))
            .trailers(&[("x", "1")]);
        let outcome = proxy.run(&request, &Response::json("{}"));
        assert!(!outcome.upstream().text().contains("jane"), "{kind}");
        assert!(outcome.local_reply.is_some() || outcome.reset, "{kind}");
    }
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

#[test]
fn some_callers_see_everything() {
    let rules = r#"{"rules":[{"name":"r","detect":["EMAIL"],
        "unless":{"scopes":["phi:read"],"roles":["doctor","nurse"],"claims":[{"claim":"mfa","equals":true}]}}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let mut redacted = |scopes: &[&str], roles: &[&str], claims: &str| {
        let identity = Identity {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            claims: policy::identity::parse_claims(claims.as_bytes()).unwrap(),
            ..Identity::default()
        };
        let properties = StreamProperties::default();
        properties.set("meshward.identity", identity.to_json());
        let request = Request::get("/x").properties(&properties);
        let outcome = proxy.run(&request, &Response::json(r#"["jane@example.com"]"#));
        outcome.client().text() != r#"["jane@example.com"]"#
    };
    assert!(!redacted(&["phi:read"], &["nurse"], r#"{"mfa":true}"#));
    assert!(redacted(&["phi:read"], &["nurse"], r#"{"mfa":false}"#));
    assert!(redacted(&["phi:read"], &["clerk"], r#"{"mfa":true}"#));
    assert!(redacted(&[], &["doctor"], r#"{"mfa":true}"#));
    let outcome = proxy.run(
        &Request::get("/x"),
        &Response::json(r#"["jane@example.com"]"#),
    );
    assert_eq!(outcome.client().text(), r#"["[EMAIL]"]"#, "nobody verified");
}

#[test]
fn consent_decides() {
    let rules = r#"{"rules":[{"detect":["EMAIL"],"when":{"consent":{"denied":["sharing"]}}}],
        "consent":{"header":"x-consent","default":"granted"}}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    for (headers, redacted) in [
        (vec![], false),
        (vec![("sec-gpc", "1")], true),
        (vec![("x-consent", "sharing")], false),
        (vec![("x-consent", "ads")], true),
        (vec![("x-consent", "sharing"), ("sec-gpc", "1")], true),
    ] {
        let request = headers
            .iter()
            .fold(Request::get("/x"), |request, (name, value)| {
                request.header(name, value)
            });
        let outcome = proxy.run(&request, &Response::json(r#"["jane@example.com"]"#));
        assert_eq!(
            outcome.client().text().contains("[EMAIL]"),
            redacted,
            "{headers:?}"
        );
    }
}

#[test]
fn a_finding_can_block() {
    let rules = r#"{"rules":[{"name":"r","apply_to":["request.body","request.query","response.body","response.headers"],"detect":["US_SSN"]}],
        "actions":{"US_SSN":"block"}}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let ssn = r#"{"ssn":"536-22-8145"}"#;
    let post = |path: &str, body: &str| {
        Request::post(path, body).header("content-type", "application/json")
    };
    for request in [post("/x", ssn), post("/x?q=536-22-8145", "{}")] {
        let outcome = proxy.run(&request, &Response::json("{}"));
        let reply = outcome.local_reply.as_ref().expect("a reply");
        assert_eq!(reply.status, 403);
        assert!(!outcome.upstream().text().contains("536"));
        assert!(
            outcome
                .decisions()
                .iter()
                .any(|decision| decision.reason == "blocked_content")
        );
    }
    let outcome = proxy.run(&Request::get("/x"), &Response::json(ssn));
    assert!(outcome.reset && !outcome.client().text().contains("536"));
    // A response that a finding blocks is refused, not one that could not be searched.
    let decisions = outcome.decisions();
    let decision = |reason: &str| decisions.iter().find(|d| d.reason == reason);
    assert_eq!(
        decision("blocked_content").map(|d| d.outcome),
        Some(policy::decision::Outcome::Denied)
    );
    let blocked = "meshward.pii-redactor.blocked_total;direction=response";
    assert_eq!(proxy.host().metric(blocked), 1);
    let outcome = proxy.run(
        &Request::get("/x"),
        &Response::json("{}").header("x-ssn", "536-22-8145"),
    );
    assert_eq!(outcome.client().status(), Some(502));
    let outcome = proxy.run(&post("/x", "{}"), &Response::json("{}"));
    assert_eq!(outcome.client().status(), Some(200));
}

#[test]
fn bodies_that_cannot_be_searched_are_counted() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let plain = |kind: &str| {
        Response::new(200)
            .header("content-type", kind)
            .body("jane@example.com")
    };
    let outcome = run(&mut proxy, "/patients/1", &plain("image/png"));
    assert_eq!(outcome.client().text(), "jane@example.com");
    let outcome = run(&mut proxy, "/patients/1", &plain("text/csv"));
    assert_eq!(outcome.client().text(), "[EMAIL]");
    let grpc = Request::post("/patients/1", "").header("content-type", "application/grpc");
    let outcome = proxy.run(&grpc, &plain("application/grpc"));
    assert_eq!(outcome.client().text(), "jane@example.com");
    let upgrade = Request::get("/patients/1")
        .header("upgrade", "websocket")
        .header("connection", "Upgrade");
    let switched = Response::new(101).body("jane@example.com");
    let outcome = proxy.run(&upgrade, &switched);
    assert_eq!(outcome.client().text(), "jane@example.com");
    // A type that nobody knows is what its first bytes say.
    let outcome = run(
        &mut proxy,
        "/patients/1",
        &plain("application/octet-stream"),
    );
    assert_eq!(outcome.client().text(), "[EMAIL]");
    let binary = Response::new(200)
        .header("content-type", "application/x-thing")
        .body("\u{1}jane@example.com");
    let outcome = run(&mut proxy, "/patients/1", &binary);
    assert_eq!(outcome.client().text(), "\u{1}jane@example.com");
    let decisions = outcome.decisions();
    assert_eq!(decisions[0].outcome, policy::decision::Outcome::NotSearched);
    assert_eq!(decisions[0].reason, "response_body_binary");
    for reason in ["content_type", "grpc", "upgrade", "binary"] {
        let metric = format!("meshward.pii-redactor.skipped_total;reason={reason}");
        assert!(proxy.host().metric(&metric) >= 1, "{reason}");
    }
    let part = Response::new(206)
        .header("content-type", "application/json")
        .body(BODY);
    assert_eq!(
        run(&mut proxy, "/patients/1", &part).client().status(),
        Some(502)
    );
    let empty = Response::new(204).header("content-type", "application/json");
    assert_eq!(
        run(&mut proxy, "/patients/1", &empty).client().status(),
        Some(204)
    );
    let head = Request::new("HEAD", "/patients/1");
    let not_modified = Response::new(304).header("content-length", "77");
    for response in [
        Response::json("").header("content-length", "77"),
        not_modified,
    ] {
        // It would be the length of the body that nobody gets.
        let outcome = proxy.run(&head, &response);
        assert_eq!(outcome.client().header("content-length"), None);
    }
    let image = Response::new(200)
        .header("content-type", "image/png")
        .header("content-length", "77");
    let outcome = proxy.run(&head, &image);
    assert_eq!(
        outcome.client().header("content-length").as_deref(),
        Some("77")
    );

    let strict = RULES.replace(
        "\"actions\"",
        r#""on_error":{"unsupported_type":"block","parse_error":"block"},"actions""#,
    );
    let mut proxy = self::proxy(Profile::Envoy, &strict);
    assert_eq!(
        run(&mut proxy, "/patients/1", &plain("image/png"))
            .client()
            .status(),
        Some(502)
    );
    let outcome = run(
        &mut proxy,
        "/patients/1",
        &Response::json(r#"{"a":1,}jane@example.com"#),
    );
    assert!(outcome.reset && !outcome.client().text().contains("jane"));
}

#[test]
fn only_named_members_pass() {
    let rules = r#"{"rules":[{"name":"min","allow_fields":["$.id","$.items[*].sku"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"id":1,"mail":"x","items":[{"sku":"a","cost":2}]}"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    assert_eq!(outcome.client().text(), r#"{"id":1,"items":[{"sku":"a"}]}"#);
    // What has no members, or breaks off, has nothing that could be allowed.
    let text = Response::new(200)
        .header("content-type", "text/plain")
        .body("secret");
    assert_eq!(run(&mut proxy, "/x", &text).client().status(), Some(502));
    let outcome = run(&mut proxy, "/x", &Response::json(r#"{"id":1,]"secret":2}"#));
    assert!(outcome.reset && !outcome.client().text().contains("secret"));
}

#[test]
fn rules_that_only_report_stand_beside_rules_that_act() {
    let rules = r#"{"rules":[{"name":"act","detect":["EMAIL"]},
        {"name":"try","mode":"report","detect":["US_SSN"],"fields":[{"name":"notes","action":"remove"}]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"mail":"jane@example.com","ssn":"536-22-8145","notes":"x"}"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    assert_eq!(
        outcome.client().text(),
        r#"{"mail":"[EMAIL]","ssn":"536-22-8145","notes":"x"}"#
    );
    let decisions = outcome.decisions();
    let of = |rule: &str| {
        decisions
            .iter()
            .find(|decision| decision.rule.as_deref() == Some(rule))
            .unwrap()
    };
    assert!(!of("act").report_only && of("try").report_only);
    assert_eq!(of("try").count_of("US_SSN"), 1);
    assert_eq!(of("try").count_of("FIELD"), 1);
}

/// The mode of the filter is the default of its rules, and no more than that.
#[test]
fn a_rule_acts_in_a_filter_that_reports() {
    let rules = r#"{"mode":"report","rules":[{"name":"act","mode":"enforce","detect":["EMAIL"]},
        {"name":"try","detect":["US_SSN"]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"mail":"jane@example.com","ssn":"536-22-8145"}"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    assert_eq!(
        outcome.client().text(),
        r#"{"mail":"[EMAIL]","ssn":"536-22-8145"}"#
    );
}

#[test]
fn pseudonyms_need_their_key() {
    let rules = r#"{"rules":[{"detect":["EMAIL"]}],"actions":{"EMAIL":{"pseudonym":{"domain":"partner"}}},"pseudonym_key_env":"KEY"}"#;
    let mut keyless = Proxy::native::<PiiRedactor>(Profile::Envoy);
    let refused = keyless.configure(rules).unwrap_err();
    assert!(refused.text().contains("KEY"), "{}", refused.text());
    let mut proxy = Proxy::native::<PiiRedactor>(Profile::Envoy);
    proxy
        .host()
        .set_environment_variable("KEY", &"k".repeat(32));
    let refused = proxy.configure(rules).unwrap_err();
    assert!(
        refused.text().contains("can be guessed"),
        "{}",
        refused.text()
    );
    proxy
        .host()
        .set_environment_variable("KEY", "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo");
    proxy.configure(rules).unwrap();
    let body = r#"["jane@example.com","JANE@example.com","joe@example.com"]"#;
    let outcome = run(&mut proxy, "/x", &Response::json(body));
    let names: Vec<String> = serde_json::from_str(&outcome.client().text()).unwrap();
    assert!(
        names[0].starts_with("EMAIL_") && names[0] == names[1] && names[0] != names[2],
        "{names:?}"
    );
}

/// The request says nothing about the response.
#[test]
fn a_request_of_grpc_does_not_switch_off_the_search_of_the_response() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let request = Request::post("/patients/1", "").header("content-type", "application/grpc");
    let outcome = proxy.run(&request, &Response::json(BODY));
    assert_eq!(outcome.client().text(), REDACTED);
    // What begins like JSON is no message of gRPC.
    let response = Response::new(200)
        .header("content-type", "application/grpc")
        .body(BODY);
    assert_eq!(proxy.run(&request, &response).client().text(), REDACTED);
}

#[test]
fn repeated_content_types_are_one() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    for other in ["application/json", "image/png", "application/octet-stream"] {
        let response = Response::json(BODY).header("content-type", other);
        let outcome = run(&mut proxy, "/patients/1", &response);
        assert_eq!(outcome.client().text(), REDACTED, "{other}");
    }
}

/// What the filter keeps does not stand in the buffer of the host, which has a limit.
#[test]
fn nothing_is_left_in_the_buffer_of_the_host() {
    let mut proxy = proxy(Profile::Envoy, REQUESTS);
    let body = "note jane@example.com\n".repeat(500);
    for (trailers, pauses) in [(&[("x", "1")][..], true), (&[], false)] {
        let mut request = Request::new("POST", "/a")
            .header("content-type", "text/plain")
            .chunks(body.as_bytes().chunks(1000).map(<[u8]>::to_vec));
        if !trailers.is_empty() {
            request = request.trailers(trailers);
        }
        let outcome = proxy.run(&request, &Response::json("{}"));
        assert_eq!(
            outcome.upstream().text(),
            body.replace("jane@example.com", "[EMAIL]"),
            "{pauses}"
        );
        assert!(!outcome.reset && outcome.local_reply.is_none());
    }
}

/// A caller that sees everything is on record with what he saw.
#[test]
fn exempt_callers_are_on_record() {
    let rules = r#"{"rules":[{"name":"r","unless":{"scopes":["phi:read"]},"detect":["EMAIL"],
        "fields":[{"name":"ssn","action":"remove"}]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let body = r#"{"mail":"jane@example.com","ssn":1}"#;
    let identity = Identity {
        scopes: vec!["phi:read".to_owned()],
        ..Identity::default()
    };
    let properties = StreamProperties::default();
    properties.set("meshward.identity", identity.to_json());
    let request = Request::get("/x").properties(&properties);
    let response = Response::json(body).header("content-length", body.len().to_string());
    let outcome = proxy.run(&request, &response);
    assert_eq!(outcome.client().text(), body);
    assert!(outcome.client().header("content-length").is_some());
    let decisions = outcome.decisions();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0].outcome, policy::decision::Outcome::Allowed);
    assert!(!decisions[0].report_only);
    let seen = policy::finding::FindingOutcome::Seen;
    assert!(
        decisions[0]
            .findings
            .iter()
            .all(|finding| finding.outcome == seen)
    );
    assert_eq!(decisions[0].count_of("EMAIL"), 1);
    assert_eq!(decisions[0].count_of("FIELD"), 1);
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

#[test]
fn headers_can_be_minimized() {
    let rules = r#"{"rules":[{"apply_to":["response.headers"],"allow_fields":["$['x-kept']"],
        "fields":[{"path":"$['x-kept']","action":{"replace":"kept"}}]}]}"#;
    let mut proxy = proxy(Profile::Envoy, rules);
    let response = Response::json("{}")
        .header("x-kept", "1")
        .header("x-user", "jane")
        .header("retry-after", "1");
    let outcome = proxy.run(&Request::get("/x"), &response);
    assert_eq!(outcome.client().header("x-kept").as_deref(), Some("kept"));
    assert_eq!(outcome.client().header("x-user"), None);
    assert_eq!(outcome.client().header("retry-after").as_deref(), Some("1"));
    assert!(outcome.client().header("content-type").is_some());
}

/// A body that would keep the worker busy for long ends as `on_error.budget_exceeded` says.
#[test]
fn a_body_that_costs_too_much_to_search_ends_in_the_policy() {
    let presets = r#""presets":["gdpr","ccpa","hipaa","pci","secrets"]"#;
    let body = format!(
        r#"{{"phone":"{}","mail":"jane@example.com"}}"#,
        "\u{a0}1".repeat(330_000)
    );
    let response = Response::json(body.as_str());
    let reasons = |outcome: &Outcome| -> Vec<String> {
        let decisions = outcome.decisions();
        decisions
            .iter()
            .map(|decision| decision.reason.clone())
            .collect()
    };
    let over = |outcome: &Outcome| {
        reasons(outcome)
            .iter()
            .filter(|reason| *reason == "budget_exceeded")
            .count()
    };

    let mut strict = proxy(Profile::Envoy, &format!("{{{presets}}}"));
    let outcome = run(&mut strict, "/x", &response);
    assert!(outcome.reset && !outcome.client().text().contains("jane"));
    assert_eq!(over(&outcome), 1);

    // As in a compressed request of a kilobyte.
    let upload = format!(r#"{{{presets},"apply_to":["request.body"]}}"#);
    let mut upload = proxy(Profile::Envoy, &upload);
    let request = Request::post("/x", body.clone()).header("content-type", "application/json");
    let outcome = upload.run(&request, &Response::json("{}"));
    assert_eq!(outcome.client().status(), Some(400));
    assert!(outcome.client().text().contains("budget_exceeded"));

    let lenient = format!(r#"{{{presets},"on_error":{{"budget_exceeded":"pass"}}}}"#);
    let mut lenient = proxy(Profile::Envoy, &lenient);
    let outcome = run(&mut lenient, "/x", &response);
    assert!(!outcome.reset && outcome.client().text().ends_with(r#"jane@example.com"}"#));
    assert_eq!(over(&outcome), 1);

    // Nothing that is not named passes unsearched.
    let minimizes = format!(
        r#"{{{presets},"rules":[{{"allow_fields":["$.phone"]}}],"on_error":{{"budget_exceeded":"pass"}}}}"#
    );
    let mut minimizes = proxy(Profile::Envoy, &minimizes);
    let outcome = run(&mut minimizes, "/x", &response);
    assert!(outcome.reset && !outcome.client().text().contains("jane"));

    // A rule that only reports stops nothing.
    let mut reports = proxy(Profile::Envoy, &format!(r#"{{"mode":"report",{presets}}}"#));
    let outcome = run(&mut reports, "/x", &response);
    assert!(!outcome.reset);
    assert_eq!(outcome.client().text(), body);
    assert_eq!(over(&outcome), 1);
}

#[test]
fn a_head_that_costs_too_much_to_search_ends_in_the_policy() {
    let rules = |on_error: &str| {
        format!(
            r#"{{"detectors":[{{"name":"X","regex":"[a-z]"}}],"actions":{{"X":"detect"}},{on_error}
            "rules":[{{"apply_to":["request.query","request.cookies","request.headers"],"detect":["X","EMAIL"]}}]}}"#
        )
    };
    let long = "a".repeat(100_000);
    let requests = [
        Request::get(&format!("/a?q={long}&m=jane@example.com")),
        Request::get("/a").header("cookie", format!("q={long}; m=jane@example.com")),
        Request::get("/a")
            .header("a-note", long)
            .header("x-mail", "jane@example.com"),
    ];
    for request in &requests {
        let mut blocking = proxy(Profile::Envoy, &rules(""));
        let outcome = blocking.run(request, &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(400));
        assert!(outcome.client().text().contains("budget_exceeded"));
        let mut passing = proxy(
            Profile::Envoy,
            &rules(r#""on_error":{"budget_exceeded":"pass"},"#),
        );
        let outcome = passing.run(request, &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(200));
    }
    let mut ordinary = proxy(Profile::Envoy, &rules(""));
    let request = Request::get(&format!("/a?q={}", "a-".repeat(1_000)));
    let outcome = ordinary.run(&request, &Response::json("{}"));
    assert_eq!(outcome.client().status(), Some(200));
}

/// A header that is not there costs no call of the host.
#[test]
fn only_headers_that_are_there_are_removed() {
    let mut proxy = proxy(Profile::Envoy, RULES);
    let removals = "proxy_remove_header_map_value";
    let response = Response::json(BODY).header("etag", "\"1\"");
    proxy.run(&Request::get("/patients/1"), &response);
    let without = proxy.host().times_called(removals);
    let request = Request::get("/patients/1").header("range", "bytes=0-9");
    let outcome = proxy.run(&request.header("accept-encoding", "gzip"), &response);
    assert_eq!(outcome.upstream().header("range"), None);
    assert_eq!((without, proxy.host().times_called(removals)), (0, 2));
}
