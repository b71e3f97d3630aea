//! What cannot be searched, and what costs too much.

use super::*;

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

/// What is only measured is not decoded: its headers say how long it is and how it is encoded, and a body that does
/// not fit them is another request to whoever reads it.
#[test]
fn a_body_that_is_only_measured_goes_on_byte_for_byte() {
    let text = format!("{{\"note\": \"{}\"}}", "GET /admin HTTP/1.1 ".repeat(20));
    let zipped = gzip(&text);
    let part = "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\
                content-transfer-encoding: base64\r\n\r\naGVsbG8\r\n--x--\r\n";
    for (keys, reads) in [
        (r#""max_depth": 4"#, true),
        (r#""max_members": 100"#, true),
        (r#""max_body": "1KiB", "max_depth": 4"#, true),
        (
            r#""data_subject": [{"response": "$.patient"}, {"request": "$.patient"}]"#,
            true,
        ),
        (r#""max_body": "1KiB""#, false),
    ] {
        let rules =
            format!(r#"{{"rules":[{{"apply_to":["request.body","response.body"],{keys}}}]}}"#);
        for size in [1, 10, 1000] {
            let pieces = || zipped.chunks(size).map(<[u8]>::to_vec);
            let mut proxy = proxy(Profile::Envoy, &rules);
            let request = Request::post("/patients/1", "")
                .header("content-type", "application/json")
                .header("content-encoding", "gzip")
                .header("content-length", zipped.len().to_string())
                .chunks(pieces());
            let response = Response::json("")
                .header("content-encoding", "gzip")
                .chunks(pieces());
            let outcome = proxy.run(&request, &response);
            let upstream = outcome.upstream();
            assert_eq!(upstream.body, zipped, "{keys}, {size}");
            assert_eq!(upstream.header("content-encoding").as_deref(), Some("gzip"));
            assert_eq!(outcome.client().body, zipped, "{keys}, {size}");
            assert_eq!(
                outcome.client().header("content-encoding").as_deref(),
                Some("gzip")
            );
        }
        let mut proxy = proxy(Profile::Envoy, &rules);
        let request = Request::post("/patients/1", part)
            .header("content-type", "multipart/form-data; boundary=x")
            .header("accept-encoding", "gzip");
        let brotli = Response::json("any").header("content-encoding", "br");
        let outcome = proxy.run(&request, &brotli);
        assert_eq!(outcome.upstream().body, part.as_bytes(), "{keys}");
        // Nobody who counts bytes minds what they mean.
        assert_eq!(
            outcome.upstream().header("accept-encoding").is_some(),
            !reads
        );
        assert_eq!(outcome.client().status() == Some(200), !reads, "{keys}");
    }
}

#[test]
fn graphql_over_a_websocket_is_refused_unless_it_may_pass() {
    let configuration = r#"{"apply_to":["request.body"],"rules":[{"name":"api","graphql":{"max_depth":2,"websocket":"WEBSOCKET"}}]}"#;
    let upgrade = |to: &str| {
        Request::get("/graphql")
            .header("upgrade", to)
            .header("connection", "Upgrade")
    };
    for (websocket, to, status) in [
        ("refuse", "websocket", 400),
        ("refuse", "h2c", 200),
        ("pass", "websocket", 200),
    ] {
        let configuration = configuration.replace("WEBSOCKET", websocket);
        let mut proxy = proxy(Profile::Envoy, &configuration);
        let outcome = proxy.run(&upgrade(to), &Response::json("{}"));
        assert_eq!(outcome.client().status(), Some(status), "{websocket} {to}");
        let refused = outcome.client().text().contains("graphql_over_websocket");
        assert_eq!(refused, status == 400, "{websocket} {to}");
    }
}
