//! Requests, and who makes them.

use super::*;

/// Rules about everything that a request has.
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

/// A value may be cut in two between the requests that bring an upload.
#[test]
fn pieces_of_uploads_are_refused_or_on_record() {
    const CONFIG: &str = r#"{"rules":[{"detect":["EMAIL"],"apply_to":["request.body"]}]}"#;
    let pass = CONFIG.replacen('{', r#"{"on_error":{"partial_content":"pass"},"#, 1);
    let report = CONFIG.replacen('{', r#"{"mode":"report","#, 1);
    let body = "to jane@example.com";
    let piece = |path: &str, kind: &str, header: Option<(&str, &str)>| {
        let request = Request::new("PUT", path)
            .header("content-type", kind)
            .chunks([body.as_bytes().to_vec()]);
        match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    };
    let tus = "application/offset+octet-stream";
    for request in [
        piece("/u", "text/plain", Some(("content-range", "bytes 0-18/40"))),
        piece(
            "/u",
            "text/plain",
            Some(("content-range", "bytes 19-37/38")),
        ),
        piece("/u", "text/plain", Some(("content-range", "bytes 0-18/*"))),
        piece(
            "/u",
            "application/octet-stream",
            Some(("content-range", "bytes 0-18/40")),
        ),
        piece("/u", tus, Some(("upload-offset", "0"))),
        piece("/u", "text/plain", Some(("upload-offset", "7"))),
        piece("/u", "application/partial-upload", None),
        piece("/b/k?partNumber=2&uploadId=x", "text/plain", None),
        piece("/b/k?comp=block&blockid=x", "text/plain", None),
        piece("/b/k?comp=appendblock", "text/plain", None),
    ] {
        let mut refusing = proxy(Profile::Envoy, CONFIG);
        let outcome = refusing.run(&request, &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(400));
        for (configuration, left) in [(pass.as_str(), "to [EMAIL]"), (report.as_str(), body)] {
            let mut proxy = proxy(Profile::Envoy, configuration);
            let outcome = proxy.run(&request, &Response::json("{}"));
            assert_eq!(outcome.client().status(), Some(200));
            assert_eq!(outcome.upstream().text(), left);
            let decisions = outcome.decisions();
            let is_told = decisions
                .iter()
                .any(|decision| decision.reason == "partial_content");
            assert!(is_told, "{decisions:?}");
        }
    }
    for request in [
        piece("/u", "text/plain", None),
        piece("/u?uploadId=x", "text/plain", None),
        piece("/u?comp=list", "text/plain", None),
        piece("/u", "text/plain", Some(("content-range", "bytes 0-18/19"))),
    ] {
        let mut proxy = proxy(Profile::Envoy, CONFIG);
        let outcome = proxy.run(&request, &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(200));
        assert_eq!(outcome.upstream().text(), "to [EMAIL]");
    }
    // What is never searched may come in pieces.
    let video = piece("/u", "video/mp4", Some(("content-range", "bytes 0-18/40")));
    let mut proxy = proxy(Profile::Envoy, CONFIG);
    let outcome = proxy.run(&video, &Response::json("{}"));
    assert_eq!(outcome.client().status(), Some(200));
}
