//! Limits that a rate limit service counts, in a host in memory that the test answers for.

use std::time::Duration;

use host::Direction;
use host::fake::{AnyCall, CallResponse, Hold, PendingCall, Profile, Proxy, Request, Response};
use host::protobuf::{Value, Writer, fields};
use token_bucket::TokenBucket;

use crate::bed::{self, counted, finish, only_call};

const FLEET: &str = r#"{"limits":[
    {"name":"quota","key":["header:x-tenant"],"service":{"cluster":"email","domain":"edge","timeout":"20ms"}}]}"#;

fn tenant(name: &str) -> Request {
    Request::get("/")
        .header("x-tenant", name)
        .attribute(&["source", "address"], "192.0.2.1:4711")
        .attribute(&["remote_addr"], "192.0.2.1")
}

fn grpc_message(call: &PendingCall) -> &[u8] {
    match &call.call {
        AnyCall::Grpc { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

/// `RateLimitResponse` with a status for each descriptor: code, limit, left, seconds to the reset.
fn says(overall: u64, statuses: &[(u64, u64, u64, u64)]) -> Vec<u8> {
    let mut response = Writer::default().varint(1, overall);
    for (code, limit, left, reset) in statuses {
        let limit = Writer::default()
            .varint(1, *limit)
            .varint(2, 2)
            .bytes(3, b"per-tenant");
        let reset = Writer::default().varint(1, *reset);
        let status = Writer::default()
            .varint(1, *code)
            .bytes(2, &limit.finish())
            .varint(3, *left)
            .bytes(4, &reset.finish());
        response = response.bytes(2, &status.finish());
    }
    response.finish()
}

#[test]
fn a_request_waits_and_goes_on_with_where_it_stands() {
    let mut proxy = bed::proxy(Profile::Envoy, FLEET);
    let stream = proxy.start(&tenant("acme"));
    assert_eq!(proxy.held(stream, Direction::Request), Hold::Headers);
    let call = only_call(&proxy);
    // The encoded GrpcService { envoy_grpc { cluster_name } }: "email" by itself aborts Envoy.
    assert_eq!(call.upstream, b"\x0a\x07\x0a\x05email");
    assert_eq!(call.timeout, Duration::from_millis(20));
    match &call.call {
        AnyCall::Grpc {
            service, method, ..
        } => {
            assert_eq!(service, b"envoy.service.ratelimit.v3.RateLimitService");
            assert_eq!(method, b"ShouldRateLimit");
        }
        other => panic!("{other:?}"),
    }
    let expected = b"\x0a\x04edge\x12\x12\x0a\x10\x0a\x08x-tenant\x12\x04acme\x18\x01";
    assert_eq!(grpc_message(&call), expected);
    let response = CallResponse::GrpcMessage(says(1, &[(1, 10, 9, 32)]));
    assert!(proxy.respond_to_call(call.token, response));
    assert!(proxy.request_arrived(stream));
    proxy.respond(stream, &Response::json("{}"));
    let outcome = proxy.finish(stream);
    let header = |name: &str| outcome.client().header(name).unwrap();
    assert_eq!(
        header("x-ratelimit-limit"),
        r#"10, 10;w=60;name="per-tenant""#
    );
    assert_eq!(header("x-ratelimit-remaining"), "9");
    assert_eq!(header("x-ratelimit-reset"), "32");
    proxy.tick();
    assert_eq!(counted(&proxy, "quota", "admitted"), 1);
    assert_eq!(
        proxy
            .host()
            .metric("meshward.token-bucket.service_calls_total;result=ok"),
        1
    );
}

#[test]
fn a_request_over_the_limit_is_refused_in_the_name_of_the_limit() {
    let mut proxy = bed::proxy(Profile::Envoy, FLEET);
    let stream = proxy.start(&tenant("acme"));
    let token = only_call(&proxy).token;
    let body = Writer::default().bytes(5, b"try later").finish();
    let header = Writer::default()
        .bytes(1, b"X-Plan")
        .bytes(2, b"free")
        .finish();
    let smuggled = Writer::default()
        .bytes(1, b"content-length")
        .bytes(2, b"0")
        .finish();
    let broken = Writer::default()
        .bytes(1, b"x-b")
        .bytes(2, b"a\r\nx: y")
        .finish();
    let mut response = says(2, &[(2, 10, 0, 32)]);
    for header in [header, smuggled, broken] {
        response.extend(Writer::default().bytes(3, &header).finish());
    }
    response.extend(body);
    proxy.respond_to_call(token, CallResponse::GrpcMessage(response));
    assert!(!proxy.request_arrived(stream));
    let outcome = proxy.finish(stream);
    let client = outcome.client();
    assert_eq!(client.status(), Some(429));
    assert_eq!(client.text(), "try later");
    assert_eq!(client.header("retry-after").as_deref(), Some("32"));
    assert_eq!(client.header("x-plan").as_deref(), Some("free"));
    assert_eq!(client.header("x-ratelimit-remaining").as_deref(), Some("0"));
    assert_eq!(client.header("x-b"), None);
    assert_eq!(outcome.decisions()[0].rule.as_deref(), Some("quota"));
}

#[test]
fn each_kind_of_failure_goes_its_own_way() {
    let configuration = |kind: &str| {
        FLEET.replace(
            "\"key\"",
            &format!(r#""on_error":{{"{kind}":"allow"}},"key""#),
        )
    };
    let answer_of = |kind: &str| match kind {
        "timeout" | "unavailable" => CallResponse::GrpcStatus(14),
        "error" => CallResponse::GrpcStatus(2),
        _ => CallResponse::GrpcMessage(b"\xff\xff".to_vec()),
    };
    for failing in ["timeout", "unavailable", "error", "invalid"] {
        for allowed in ["timeout", "unavailable", "error", "invalid", "storage"] {
            let mut proxy = bed::proxy(Profile::Envoy, &configuration(allowed));
            let stream = proxy.start(&tenant("acme"));
            let token = only_call(&proxy).token;
            if failing == "timeout" {
                // Envoy gives the same status to a service that is away and to one that is late.
                proxy.advance(Duration::from_millis(20));
            }
            proxy.respond_to_call(token, answer_of(failing));
            let expected = if failing == allowed { 200 } else { 503 };
            let found = finish(&mut proxy, stream).client().status();
            assert_eq!(found, Some(expected), "{failing} {allowed}");
            let name = format!("meshward.token-bucket.errors_total;limit=quota;reason={failing}");
            assert_eq!(proxy.host().metric(&name), 1);
        }
    }
    // A response that decides nothing is none.
    for response in [Vec::new(), says(0, &[]), says(7, &[(1, 5, 5, 5)])] {
        let mut proxy = bed::proxy(Profile::Envoy, FLEET);
        let stream = proxy.start(&tenant("acme"));
        let token = only_call(&proxy).token;
        proxy.respond_to_call(token, CallResponse::GrpcMessage(response));
        assert_eq!(finish(&mut proxy, stream).client().status(), Some(503));
    }
}

#[test]
fn an_unknown_cluster_is_a_failure_not_a_trap() {
    for (on_error, expected) in [("deny", 503), ("allow", 200)] {
        let configuration = FLEET.replace("\"key\"", &format!(r#""on_error":"{on_error}","key""#));
        let mut proxy = bed::proxy(Profile::Envoy, &configuration);
        proxy.host().set_upstreams(&["other"]);
        let stream = proxy.start(&tenant("acme"));
        assert_eq!(finish(&mut proxy, stream).client().status(), Some(expected));
        assert!(proxy.host().pending_calls().is_empty());
    }
}

#[test]
fn a_call_ends_with_its_stream() {
    let mut proxy = bed::proxy(Profile::Envoy, FLEET);
    let stream = proxy.start(&tenant("acme"));
    let token = only_call(&proxy).token;
    proxy.finish(stream);
    assert!(proxy.host().pending_calls().is_empty(), "cancelled");
    assert_eq!(proxy.host().times_called("proxy_grpc_cancel"), 1);
    proxy.respond_to_unknown(token, CallResponse::GrpcMessage(says(2, &[])));
    assert_eq!(proxy.host().trap(), None);
}

/// A host ends every call, if only with a failure. Should one not, nobody is held for ever, and what
/// it says after all is too late.
#[test]
fn a_service_that_the_host_says_nothing_of_has_timed_out() {
    for (on_error, expected) in [("deny", 503), ("allow", 200)] {
        let configuration = FLEET.replace("\"key\"", &format!(r#""on_error":"{on_error}","key""#));
        let mut proxy = bed::proxy(Profile::Envoy, &configuration);
        let stream = proxy.start(&tenant("acme"));
        let token = only_call(&proxy).token;
        proxy.advance(Duration::from_secs(4));
        assert_eq!(finish(&mut proxy, stream).client().status(), Some(expected));
        let counted = proxy.host().metrics();
        let counted: Vec<_> = counted
            .keys()
            .filter(|name| name.contains("timeout"))
            .collect();
        // One for the limit, one for the call.
        assert_eq!(counted.len(), 2, "{counted:?}");
        proxy.respond_to_call(token, CallResponse::GrpcMessage(says(2, &[])));
        assert_eq!(proxy.host().trap(), None);
    }
}

const BOTH: &str = r#"{"limits":[
    {"name":"here","key":["header:x-tenant"],"rate":"1/h","burst":2,
     "service":{"cluster":"limits","domain":"edge"}}]}"#;

#[test]
fn what_the_service_refuses_is_given_back_here() {
    let mut proxy = bed::proxy(Profile::Envoy, BOTH);
    for _ in 0..5 {
        let stream = proxy.start(&tenant("acme"));
        let token = only_call(&proxy).token;
        proxy.respond_to_call(token, CallResponse::GrpcMessage(says(2, &[(2, 9, 0, 7)])));
        assert_eq!(finish(&mut proxy, stream).client().status(), Some(429));
    }
    for _ in 0..2 {
        let stream = proxy.start(&tenant("acme"));
        let token = only_call(&proxy).token;
        proxy.respond_to_call(token, CallResponse::GrpcMessage(says(1, &[(1, 9, 5, 7)])));
        assert_eq!(finish(&mut proxy, stream).client().status(), Some(200));
    }
    // Used up here: the service is not even asked.
    let stream = proxy.start(&tenant("acme"));
    assert!(proxy.host().pending_calls().is_empty());
    assert_eq!(finish(&mut proxy, stream).client().status(), Some(429));
    proxy.tick();
    let count = |outcome: &str| {
        let name = "meshward.token-bucket.requests_total;limit=here";
        proxy.host().metric(&format!("{name};outcome={outcome}"))
    };
    assert_eq!((count("admitted"), count("refused")), (2, 6));
}

#[test]
fn limits_of_one_service_are_asked_about_at_once_and_costs_apart() {
    let many = r#"{"limits":[
        {"name":"a","key":["header:x-tenant"],"service":{"cluster":"c","domain":"d","descriptor":["tenant_id"]}},
        {"name":"b","key":["ip","method"],"service":{"cluster":"c","domain":"d"}},
        {"name":"c","key":["constant"],"service":{"cluster":"c","domain":"d"},"cost":7},
        {"name":"d","key":["claim:sub"],"on_missing_key":{"fallback":["host"]},"service":{"cluster":"c","domain":"d"}},
        {"name":"e","key":["claim:sub"],"service":{"cluster":"c","domain":"d"}},
        {"name":"f","key":["claim:sub"],"on_missing_key":"skip","service":{"cluster":"c","domain":"d"}},
        {"name":"g","key":["header:x-tenant"],"mode":"report","service":{"cluster":"c","domain":"d"}}]}"#;
    let mut proxy = bed::proxy(Profile::Envoy, many);
    let long = "t".repeat(300);
    let stream = proxy.start(&tenant(&long));
    let calls = proxy.host().pending_calls();
    let asked: Vec<(Vec<String>, u64)> = calls
        .iter()
        .map(|call| {
            let mut hits = 0;
            let mut descriptors = Vec::new();
            for field in fields(grpc_message(call)) {
                match field.unwrap() {
                    (2, Value::Bytes(descriptor)) => {
                        let entries = fields(descriptor).map(|entry| match entry.unwrap() {
                            (1, Value::Bytes(entry)) => fields(entry)
                                .map(|part| match part.unwrap() {
                                    (_, Value::Bytes(text)) => {
                                        String::from_utf8(text.to_vec()).unwrap()
                                    }
                                    other => panic!("{other:?}"),
                                })
                                .collect::<Vec<_>>()
                                .join("="),
                            other => panic!("{other:?}"),
                        });
                        descriptors.push(entries.collect::<Vec<_>>().join("&"));
                    }
                    (3, Value::Varint(value)) => hits = value,
                    _ => {}
                }
            }
            (descriptors, hits)
        })
        .collect();
    let hashed = &asked[0].0[0];
    assert!(
        hashed.starts_with("tenant_id=sha256:") && hashed.len() == 17 + 64,
        "{hashed}"
    );
    let expected = [
        "remote_address=192.0.2.1&method=GET",
        "host=gateway.example",
        "generic_key=e",
    ];
    assert_eq!(
        (&asked[0].0[1..], asked[0].1),
        (&expected.map(str::to_owned)[..], 1)
    );
    assert_eq!(asked[1], (vec!["generic_key=c".to_owned()], 7));
    assert_eq!(
        (asked[2].0.len(), asked[2].1),
        (1, 1),
        "in report mode apart"
    );
    // The request waits for the first two, not for the one in report mode.
    proxy.respond_to_call(calls[1].token, CallResponse::GrpcMessage(says(1, &[])));
    assert!(!proxy.request_arrived(stream));
    proxy.respond_to_call(calls[0].token, CallResponse::GrpcMessage(says(1, &[])));
    assert!(proxy.request_arrived(stream));
    assert_eq!(finish(&mut proxy, stream).client().status(), Some(200));
    assert_eq!(
        proxy.host().pending_calls().len(),
        1,
        "its hits count all the same"
    );
    proxy.respond_to_call(calls[2].token, CallResponse::GrpcMessage(says(2, &[])));
    assert_eq!(counted(&proxy, "g", "reported"), 1);
    // Which of several descriptors it was, only some services say.
    let stream = proxy.start(&tenant("acme"));
    let calls = proxy.host().pending_calls();
    let statuses = [(1, 5, 5, 5), (2, 5, 0, 9), (1, 5, 5, 5), (2, 5, 0, 4)];
    proxy.respond_to_call(
        calls[0].token,
        CallResponse::GrpcMessage(says(2, &statuses)),
    );
    let outcome = proxy.finish(stream);
    assert!(outcome.client().text().contains(r#""limit":"b""#));
    assert_eq!(outcome.client().header("retry-after").as_deref(), Some("9"));
}

#[test]
fn json_over_http_where_there_is_no_grpc() {
    let http = FLEET.replace(
        "\"timeout\"",
        r#""transport":"http","authority":"limits.test","timeout""#,
    );
    for profile in [Profile::Apisix, Profile::Kong] {
        let mut without = Proxy::native::<TokenBucket>(profile);
        let refused = without.configure(FLEET).unwrap_err();
        assert!(
            refused.text().contains(r#""transport": "http""#),
            "{}",
            refused.text()
        );
    }
    for profile in Profile::ALL {
        for (status, body, expected) in [
            (200, r#"{"overallCode":"OK"}"#, 200),
            (
                429,
                r#"{"overallCode":"OVER_LIMIT","statuses":[{"code":"OVER_LIMIT","durationUntilReset":"9s"}]}"#,
                429,
            ),
            (200, r#"{"overallCode":"OVER_LIMIT"}"#, 429),
            (200, "{}", 503),
            (200, "<html>", 503),
            (404, "", 503),
            (500, "redis is down", 503),
            (503, "", 503),
        ] {
            let mut proxy = bed::proxy(profile, &http);
            let stream = proxy.start(&tenant("acme"));
            let call = only_call(&proxy);
            assert_eq!(call.upstream, b"email");
            match &call.call {
                AnyCall::Http { headers, body, .. } => {
                    let text = String::from_utf8(body.clone()).unwrap();
                    assert_eq!(
                        text,
                        r#"{"domain":"edge","descriptors":[{"entries":[{"key":"x-tenant","value":"acme"}]}],"hitsAddend":1}"#
                    );
                    let path = (b":path".to_vec(), b"/json".to_vec());
                    assert!(headers.contains(&path), "{headers:?}");
                }
                other => panic!("{other:?}"),
            }
            proxy.respond_to_call(call.token, CallResponse::http(status, body));
            let found = finish(&mut proxy, stream).client().status();
            assert_eq!(found, Some(expected), "{profile:?} {status} {body}");
        }
        let mut proxy = bed::proxy(profile, &http);
        let stream = proxy.start(&tenant("acme"));
        proxy.advance(Duration::from_millis(25));
        proxy.respond_to_call(only_call(&proxy).token, CallResponse::Nothing);
        assert_eq!(
            finish(&mut proxy, stream).client().status(),
            Some(503),
            "{profile:?}"
        );
        if profile != Profile::Apisix {
            let late = "meshward.token-bucket.errors_total;limit=quota;reason=timeout";
            assert_eq!(proxy.host().metric(late), 1);
        }
    }
}

#[test]
fn headers_of_the_service_reach_upstream_and_client() {
    let mut proxy = bed::proxy(Profile::Envoy, FLEET);
    let stream = proxy.start(&tenant("acme"));
    let token = only_call(&proxy).token;
    let header =
        |name: &[u8], value: &[u8]| Writer::default().bytes(1, name).bytes(2, value).finish();
    let mut response = Writer::default().varint(1, 1);
    // As limitador sends them: no statuses, headers ready made.
    for (name, value) in [
        (&b"X-RateLimit-Limit"[..], &b"10, 10;w=60"[..]),
        (b"X-RateLimit-Remaining", b"3"),
        (b"X-RateLimit-Reset", b"5"),
        (b":status", b"500"),
        (b"x-note", b"n"),
    ] {
        response = response.bytes(3, &header(name, value));
    }
    response = response
        .bytes(4, &header(b"x-quota", b"3"))
        .bytes(4, &header(b":path", b"/evil"));
    proxy.respond_to_call(token, CallResponse::GrpcMessage(response.finish()));
    proxy.respond(
        stream,
        &Response::json("{}").header("x-ratelimit-remaining", "7"),
    );
    let outcome = proxy.finish(stream);
    assert_eq!(outcome.upstream().header("x-quota").as_deref(), Some("3"));
    assert_eq!(outcome.upstream().header(":path").as_deref(), Some("/"));
    assert_eq!(outcome.client().status(), Some(200));
    assert_eq!(
        outcome.client().header("x-ratelimit-remaining").as_deref(),
        Some("3")
    );
    assert_eq!(
        outcome.client().header("x-ratelimit-limit").as_deref(),
        Some("10, 10;w=60")
    );
    assert_eq!(outcome.client().header("x-note").as_deref(), Some("n"));
}
