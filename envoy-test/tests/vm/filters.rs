//! The four modules in the in-process host, played as Envoy, APISIX and Kong: whatever the host
//! lacks or refuses and whatever clients send, nothing traps.

use std::time::Duration;

use envoy_test::vm::{Program, Vm};
use envoy_test::{FILTERS, paths};
use host::Status;
use host::fake::{CallResponse, HOST_CALLS, Profile, Proxy, Request, Response};

/// What the examples take from the environment.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("VENDOR_KEY_PEPPER", "Zt8fQ2mVbX4sLw9K"),
    ("EDGE_SECRET", "of the edge"),
    ("MESHWARD_SUBJECT_KEY", "fJ3kq8ZtR1vXwL0sPn7yBcDgHmQeUaTo"),
    (
        "MESHWARD_CHAIN_KEY",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    ),
    ("MESHWARD_PSEUDONYM_KEY", "hV7nXq2LrT9cZb4WmK6sYd3PfG8jRt5Q"),
    ("MESHWARD_COLLECTOR_TOKEN", "Bearer opaque"),
];

pub(crate) fn program(filter: &str) -> Program {
    Program::open(&paths::wasm(filter).unwrap()).unwrap()
}

pub(crate) fn proxy(program: &Program, profile: Profile) -> Proxy {
    let proxy = Vm::proxy(program, profile).unwrap();
    for (name, value) in ENVIRONMENT {
        proxy.host().set_environment_variable(name, value);
    }
    proxy
}

/// The same for a host that can do less: what it would refuse at load is left out.
fn configuration_on(profile: Profile, filter: &str) -> String {
    let configuration = configuration(filter);
    match filter {
        _ if profile == Profile::Envoy => configuration,
        "jwt-auth" => configuration.replace(r#""query": "access_token""#, r#""header": "x-token""#),
        "token-bucket" => configuration.replace(r#""route""#, r#""host""#).replace(
            r#""identity_from": "property""#,
            r#""identity_from": "header""#,
        ),
        "pii-redactor" => configuration
            .replace(
                r#""on_error": {"#,
                r#""on_error": { "unlisted_headers": "pass", "#,
            )
            .replace(r#""then": "mask""#, r#""then": "block""#),
        _ => configuration,
    }
}

/// A configuration of each filter that uses as much of it as there is.
fn configuration(filter: &str) -> String {
    let path = format!("filters/{filter}/examples/everything.json");
    let text = std::fs::read_to_string(paths::root().join(path)).unwrap();
    // Rules that apply to every request, and act.
    text.replace("\"mode\": \"report\"", "\"mode\": \"enforce\"")
        .replace("/admin/**", "/**")
        .replace("*.partners.example.com", "gateway.example")
        .replace("\"denied\": [\"sharing\"]", "\"denied\": [\"sale\"]")
}

fn examples(filter: &str) -> Vec<String> {
    let folder = paths::root().join("filters").join(filter).join("examples");
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// Requests that somebody made to hurt.
fn hostile_requests() -> Vec<Request> {
    let get = |path: &str| Request::get(path).header("sec-gpc", "1");
    let mut requests = vec![
        get("/orders/1"),
        get("/orders/1").without(":path"),
        get("/orders/1").without(":method"),
        get("/orders/1").without(":authority"),
        get(""),
        get("*"),
        get("/%zz/%00/%ff"),
        get(&format!("/{}", "../".repeat(10_000))),
        get(&format!("/{}", "%2f..".repeat(10_000))),
        get("/x?access_token=&access_token=a&%zz=%"),
        get("/orders/1").header("authorization", b"Bearer \xff\xfe\x00"),
        get("/orders/1").header("authorization", "Bearer ".repeat(1000)),
        get("/orders/1").header("authorization", format!("Bearer {}", "a".repeat(100_000))),
        get("/orders/1").header("authorization", format!("Bearer {}.{}.", "e30", "e30")),
        get("/orders/1").header("cookie", b"session=\xf0\x28; ;;=;session"),
        get("/orders/1").header("traceparent", b"00-\xff"),
        get("/orders/1").header("x-cost", "-9999999999999999999999"),
        get("/orders/1").header("x-forwarded-for", ",,,\u{7f}, 1.2.3.4.5"),
        get("/orders/1").header("x-meshward-identity", "e30"),
        get("/orders/1").attribute(&["source", "address"], b"\xff".to_vec()),
        get("/orders/1").header("content-type", "application/grpc"),
        Request::post("/orders/1", vec![0xff; 70_000]).trailers(&[("x-t", "1")]),
    ];
    let crowded = (0..2_000).fold(get("/orders/1"), |request, number| {
        request.header(&format!("x-{number}"), b"\xc3\x28")
    });
    requests.push(crowded);
    requests
}

/// Responses of a hostile upstream.
fn hostile_responses() -> Vec<Response> {
    let cut = r#"{"a":"x\u00","b":"jane\u0040example.com","c":["#;
    vec![
        Response::json(r#"{"mail":"jane@example.com","dob":1,"notes":[{}]}"#),
        Response::json(cut),
        Response::json("").chunks("[\"ä\u{1f600}\"]".bytes().map(|byte| vec![byte])),
        Response::json("").chunks(cut.bytes().map(|byte| vec![byte])),
        Response::json(vec![0xff; 10_000]).trailers(&[("x-t", "1")]),
        Response::json("[".repeat(100_000)),
        Response::json(format!("\"{}\"", "1 ".repeat(50_000))),
        Response::json("{}").header("content-encoding", "gzip"),
        Response::new(204),
        Response::new(206)
            .header("content-type", "application/json")
            .body("\"x"),
        Response::new(200)
            .header("content-type", b"application/json\xff")
            .body("x"),
        Response::json("{}").header("content-length", "99999999999999999999"),
    ]
}

fn no_trap(proxy: &Proxy, what: &str) {
    assert_eq!(proxy.host().trap(), None, "{what}");
}

#[test]
fn examples_are_accepted_everywhere() {
    for filter in FILTERS {
        let program = program(filter);
        for profile in Profile::ALL {
            for text in examples(filter) {
                let mut proxy = proxy(&program, profile);
                let asks_grpc =
                    text.contains("\"service\"") && !text.contains("\"transport\": \"http\"");
                if asks_grpc && profile != Profile::Envoy {
                    let refused = proxy.configure(&text).unwrap_err();
                    assert!(
                        refused.text().contains("no gRPC calls"),
                        "{}",
                        refused.text()
                    );
                    continue;
                }
                if let Err(refused) = proxy.configure(&text) {
                    // What a host cannot keep, it says at load, and how to go on without it.
                    let by_host = refused.text();
                    let is_about_the_host = by_host.lines().all(|line| line.contains("this host "));
                    if profile != Profile::Envoy && is_about_the_host {
                        no_trap(&proxy, filter);
                        continue;
                    }
                    panic!("{filter} on {profile:?}: {}\n{text}", refused.text());
                }
                proxy.advance(Duration::from_secs(1));
                no_trap(&proxy, filter);
                assert!(proxy.shut_down());
            }
        }
    }
}

#[test]
fn wrong_configurations_are_refused_with_a_message() {
    for filter in FILTERS {
        let program = program(filter);
        for (text, message) in [
            (&b""[..], "there is no configuration"),
            (b"{", "not valid JSON"),
            (b"[]", "expected an object"),
            (b"null", "expected an object"),
            (b"{}", "configuration refused"),
            (b"{\"nonsense\": 1}", "nonsense: unknown key"),
            (b"{\"a\": 1, \"a\": 2}", "duplicate key"),
            (b"\xff\xfe", "neither JSON text"),
            (b"{\"mode\": 5, \"rules\": {}, \"limits\": {}}", "expected"),
        ] {
            for profile in Profile::ALL {
                let mut proxy = proxy(&program, profile);
                let refused = proxy.configure(text).unwrap_err();
                assert_eq!(refused.trap, None, "{filter}");
                let log = refused.text();
                assert!(log.contains(message), "{filter} on {profile:?}: {log}");
                assert!(log.contains("configuration refused"), "{log}");
            }
        }
        let mut deep = proxy(&program, Profile::Envoy);
        assert!(deep.configure("[".repeat(1_000_000)).is_err());
        no_trap(&deep, filter);
    }
}

#[test]
fn hostile_messages_do_not_trap() {
    for filter in FILTERS {
        let program = program(filter);
        for profile in Profile::ALL {
            let mut proxy = proxy(&program, profile);
            proxy.configure(configuration_on(profile, filter)).unwrap();
            for request in hostile_requests() {
                proxy.run(&request, &Response::json("{}"));
                no_trap(&proxy, filter);
            }
            for response in hostile_responses() {
                proxy.run(&Request::get("/orders/1"), &response);
                no_trap(&proxy, filter);
            }
            proxy.advance(Duration::from_secs(60));
            no_trap(&proxy, filter);
            proxy.shut_down();
            no_trap(&proxy, filter);
        }
    }
}

#[test]
fn a_host_that_fails_does_not_trap_the_filter() {
    let statuses = [1, 2, 3, 4, 7, 8, 10, 12, 99].map(|raw| Status::check(raw).unwrap_err());
    for filter in FILTERS {
        let program = program(filter);
        for call in HOST_CALLS {
            for status in statuses {
                let mut proxy = proxy(&program, Profile::Envoy);
                proxy.host().fail(call, status);
                // The configuration may be refused for it; then no request comes.
                if proxy.configure(configuration(filter)).is_ok() {
                    proxy.run(&Request::get("/orders/1"), &Response::json("{}"));
                    proxy.advance(Duration::from_secs(1));
                }
                no_trap(
                    &proxy,
                    &format!("{filter}: {call} fails from the start with {status}"),
                );
                proxy.host().stop_failing();
                if proxy.configure(configuration(filter)).is_err() {
                    panic!("{filter}: {call} failed with {status}, and it does not recover");
                }
                proxy.host().fail(call, status);
                for response in [
                    Response::json(r#"{"a":"b@c.de"}"#),
                    Response::json("{").trailers(&[("a", "b")]),
                ] {
                    proxy.run(
                        &Request::get("/orders/1").header("authorization", "Bearer a.b.c"),
                        &response,
                    );
                }
                proxy.advance(Duration::from_secs(3));
                proxy.shut_down();
                no_trap(&proxy, &format!("{filter}: {call} fails with {status}"));
            }
        }
    }
}

#[test]
fn callbacks_out_of_order_do_not_trap() {
    for filter in FILTERS {
        let program = program(filter);
        let mut proxy = proxy(&program, Profile::Envoy);
        proxy.configure(configuration(filter)).unwrap();
        for response in [
            CallResponse::http(200, "{}"),
            CallResponse::Nothing,
            CallResponse::GrpcStatus(14),
            CallResponse::GrpcMessage(vec![1, 2]),
        ] {
            proxy.respond_to_unknown(12_345, response);
            no_trap(&proxy, filter);
        }
        // A response without a request, a body without headers, an end in the middle.
        let stream = proxy.start(&Request::get("/orders/1"));
        proxy.respond_chunk(stream, b"{\"a\":", false);
        proxy.respond(stream, &Response::json("{}"));
        proxy.finish(stream);
        proxy.finish(stream);
        proxy.respond_chunk(stream, b"late", true);
        no_trap(&proxy, filter);
    }
}
