//! Ways around the rules that a client or an upstream may try: each must end redacted, refused or on
//! record.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use host::fake::{Outcome, Profile, Proxy, Request, Response, StreamProperties};
use pii_redactor::PiiRedactor;
use policy::identity::Identity;

const BOTH: &str = r#"{"rules":[{"name":"r","apply_to":["request.body","response.body"],"detect":["EMAIL","CREDIT_CARD"],
    "fields":[{"name":"secret","action":"remove"}]}]}"#;
const ONLY: &str =
    r#"{"rules":[{"apply_to":["request.body","response.body"],"allow_fields":["$.id"]}]}"#;
const BODY: &str = r#"{"id":1,"mail":"jane@example.com","secret":2}"#;
const CLEAN: &str = r#"{"id":1,"mail":"[EMAIL]"}"#;

fn proxy(configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<PiiRedactor>(Profile::Envoy);
    proxy
        .configure(configuration)
        .unwrap_or_else(|refused| panic!("{}", refused.text()));
    proxy
}

fn json(status: u16) -> Response {
    Response::new(status)
        .header("content-type", "application/json")
        .body(BODY)
}

fn run(configuration: &str, request: &Request, response: &Response) -> Outcome {
    let outcome = proxy(configuration).run(request, response);
    assert_eq!(outcome.trap, None);
    outcome
}

fn reasons(outcome: &Outcome) -> Vec<String> {
    let decisions = outcome.decisions();
    decisions
        .iter()
        .map(|decision| decision.reason.to_string())
        .collect()
}

#[test]
fn a_request_for_an_upgrade_does_not_switch_off_the_search() {
    let upgrade = |method: &str| {
        Request::new(method, "/a")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "websocket")
    };
    for (request, is_connect) in [
        (upgrade("GET"), false),
        (upgrade("POST"), false),
        (Request::new("CONNECT", "/a"), true),
        (
            Request::new("CONNECT", "/a").header(":protocol", "websocket"),
            true,
        ),
    ] {
        // The upstream does not switch, and answers as to any request.
        for status in [200, 400] {
            let is_tunnel = is_connect && status == 200;
            let response = json(status);
            let outcome = run(BOTH, &request, &response);
            let expected = if is_tunnel { BODY } else { CLEAN };
            assert_eq!(outcome.client().text(), expected, "{status} to {request:?}");
        }
        // It does.
        let frames = "\u{1}jane@example.com";
        let response = Response::new(101).body(frames);
        let outcome = run(BOTH, &request, &response);
        assert_eq!(outcome.client().text(), frames);
        assert!(reasons(&outcome).contains(&"response_body_upgrade".to_owned()));
    }
    // A body that is announced belongs to the request, not to what comes after it.
    let body = upgrade("POST")
        .header("content-type", "application/json")
        .header("content-length", BODY.len().to_string())
        .body(BODY);
    let outcome = run(BOTH, &body, &Response::json("{}"));
    assert_eq!(outcome.upstream().text(), CLEAN);
}

#[test]
fn a_body_that_comes_is_searched_whatever_the_method_and_the_status_say() {
    for (request, status, header) in [
        (Request::new("head", "/a"), 200, None),
        (Request::new("HEAD", "/a"), 200, None),
        (Request::new("Head", "/a"), 200, None),
        (Request::get("/a"), 204, None),
        (Request::get("/a"), 205, None),
        (Request::get("/a"), 304, None),
        (Request::get("/a"), 200, Some(("content-length", "0"))),
        (Request::get("/a"), 404, None),
        (Request::get("/a"), 503, None),
    ] {
        let mut response = json(status);
        if let Some((name, value)) = header {
            response = response.header(name, value);
        }
        let outcome = run(BOTH, &request, &response);
        let text = outcome.client().text();
        assert!(!text.contains("jane"), "{status} {request:?}: {text}");
    }
    for (request, status) in [(Request::new("HEAD", "/a"), 200), (Request::get("/a"), 304)] {
        let head = Response::new(status)
            .header("content-type", "application/json")
            .header("content-length", "77")
            .header("etag", "\"a\"");
        let outcome = run(BOTH, &request, &head);
        assert_eq!(outcome.client().header("content-length"), None);
        assert_eq!(outcome.client().header("etag").as_deref(), Some("W/\"a\""));
    }
}

#[test]
fn a_type_of_grpc_hides_no_document() {
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc-web-text",
    ] {
        for lead in ["", " ", "\n", "\r\n\t "] {
            let body = format!("{lead}{BODY}");
            for size in [1, 2, 7, body.len()] {
                let chunks = body.as_bytes().chunks(size).map(<[u8]>::to_vec);
                let request = Request::post("/a", "")
                    .header("content-type", kind)
                    .chunks(chunks);
                let outcome = run(BOTH, &request, &Response::json("{}"));
                let text = outcome.upstream().text();
                assert_eq!(text, format!("{lead}{CLEAN}"), "{kind} by {size}");
            }
        }
        let message = "\0\0\0\0\u{5}abcde";
        let request = Request::post("/a", message).header("content-type", kind);
        let outcome = run(BOTH, &request, &Response::json("{}"));
        assert_eq!(outcome.upstream().text(), message);
        // It has no members that could be allowed.
        let outcome = run(ONLY, &request, &Response::json("{}"));
        assert!(outcome.local_reply.is_some(), "{kind}");
        let response = Response::new(200)
            .header("content-type", kind)
            .body(message);
        let outcome = run(ONLY, &Request::get("/a"), &response);
        assert!(!outcome.client().text().contains("abcde"), "{kind}");
    }
}

#[test]
fn where_only_named_members_pass_no_type_lets_others_through() {
    for kind in [
        "application/json",
        "application/x-ndjson",
        "application/json-seq",
        "application/json5",
        "text/event-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "multipart/mixed",
        "text/csv",
        "text/tab-separated-values",
        "text/html",
        "application/xml",
        "text/plain",
        "application/yaml",
        "application/graphql",
        "image/png",
        "application/pdf",
        "application/octet-stream",
        "application/made-up",
        "application/grpc",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json, text/csv",
        "",
    ] {
        for body in [
            "jane@example.com",
            "\"jane@example.com\"",
            "[\"jane@example.com\"]",
            "{\"mail\":\"jane@example.com\"}",
            "{mail:'jane@example.com'}",
            "{// jane@example.com\n}",
            "{\"id\":1} jane@example.com",
            "mail=jane@example.com&jane@example.com",
            "name,mail\njane,jane@example.com\n",
            "jane\njane\n\njane@example.com,x\n",
            "data: jane@example.com\n\n: jane@example.com\n",
            "jane@example.com\n\njane: jane@example.com\ndatajane@example.com\n",
            "--b\r\n\r\njane@example.com\r\n--b--\r\n",
            "--b\r\nContent-Disposition: form-data; name=\"mail\"\r\n\r\njane@example.com\r\n--b--\r\njane@example.com",
            "jane@example.com\r\n--b\r\n\r\n--b--jane@example.com--\r\n",
            "--b\r\n\r\n--b--jane@example.com--",
            "\u{1}jane@example.com",
            "{\"id\":1,\"id\":2,\"a\":[{\"id\":\"jane@example.com\"}]}",
        ] {
            let response = Response::new(200).header("content-type", kind).body(body);
            let outcome = run(ONLY, &Request::get("/a"), &response);
            let text = outcome.client().text();
            assert!(!text.contains("jane@"), "{kind}: {body:?} became {text:?}");
            let request = Request::post("/a", body).header("content-type", kind);
            let outcome = run(ONLY, &request, &Response::json("{}"));
            let text = outcome.upstream().text();
            assert!(
                !text.contains("jane@"),
                "request of {kind}: {body:?} became {text:?}"
            );
        }
    }
}

#[test]
fn directions_are_judged_on_their_own() {
    let rules = r#"{"rules":[
        {"name":"json","match":{"content_types":["application/json"]},"apply_to":["request.body","response.body"],"detect":["EMAIL"]},
        {"name":"csv","match":{"content_types":["text/csv"]},"apply_to":["response.body"],"detect":["CREDIT_CARD"]}]}"#;
    let text = "a,jane@example.com,4111111111111111";
    for (request_type, response_type, up, down) in [
        (
            "application/json",
            "text/csv",
            "\"[EMAIL]\"",
            "a,jane@example.com,[CREDIT_CARD]",
        ),
        (
            "text/csv",
            "application/json",
            "\"jane@example.com\"",
            "a,[EMAIL],4111111111111111",
        ),
        (
            "APPLICATION/JSON; charset=utf-8",
            "Text/CSV;header=absent",
            "\"[EMAIL]\"",
            "a,jane@example.com,[CREDIT_CARD]",
        ),
        ("text/plain", "text/plain", "\"jane@example.com\"", text),
    ] {
        let request =
            Request::post("/a", "\"jane@example.com\"").header("content-type", request_type);
        let response = Response::new(200)
            .header("content-type", response_type)
            .body(text);
        let outcome = run(rules, &request, &response);
        assert_eq!(outcome.upstream().text(), up, "{request_type}");
        assert_eq!(outcome.client().text(), down, "{response_type}");
    }
}

#[test]
fn exemptions_and_consent_count_for_each_rule() {
    let rules = r#"{"rules":[
        {"name":"mail","apply_to":["request.body","response.body","response.headers"],"detect":["EMAIL"],"unless":{"scopes":["phi:read"],"roles":["doctor"]}},
        {"name":"card","apply_to":["request.body","response.body","response.headers"],"detect":["CREDIT_CARD"],"when":{"consent":{"denied":["sale"]}}}],
        "consent":{"gpc":true}}"#;
    let text = r#"{"a":"jane@example.com","b":"4111111111111111"}"#;
    let identity = |scopes: &[&str], roles: &[&str]| {
        let mut identity = Identity {
            subject: Some("x".to_owned()),
            ..Identity::default()
        };
        identity.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        identity.roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let properties = StreamProperties::default();
        properties.set("meshward.identity", identity.to_json());
        properties
    };
    for (scopes, roles, gpc, mail, card) in [
        (&[][..], &[][..], None, "[EMAIL]", "4111111111111111"),
        (&["phi:read"], &[], None, "[EMAIL]", "4111111111111111"),
        (&[], &["doctor"], None, "[EMAIL]", "4111111111111111"),
        (
            &["phi:read"],
            &["doctor"],
            None,
            "jane@example.com",
            "4111111111111111",
        ),
        (
            &["phi:read"],
            &["doctor"],
            Some("1"),
            "jane@example.com",
            "[CREDIT_CARD]",
        ),
        (
            &["phi:readx"],
            &["doctor"],
            Some("1"),
            "[EMAIL]",
            "[CREDIT_CARD]",
        ),
        (&[], &[], Some("0"), "[EMAIL]", "4111111111111111"),
    ] {
        let mut request = Request::post("/a", text)
            .header("content-type", "application/json")
            .properties(&identity(scopes, roles));
        if let Some(gpc) = gpc {
            request = request.header("sec-gpc", gpc);
        }
        let response = Response::json(text)
            .header("x-mail", "jane@example.com")
            .header("x-card", "4111111111111111");
        let outcome = run(rules, &request, &response);
        let expected = format!(r#"{{"a":"{mail}","b":"{card}"}}"#);
        let what = format!("{scopes:?} {roles:?} {gpc:?}");
        assert_eq!(outcome.upstream().text(), expected, "{what}");
        assert_eq!(outcome.client().text(), expected, "{what}");
        assert_eq!(
            outcome.client().header("x-mail").as_deref(),
            Some(mail),
            "{what}"
        );
        assert_eq!(
            outcome.client().header("x-card").as_deref(),
            Some(card),
            "{what}"
        );
    }
}

#[test]
fn masks_show_no_more_of_a_card_than_they_may() {
    let refused = [
        r#"{"CREDIT_CARD":{"mask":{"keep_first":6,"keep_last":6}}}"#,
        r#"{"CREDIT_CARD":{"mask":{"keep_last":5}}}"#,
        r#"{"CREDIT_CARD":{"mask":{"keep_first":9,"keep_last":4}}}"#,
        r#"{"default":{"mask":{"keep_first":6,"keep_last":6}}}"#,
        r#"{"default":{"mask":{"keep_last":8}}}"#,
    ];
    for actions in refused {
        for place in ["top", "rule"] {
            let rules = match place {
                "top" => {
                    format!(r#"{{"actions":{actions},"rules":[{{"detect":["CREDIT_CARD"]}}]}}"#)
                }
                _ => format!(r#"{{"rules":[{{"detect":["CREDIT_CARD"],"actions":{actions}}}]}}"#),
            };
            let mut proxy = Proxy::native::<PiiRedactor>(Profile::Envoy);
            // What is said of all kinds is less for cards.
            assert_eq!(
                proxy.configure(&rules).is_ok(),
                actions.contains("default"),
                "{rules}"
            );
            if actions.contains("default") {
                let response = Response::json(r#"["4111111111111234"]"#.replace("1234", "1111"));
                let outcome = proxy.run(&Request::get("/a"), &response);
                let text = outcome.client().text();
                assert!(text.ends_with("*1111\"]"), "{actions} shows {text}");
            }
        }
    }
    for (first, last, number, expected) in [
        (6, 4, "4111111111111111", "411111******1111"),
        (8, 4, "4111111111111111", "41111111****1111"),
        // A number of 13 digits: eight and four leave one.
        (8, 4, "4222222222222", "*************"),
        (6, 4, "378282246310005", "378282*****0005"),
        (8, 4, "378282246310005", "***************"),
    ] {
        let rules = format!(
            r#"{{"actions":{{"CREDIT_CARD":{{"mask":{{"keep_first":{first},"keep_last":{last}}}}}}},"rules":[{{"detect":["CREDIT_CARD"]}}]}}"#
        );
        let response = Response::json(format!("[\"card {number}\"]"));
        let outcome = run(&rules, &Request::get("/a"), &response);
        assert_eq!(
            outcome.client().text(),
            format!("[\"card {expected}\"]"),
            "{first} {last}"
        );
    }
}

#[test]
fn parts_of_bodies_are_refused_or_read() {
    for (status, kind, body) in [
        (206, "application/json", BODY),
        (
            206,
            "multipart/byteranges; boundary=b",
            "--b\r\nContent-Type: application/json\r\nContent-Range: bytes 0-9/99\r\n\r\njane@example.com\r\n--b--\r\n",
        ),
        (206, "image/png", "jane@example.com"),
        (
            200,
            "multipart/byteranges; boundary=b",
            "--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-9/99\r\n\r\njane@example.com\r\n--b--\r\n",
        ),
    ] {
        let response = Response::new(status)
            .header("content-type", kind)
            .body(body);
        let request = Request::get("/a")
            .header("range", "bytes=0-9")
            .header("if-range", "x");
        let outcome = run(BOTH, &request, &response);
        assert!(!outcome.client().text().contains("jane"), "{status} {kind}");
        assert_eq!(outcome.upstream().header("range"), None);
        assert_eq!(outcome.upstream().header("if-range"), None);
    }
}

#[test]
fn trailers_behind_any_body_leak_nothing() {
    for (kind, body) in [
        ("application/json", BODY.to_owned()),
        ("text/plain", "mail jane@example.com".to_owned()),
        ("text/csv", "a,jane@example.com".to_owned()),
        (
            "application/x-www-form-urlencoded",
            "a=1&m=jane%40example.com".to_owned(),
        ),
        ("text/html", "<p>jane&#64;example.com".to_owned()),
        (
            "text/plain",
            format!("{} jane@example.com", "x ".repeat(20_000)),
        ),
        (
            "application/json",
            format!(r#"{{"a":"{} jane@example.com"#, "x ".repeat(20_000)),
        ),
    ] {
        for protocol in ["HTTP/1.1", "HTTP/2"] {
            for size in [5, 4_000, body.len()] {
                let chunks = || body.as_bytes().chunks(size).map(<[u8]>::to_vec);
                let request = Request::post("/a", "")
                    .attribute(&["request", "protocol"], protocol)
                    .header("content-type", kind)
                    .chunks(chunks())
                    .trailers(&[("x-sum", "1")]);
                let outcome = run(BOTH, &request, &Response::json("{}"));
                let text = outcome.upstream().text();
                let is_leak = text.contains("jane@")
                    || text.contains("jane%40")
                    || text.contains("jane&#64;");
                assert!(!is_leak, "{protocol} {kind} by {size}");
                // Over HTTP/1.1 nothing is held for trailers that nobody announces.
                let is_small = body.len() < 16_000 && protocol == "HTTP/2";
                let arrived = text.contains("EMAIL");
                assert!(
                    arrived || !is_small,
                    "{protocol} {kind} by {size}: {:?}",
                    outcome.client().status()
                );
                let response = Response::new(200)
                    .header("content-type", kind)
                    .chunks(chunks())
                    .trailers(&[("x-sum", "1")]);
                let outcome = run(BOTH, &Request::get("/a"), &response);
                let text = outcome.client().text();
                let is_leak = text.contains("jane@")
                    || text.contains("jane%40")
                    || text.contains("jane&#64;");
                assert!(!is_leak, "response of {kind} by {size}");
            }
        }
    }
}
