//! What nginx hosts do not do, and what the filter does about it.

#![allow(clippy::restriction, reason = "a test that cannot go on has failed")]

use host::fake::{Outcome, Profile, Proxy, Request, Response};
use pii_redactor::PiiRedactor;

const NGINX: [Profile; 2] = [Profile::Apisix, Profile::Kong];
const MAIL: &str = "jane@example.com";

fn proxy(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<PiiRedactor>(profile);
    proxy.configure(configuration).unwrap();
    proxy
}

fn rule(place: &str, on_error: &str) -> String {
    format!(
        r#"{{"rules":[{{"name":"mail","apply_to":["{place}"],"detect":["EMAIL"]}}],
        "on_error":{{{on_error}}}}}"#
    )
}

fn run(proxy: &mut Proxy, request: &Request, response: &Response) -> Outcome {
    let outcome = proxy.run(request, response);
    assert_eq!(outcome.trap, None);
    outcome
}

fn count(proxy: &Proxy, metric: &str) -> i64 {
    proxy
        .host()
        .metric(&format!("meshward.pii-redactor.{metric}"))
}

#[test]
fn request_bodies_that_cannot_be_changed_do_not_pass() {
    let body = format!(r#"{{"mail":"{MAIL}"}}"#);
    let json = |request: Request| request.header("content-type", "application/json");
    for profile in NGINX {
        let http_2 = |request: Request| {
            request
                .attribute(&["server_protocol"], "HTTP/2.0")
                .attribute(&["request", "protocol"], "HTTP/2")
        };
        let with_length =
            |request: Request| request.header("content-length", body.len().to_string());
        let post = || json(Request::post("/", body.clone()));
        for (line, request, refused) in [
            ("a length", with_length(post()), true),
            (
                "chunks",
                post().header("transfer-encoding", "chunked"),
                true,
            ),
            ("HTTP/2 without a length", http_2(post()), true),
            ("no body", Request::get("/"), false),
            (
                "a length of 0",
                Request::new("POST", "/").header("content-length", "0"),
                false,
            ),
        ] {
            let mut blocking = proxy(profile, &rule("request.body", ""));
            let outcome = run(&mut blocking, &request, &Response::new(200));
            assert_eq!(
                outcome.upstream().headers.is_none(),
                refused,
                "{profile:?} {line}"
            );
            assert!(
                !outcome.upstream().text().contains(MAIL),
                "{profile:?} {line}"
            );
            if refused {
                assert!(outcome.client().text().contains("host_readonly"), "{line}");
            }
        }
        let mut passing = proxy(profile, &rule("request.body", r#""host_readonly":"pass""#));
        let outcome = run(&mut passing, &with_length(post()), &Response::new(200));
        assert!(outcome.upstream().text().contains(MAIL));
    }
}

#[test]
fn what_only_counts_counts_where_bodies_can_be_read() {
    for place in ["request.body", "response.body"] {
        let mut kong = proxy(Profile::Kong, &rule(place, r#""host_readonly":"pass""#));
        let body = format!(r#"{{"mail":"{MAIL}"}}"#);
        let request = Request::post("/", body.clone())
            .header("content-type", "application/json")
            .header("content-length", body.len().to_string());
        run(&mut kong, &request, &Response::json(body.clone()));
        let found = format!("findings_total;type=EMAIL;where={place};rule=mail;outcome=reported");
        assert_eq!(
            count(&kong, &found),
            1,
            "{place}: {:?}",
            kong.host().metrics().keys()
        );
        let mut apisix = proxy(Profile::Apisix, &rule(place, r#""host_readonly":"pass""#));
        let outcome = run(&mut apisix, &request, &Response::json(body));
        assert!(
            outcome.properties.value("wasm_process_req_body").is_some()
                == (place == "request.body")
        );
        assert!(
            outcome.properties.value("wasm_process_resp_body").is_some()
                == (place == "response.body")
        );
    }
}

/// A body that the host keeps in a file cannot be read.
#[test]
fn a_body_that_cannot_be_read_passes_only_where_it_may() {
    let body = format!("{MAIL} {}", "x".repeat(20_000));
    let request = Request::post("/", body.clone())
        .header("content-type", "text/plain")
        .header("content-length", body.len().to_string());
    let mut kong = proxy(
        Profile::Kong,
        &rule("request.body", r#""host_readonly":"pass""#),
    );
    let outcome = run(&mut kong, &request, &Response::new(200));
    assert_eq!(outcome.upstream().text(), body);
    assert_eq!(
        count(
            &kong,
            "unredacted_total;reason=body_unreadable;outcome=passed"
        ),
        1
    );
}

#[test]
fn a_long_text_does_not_make_a_worker_of_kong_spin() {
    let text = format!("{MAIL} ").repeat(800);
    for on_error in ["", r#""host_readonly":"pass""#] {
        let mut kong = proxy(Profile::Kong, &rule("response.body", on_error));
        let chunks = text.as_bytes().chunks(1_000).map(<[u8]>::to_vec);
        let response = Response::new(200)
            .header("content-type", "text/plain")
            .chunks(chunks);
        let outcome = run(&mut kong, &Request::get("/"), &response);
        assert!(on_error.is_empty() || outcome.client().text() == text);
    }
}

#[test]
fn a_query_that_cannot_be_written_is_refused_or_counted() {
    let request = Request::get("/q?a=b&mail=jane%40example.com");
    for profile in NGINX {
        let mut blocking = proxy(profile, &rule("request.query", ""));
        let outcome = run(&mut blocking, &request, &Response::new(200));
        assert_eq!(outcome.client().status(), Some(400), "{profile:?}");
        assert!(outcome.client().text().contains("head_unwritable"));
        assert_eq!(outcome.upstream().headers, None);
        let clean = run(&mut blocking, &Request::get("/q?a=b"), &Response::new(200));
        assert_eq!(clean.upstream().header(":path").unwrap(), "/q?a=b");
        let mut passing = proxy(profile, &rule("request.query", r#""host_readonly":"pass""#));
        let outcome = run(&mut passing, &request, &Response::new(200));
        let arrived = outcome.upstream().header(":path").unwrap();
        assert_eq!(
            arrived, "/q?a=b&mail=jane%40example.com",
            "and nothing is broken"
        );
        assert!(outcome.logged("head_unwritable"), "{:?}", outcome.logs);
    }
}

#[test]
fn headers_beyond_the_list_are_refused_or_counted() {
    let crowded = (0..110)
        .fold(Request::get("/"), |request, number| {
            request.header(&format!("x-{number}"), "1")
        })
        .header("x-mail", MAIL);
    let mut blocking = proxy(Profile::Apisix, &rule("request.headers", ""));
    let outcome = run(&mut blocking, &crowded, &Response::new(200));
    assert!(outcome.client().text().contains("headers_unlisted"));
    assert_eq!(outcome.upstream().headers, None);
    let mut passing = proxy(
        Profile::Apisix,
        &rule("request.headers", r#""unlisted_headers":"pass""#),
    );
    let outcome = run(&mut passing, &crowded, &Response::new(200));
    assert_eq!(outcome.client().status(), Some(200));
    assert!(outcome.logged("headers_unlisted"), "{:?}", outcome.logs);
    // One that a rule names is found by its name.
    let named = rule("request.headers", r#""unlisted_headers":"pass""#)
        .replace(r#""detect""#, r#""headers":["x-mail"],"detect""#);
    let outcome = run(
        &mut proxy(Profile::Apisix, &named),
        &crowded,
        &Response::new(200),
    );
    assert_eq!(outcome.upstream().header("x-mail").unwrap(), "[EMAIL]");
}

#[test]
fn response_headers_that_may_not_be_listed_are_refused_at_load() {
    let mut refusing = Proxy::native::<PiiRedactor>(Profile::Apisix);
    let refused = refusing
        .configure(rule("response.headers", ""))
        .unwrap_err();
    let text = refused.text();
    assert!(
        text.contains("on_error.unlisted_headers: mail: this host lists"),
        "{text}"
    );
    let passing = rule("response.headers", r#""unlisted_headers":"pass""#);
    let mut apisix = proxy(Profile::Apisix, &passing);
    for (count, redacted) in [(5, true), (40, false)] {
        let response = (0..count)
            .fold(Response::new(200), |response, number| {
                response.header(&format!("x-{number}"), "1")
            })
            .header("x-mail", MAIL);
        let outcome = run(&mut apisix, &Request::get("/"), &response);
        let seen = outcome.client().header("x-mail").unwrap();
        assert_eq!(seen == "[EMAIL]", redacted, "{count}");
        assert_eq!(outcome.logged("headers_unlisted"), !redacted);
    }
}

/// APISIX goes on with the response of the upstream whatever a plugin sends in its place.
#[test]
fn a_response_that_cannot_be_refused_loses_what_must_not_pass() {
    let blocking = rule("response.headers", r#""unlisted_headers":"pass""#)
        .replace(r#""detect""#, r#""actions":{"EMAIL":"block"},"detect""#);
    let response = Response::new(200)
        .header("x-mail", MAIL)
        .header("x-other", "1");
    let outcome = run(
        &mut proxy(Profile::Apisix, &blocking),
        &Request::get("/"),
        &response,
    );
    assert_eq!(outcome.client().header("x-mail"), None);
    assert_eq!(outcome.client().header("x-other").unwrap(), "1");
}

#[test]
fn headers_that_cannot_be_removed_are_overwritten() {
    let removing = r#"{"rules":[{"name":"h","apply_to":["request.headers"],
        "fields":[{"name":["x-ssn"],"action":"remove"}]}]}"#;
    let mut kong = proxy(Profile::Kong, removing);
    let once = Request::get("/").header("x-ssn", "536-22-1234");
    let outcome = run(&mut kong, &once, &Response::new(200));
    assert_eq!(outcome.upstream().header_values("x-ssn"), ["removed"]);
    let twice = run(
        &mut kong,
        &once.header("x-ssn", "536-22-1235"),
        &Response::new(200),
    );
    assert_eq!(twice.upstream().headers, None);
    assert!(twice.client().text().contains("head_unwritable"));
}

#[test]
fn nothing_is_asked_that_the_host_logs_as_an_error() {
    for profile in NGINX {
        let mut proxy = proxy(profile, &rule("request.headers", ""));
        let before = proxy.host().errors_logged_by_the_host().len();
        for request in [Request::get("/"), Request::get("/").header("x-mail", MAIL)] {
            run(&mut proxy, &request, &Response::new(200));
        }
        let noise = proxy.host().errors_logged_by_the_host().split_off(before);
        assert_eq!(noise, Vec::<String>::new(), "{profile:?}");
    }
}
