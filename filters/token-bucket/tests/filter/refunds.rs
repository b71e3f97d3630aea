//! Charges of requests that do not pass for another reason go back.

use std::time::Duration;

use host::ContextId;
use host::fake::{CallResponse, Profile, Proxy, Request};
use host::protobuf::Writer;

use crate::bed::{self, counted, finish, only_call};

const ALL_AND_TENANT: &str = r#"{"limits":[
    {"name":"all","key":["constant"],"rate":"1/min","burst":40},
    {"name":"t","key":["header:x-c"],"service":{"cluster":"ratelimit","domain":"edge","timeout":"1s"}}]}"#;

fn tenant(name: &str) -> Request {
    Request::get("/")
        .header("x-c", name)
        .attribute(&["source", "address"], "192.0.2.1:4711")
}

/// `RateLimitResponse` with an overall code.
fn says(code: u64) -> CallResponse {
    CallResponse::GrpcMessage(Writer::default().varint(1, code).finish())
}

const OK: u64 = 1;
const OVER_LIMIT: u64 = 2;

/// A request of a tenant that the service lets pass: its status, and what the response says is left.
fn good(proxy: &mut Proxy) -> (u16, Option<String>) {
    let stream = proxy.start(&tenant("good"));
    if let Some(call) = proxy.host().pending_calls().pop() {
        proxy.respond_to_call(call.token, says(OK));
    }
    let outcome = finish(proxy, stream);
    let left = outcome.client().header("x-ratelimit-remaining");
    (outcome.client().status().unwrap(), left)
}

/// Requests in flight together, each of which the service refuses after a while.
#[test]
fn requests_in_flight_together_that_a_service_refuses_take_nothing() {
    for together in [1, 2, 40] {
        let mut proxy = bed::proxy(Profile::Envoy, ALL_AND_TENANT);
        let streams: Vec<ContextId> = (0..together)
            .map(|_| proxy.start(&tenant("greedy")))
            .collect();
        let calls = proxy.host().pending_calls();
        assert_eq!(calls.len(), together);
        proxy.advance(Duration::from_millis(3));
        for call in calls {
            assert!(proxy.respond_to_call(call.token, says(OVER_LIMIT)));
        }
        for stream in streams {
            assert_eq!(finish(&mut proxy, stream).client().status(), Some(429));
        }
        // What is kept back is the time that the service took, once for each request.
        proxy.advance(Duration::from_millis(3) * u32::try_from(together).unwrap());
        assert_eq!(good(&mut proxy), (200, Some("39".to_owned())), "{together}");
        for _ in 0..39 {
            assert_eq!(good(&mut proxy).0, 200, "{together}");
        }
        assert_eq!(good(&mut proxy).0, 429, "{together}");
    }
}

#[test]
fn clients_that_leave_while_a_service_is_asked_take_nothing() {
    let mut proxy = bed::proxy(Profile::Envoy, ALL_AND_TENANT);
    let streams: Vec<ContextId> = (0..39).map(|_| proxy.start(&tenant("hasty"))).collect();
    for stream in streams {
        proxy.finish(stream);
    }
    assert!(proxy.host().pending_calls().is_empty(), "cancelled");
    assert_eq!(good(&mut proxy), (200, Some("39".to_owned())));
}

#[test]
fn requests_that_a_failing_service_stops_take_nothing() {
    let failures: [(&str, Option<CallResponse>); 3] = [
        ("error", Some(CallResponse::GrpcStatus(2))),
        (
            "invalid",
            Some(CallResponse::GrpcMessage(b"\xff\xff".to_vec())),
        ),
        ("unknown cluster", None),
    ];
    for (what, failure) in failures {
        let mut proxy = bed::proxy(Profile::Envoy, ALL_AND_TENANT);
        if failure.is_none() {
            proxy.host().set_upstreams(&["other"]);
        }
        let streams: Vec<ContextId> = (0..30).map(|_| proxy.start(&tenant("any"))).collect();
        for call in proxy.host().pending_calls() {
            proxy.respond_to_call(call.token, failure.clone().unwrap());
        }
        for stream in streams {
            assert_eq!(
                finish(&mut proxy, stream).client().status(),
                Some(503),
                "{what}"
            );
        }
        proxy.host().set_upstreams(&["ratelimit"]);
        assert_eq!(good(&mut proxy), (200, Some("39".to_owned())), "{what}");
    }
}

/// What a service lets pass stays charged, and a request that passes because its service fails too.
#[test]
fn requests_that_pass_stay_charged() {
    let lenient = ALL_AND_TENANT.replace(
        "\"key\":[\"header:x-c\"]",
        "\"on_error\":\"allow\",\"key\":[\"header:x-c\"]",
    );
    let mut proxy = bed::proxy(Profile::Envoy, &lenient);
    for _ in 0..10 {
        assert_eq!(good(&mut proxy).0, 200);
        let stream = proxy.start(&tenant("any"));
        let token = only_call(&proxy).token;
        proxy.respond_to_call(token, CallResponse::GrpcStatus(2));
        assert_eq!(finish(&mut proxy, stream).client().status(), Some(200));
    }
    assert_eq!(good(&mut proxy).1.as_deref(), Some("19"));
}

/// A limit in report mode counts as if it acted: what its service would refuse is not charged.
#[test]
fn a_reporting_limit_gets_back_what_its_service_would_refuse() {
    let reporting = r#"{"limits":[{"name":"l","key":["constant"],"mode":"report","rate":"1/h","burst":3,
        "service":{"cluster":"ratelimit","domain":"edge"}}]}"#;
    let mut proxy = bed::proxy(Profile::Envoy, reporting);
    for _ in 0..10 {
        let stream = proxy.start(&tenant("any"));
        let token = only_call(&proxy).token;
        assert_eq!(finish(&mut proxy, stream).client().status(), Some(200));
        proxy.respond_to_call(token, says(OVER_LIMIT));
    }
    assert_eq!(counted(&proxy, "l", "reported"), 10);
    assert_eq!(
        proxy.host().times_called("proxy_grpc_call"),
        10,
        "never used up here"
    );
}

/// On a refusal by a service, the limits of this proxy are listed behind those of the service, with
/// what was given back.
#[test]
fn a_service_refusal_lists_every_limit() {
    let mut proxy = bed::proxy(Profile::Envoy, ALL_AND_TENANT);
    let stream = proxy.start(&tenant("greedy"));
    let limit = Writer::default()
        .varint(1, 10)
        .varint(2, 2)
        .bytes(3, b"per-tenant")
        .finish();
    let reset = Writer::default().varint(1, 32).finish();
    let status = Writer::default()
        .varint(1, OVER_LIMIT)
        .bytes(2, &limit)
        .bytes(4, &reset)
        .finish();
    let message = Writer::default()
        .varint(1, OVER_LIMIT)
        .bytes(2, &status)
        .finish();
    let token = only_call(&proxy).token;
    proxy.respond_to_call(token, CallResponse::GrpcMessage(message));
    let outcome = proxy.finish(stream);
    assert_eq!(
        outcome.client().header("x-ratelimit-limit").as_deref(),
        Some(r#"10, 10;w=60;name="per-tenant", 40;w=2400;name="all""#)
    );
    assert_eq!(
        outcome.client().header("x-ratelimit-remaining").as_deref(),
        Some("0")
    );
}
