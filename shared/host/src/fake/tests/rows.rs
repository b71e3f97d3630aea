//! Where the nginx hosts are not what a reader of the ABI expects, one test for each.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::super::{CallResponse, FakeHost, Hold, Process, Profile, Request, Response};
use super::{Event, proxy, refuse};
use crate::{Action, Buffer, Direction, HeaderMap, Headers, Host, HttpCall, MetricKind, Status};

fn call(host: &dyn Host) -> Result<u32, Status> {
    host.http_call(&HttpCall {
        upstream: "idp",
        headers: &[(":method", "GET"), (":path", "/"), (":authority", "a")],
        body: b"",
        timeout: Duration::from_secs(1),
    })
}

/// Runs `script` in the request headers callback, and gives what it has answered.
fn in_request(
    profile: Profile,
    request: &Request,
    script: impl Fn(&FakeHost) -> Action + 'static,
) -> super::super::Outcome {
    let mut proxy = proxy(profile, move |host, _, event| match event {
        Event::RequestHeaders { .. } => script(host),
        _ => Action::Continue,
    });
    proxy.run(request, &Response::new(200))
}

fn crowded(headers: usize) -> Request {
    (0..headers).fold(Request::get("/"), |request, number| {
        request.header(&format!("x-{number}"), "1")
    })
}

fn listed(host: &dyn Host, map: HeaderMap) -> Headers {
    host.headers(map).unwrap()
}

#[test]
fn on_apisix_a_call_under_way_wins_over_a_local_response() {
    for call_first in [true, false] {
        let mut proxy = proxy(Profile::Apisix, move |host, _, event| {
            if matches!(event, Event::RequestHeaders { .. }) {
                if call_first {
                    call(host).unwrap();
                }
                refuse(host, &[], Some(7));
                if !call_first {
                    call(host).unwrap();
                }
                return Action::Pause;
            }
            Action::Continue
        });
        let stream = proxy.start(&Request::get("/"));
        assert_eq!(proxy.held(stream, Direction::Request), Hold::Headers);
        let token = proxy.host().pending_calls()[0].token;
        assert!(proxy.respond_to_call(token, CallResponse::http(200, "")));
        assert!(
            proxy.request_arrived(stream),
            "nothing is left of the refusal"
        );
        assert_eq!(proxy.finish(stream).local_reply, None);
    }
}

#[test]
fn apisix_has_one_call_of_a_request_at_a_time() {
    let second = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&second);
    let mut proxy = proxy(Profile::Apisix, move |host, _, event| {
        match event {
            Event::RequestHeaders { .. } => {
                call(host).unwrap();
                sink.borrow_mut().push(call(host));
            }
            Event::HttpCallResponse { token: 0, .. } => sink.borrow_mut().push(call(host)),
            _ => {}
        }
        Action::Continue
    });
    let stream = proxy.start(&Request::get("/"));
    assert!(proxy.respond_to_call(0, CallResponse::http(200, "")));
    assert_eq!(*second.borrow(), [Err(Status::InternalFailure), Ok(1)]);
    assert!(!proxy.request_arrived(stream), "it waits for the next call");
    assert!(proxy.respond_to_call(1, CallResponse::http(200, "")));
    assert!(proxy.request_arrived(stream));
}

#[test]
fn tokens_count_from_0_and_answers_come_to_the_root() {
    for profile in [Profile::Apisix, Profile::Kong] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&seen);
        let mut proxy = proxy(profile, move |host, context, event| match event {
            Event::RequestHeaders { .. } => {
                call(host).unwrap();
                Action::Pause
            }
            Event::HttpCallResponse { token, .. } => {
                // The request at hand is the one that has called, all the same.
                let path = host.header(HeaderMap::RequestHeaders, ":path").unwrap();
                sink.borrow_mut().push((context, token, path));
                Action::Continue
            }
            _ => Action::Continue,
        });
        for path in ["/a", "/b"] {
            proxy.start(&Request::get(path));
        }
        let root = proxy.root().unwrap();
        for token in [0, 1] {
            assert!(proxy.respond_to_call(token, CallResponse::http(200, "")));
        }
        let path = |path: &str| Some(path.as_bytes().to_vec());
        assert_eq!(
            *seen.borrow(),
            [(root, 0, path("/a")), (root, 1, path("/b"))]
        );
    }
}

#[test]
fn on_apisix_a_pause_without_a_call_ends_the_worker() {
    let outcome = in_request(Profile::Apisix, &Request::get("/"), |_| Action::Pause);
    assert_eq!(outcome.upstream().headers, None);
    assert!(outcome.trap.unwrap().contains("segmentation fault"));
    let answered = in_request(Profile::Apisix, &Request::get("/"), |host| {
        refuse(host, &[], Some(7));
        Action::Pause
    });
    assert_eq!((answered.trap, answered.client.status()), (None, Some(403)));
}

#[test]
fn kong_waits_for_a_call_only_where_the_callback_has_paused() {
    for (action, held) in [(Action::Pause, Hold::Headers), (Action::Continue, Hold::No)] {
        let mut proxy = proxy(Profile::Kong, move |host, _, event| match event {
            Event::RequestHeaders { .. } => {
                call(host).unwrap();
                action
            }
            _ => Action::Continue,
        });
        let stream = proxy.start(&Request::get("/"));
        assert_eq!(proxy.held(stream, Direction::Request), held, "{action:?}");
    }
}

#[test]
fn apisix_shows_the_authority_and_takes_a_new_one_for_the_method() {
    let outcome = in_request(Profile::Apisix, &Request::get("/"), |host| {
        let authority = host.header(HeaderMap::RequestHeaders, ":authority");
        assert_eq!(authority.unwrap().unwrap(), b"gateway.example");
        host.set_header(HeaderMap::RequestHeaders, ":authority", b"other")
            .unwrap();
        Action::Continue
    });
    assert_eq!(outcome.upstream().header(":method").unwrap(), "other");
    assert_eq!(
        outcome.upstream().header("host").unwrap(),
        "gateway.example"
    );
}

#[test]
fn the_authority_of_kong_is_the_servers() {
    in_request(Profile::Kong, &Request::get("/"), |host| {
        let header = |name| host.header(HeaderMap::RequestHeaders, name).unwrap();
        assert_eq!(header(":authority").unwrap(), b"server.kong.internal:8000");
        assert_eq!(header("host").unwrap(), b"gateway.example");
        let host_attribute = host.property(&["request", "host"]).unwrap();
        assert_eq!(host_attribute, b"machine.kong.internal");
        Action::Continue
    });
}

#[test]
fn a_path_that_is_written_is_not_what_arrives() {
    let write = |path: &'static [u8]| {
        move |host: &FakeHost| {
            let _ = host.set_header(HeaderMap::RequestHeaders, ":path", path);
            Action::Continue
        }
    };
    let request = Request::get("/q?mail=x");
    let outcome = in_request(Profile::Apisix, &request, write(b"/q?mail=*"));
    assert_eq!(
        outcome.upstream().header(":path").unwrap(),
        "/q%3Fmail=*?mail=x"
    );
    let outcome = in_request(Profile::Kong, &request, write(b"/other"));
    assert_eq!(outcome.upstream().header(":path").unwrap(), "/q?mail=x");
    let outcome = in_request(Profile::Kong, &request, write(b"/q?mail=*"));
    assert!(outcome.trap.unwrap().contains("query"));
}

#[test]
fn kong_shows_a_decoded_path() {
    let request = Request::get("/a%2Fb/../c//%64?q=%20");
    let outcome = in_request(Profile::Kong, &request, |host| {
        let path = host.header(HeaderMap::RequestHeaders, ":path");
        assert_eq!(path.unwrap().unwrap(), b"/a/c/d?q=%20");
        let raw = host.property(&["request", "path"]).unwrap();
        assert_eq!(raw, b"/a%2Fb/../c//%64?q=%20");
        Action::Continue
    });
    let arrived = outcome.upstream().header(":path").unwrap();
    assert_eq!(arrived, "/a%2Fb/../c//%64?q=%20");
}

#[test]
fn the_lists_of_apisix_end() {
    let request = crowded(130).header("x-last", "yes");
    in_request(Profile::Apisix, &request, |host| {
        let map = HeaderMap::RequestHeaders;
        let all = listed(host, map);
        let named = all.iter().filter(|(name, _)| !name.starts_with(b":"));
        assert_eq!(named.count(), 100);
        assert!(!all.contains("x-last") && all.contains(":path"));
        assert_eq!(host.header(map, "x-last").unwrap().unwrap(), b"yes");
        Action::Continue
    });
}

#[test]
fn apisix_garbles_more_than_twenty_response_headers() {
    for (count, whole) in [(20, true), (21, false), (45, false)] {
        let mut proxy = proxy(Profile::Apisix, move |host, _, event| {
            if matches!(event, Event::ResponseHeaders { .. }) {
                let map = HeaderMap::ResponseHeaders;
                assert_eq!(listed(host, map).contains("x-0"), whole, "{count}");
                assert!(host.header(map, "x-0").unwrap().is_some());
            }
            Action::Continue
        });
        let response = (0..count).fold(Response::new(200), |response, number| {
            response.header(&format!("x-{number}"), "1")
        });
        let outcome = proxy.run(&Request::get("/"), &response);
        assert!(outcome.client().header("x-0").is_some());
    }
}

#[test]
fn on_apisix_all_headers_of_a_request_without_a_host_end_the_worker() {
    let request = Request::get("/").without(":authority");
    let outcome = in_request(Profile::Apisix, &request, |host| {
        assert_eq!(host.header(HeaderMap::RequestHeaders, "host"), Ok(None));
        let _ = host.headers(HeaderMap::RequestHeaders);
        Action::Continue
    });
    assert!(outcome.trap.unwrap().contains("no host"));
}

#[test]
fn kong_keeps_the_case_of_names() {
    let mut proxy = proxy(Profile::Kong, |host, _, event| {
        let map = match event {
            Event::RequestHeaders { .. } => HeaderMap::RequestHeaders,
            Event::ResponseHeaders { .. } => HeaderMap::ResponseHeaders,
            _ => return Action::Continue,
        };
        let all = listed(host, map);
        assert!(all.iter().any(|(name, _)| name == b"X-User-Id"));
        assert!(!all.contains("x-user-id"));
        assert!(host.header(map, "x-user-id").unwrap().is_some());
        Action::Continue
    });
    proxy.run(
        &Request::get("/").header("x-user-id", "1"),
        &Response::new(200).header("x-user-id", "1"),
    );
    assert_eq!(proxy.host().trap(), None);
}

#[test]
fn what_is_removed_from_a_request_arrives_all_the_same_on_kong() {
    let request = Request::get("/")
        .header("x-role", "admin")
        .header("x-two", "1")
        .header("x-two", "2");
    let outcome = in_request(Profile::Kong, &request, |host| {
        let map = HeaderMap::RequestHeaders;
        host.remove_header(map, "x-role").unwrap();
        assert_eq!(host.header(map, "x-role"), Ok(None));
        host.set_header(map, "x-two", b"3").unwrap();
        Action::Continue
    });
    assert_eq!(outcome.upstream().header("x-role").unwrap(), "admin");
    assert_eq!(outcome.upstream().header_values("x-two"), ["3", "2"]);
    let mut responses = proxy(Profile::Kong, |host, _, event| {
        if matches!(event, Event::ResponseHeaders { .. }) {
            host.remove_header(HeaderMap::ResponseHeaders, "x-role")
                .unwrap();
        }
        Action::Continue
    });
    let outcome = responses.run(
        &Request::get("/"),
        &Response::new(200).header("x-role", "a"),
    );
    assert_eq!(outcome.client().header("x-role"), None);
}

#[test]
fn kong_traps_on_headers_that_are_written_late() {
    let mut proxy = proxy(Profile::Kong, |host, _, event| {
        if matches!(event, Event::ResponseHeaders { .. }) {
            let _ = host.set_header(HeaderMap::RequestHeaders, "x-late", b"1");
        }
        Action::Continue
    });
    let outcome = proxy.run(&Request::get("/"), &Response::new(200));
    assert!(outcome.trap.is_some());
}

#[test]
fn apisix_has_let_go_of_the_request_when_its_context_ends() {
    let ended = Rc::new(RefCell::new(false));
    let flag = Rc::clone(&ended);
    let mut proxy = proxy(Profile::Apisix, move |host, _, event| {
        if event == Event::Done {
            for map in [HeaderMap::RequestHeaders, HeaderMap::ResponseHeaders] {
                assert_eq!(host.headers(map), Err(Status::BadArgument));
                assert_eq!(host.header(map, ":path"), Err(Status::BadArgument));
            }
            assert_eq!(host.property(&["status"]), Err(Status::BadArgument));
            *flag.borrow_mut() = true;
        }
        Action::Continue
    });
    proxy.run(&Request::get("/"), &Response::new(200));
    assert!(*ended.borrow());
}

#[test]
fn metric_calls_of_apisix_do_nothing_and_say_that_they_did() {
    in_request(Profile::Apisix, &Request::get("/"), |host| {
        for kind in [MetricKind::Counter, MetricKind::Gauge] {
            assert_eq!(host.define_metric(kind, "m"), Ok(0));
        }
        assert_eq!(host.increment_metric(0, 1), Ok(()));
        assert_eq!(host.record_metric(0, 1), Ok(()));
        assert!(host.metrics().is_empty());
        Action::Continue
    });
}

#[test]
fn kong_traps_on_a_gauge_that_is_incremented() {
    let host = FakeHost::new(Profile::Kong);
    let gauge = host.define_metric(MetricKind::Gauge, "g").unwrap();
    host.record_metric(gauge, 3).unwrap();
    assert_eq!((host.metric("g"), host.trap()), (3, None));
    assert!(host.increment_metric(gauge, 1).is_err());
    assert!(host.trap().is_some());
}

#[test]
fn the_name_of_the_plugin_ends_the_worker_on_kong() {
    let host = FakeHost::new(Profile::Kong);
    assert!(host.property(&["plugin_name"]).is_err());
    assert!(host.trap().unwrap().contains("segmentation fault"));
}

#[test]
fn kong_has_nothing_of_a_long_request_body() {
    for (size, found) in [(10_000, true), (20_000, false)] {
        let mut proxy = proxy(Profile::Kong, move |host, _, event| {
            if let Event::RequestBody { size, .. } = event {
                let body = host.get_buffer_bytes(Buffer::RequestBody, 0, size);
                assert_eq!(body.is_ok(), found, "{size}");
            }
            Action::Continue
        });
        let request = Request::post("/", vec![b'x'; size]);
        let outcome = proxy.run(&request, &Response::new(200));
        assert_eq!(outcome.upstream().body.len(), size);
    }
}

#[test]
fn kong_reads_from_the_start_of_a_body_whatever_it_is_told() {
    let mut proxy = proxy(Profile::Kong, |host, _, event| {
        if matches!(event, Event::ResponseBody { .. }) {
            let read = host.buffer(Buffer::ResponseBody, 3, 3).unwrap();
            assert_eq!(read, b"abc");
        }
        Action::Continue
    });
    proxy.run(&Request::get("/"), &Response::new(200).body("abcdef"));
    assert_eq!(proxy.host().trap(), None);
}

#[test]
fn kong_does_not_tell_the_end_of_a_long_response_with_a_length() {
    for (length, has_length, told) in [
        (1_000, true, true),
        (20_000, true, false),
        (20_000, false, true),
    ] {
        let ends = Rc::new(RefCell::new(false));
        let sink = Rc::clone(&ends);
        let mut proxy = proxy(Profile::Kong, move |_, _, event| {
            if let Event::ResponseBody { end, .. } = event {
                *sink.borrow_mut() |= end;
            }
            Action::Continue
        });
        let mut response = Response::new(200).body(vec![b'x'; length]);
        if has_length {
            response = response.header("content-length", length.to_string());
        }
        let outcome = proxy.run(&Request::get("/"), &response);
        assert_eq!(*ends.borrow(), told, "{length} {has_length}");
        assert!(outcome.client().complete);
    }
}

#[test]
fn a_chunked_response_that_gets_shorter_spins_on_kong() {
    let mut proxy = proxy(Profile::Kong, |host, _, event| {
        if let Event::ResponseBody { .. } = event {
            let _ = host.replace_buffer(Buffer::ResponseBody, usize::MAX, b"");
        }
        Action::Continue
    });
    let response = Response::new(200).chunks([vec![b'x'; 6_000], vec![b'x'; 6_000]]);
    let outcome = proxy.run(&Request::get("/"), &response);
    assert!(outcome.trap.unwrap().contains("spins"));
}

#[test]
fn apisix_gives_the_number_of_a_context_again_and_starts_no_vm() {
    let contexts = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&contexts);
    let mut proxy = proxy(Profile::Apisix, move |_, context, event| {
        if matches!(event, Event::RequestHeaders { .. }) {
            sink.borrow_mut().push(context);
        }
        Action::Continue
    });
    for _ in 0..2 {
        proxy.run(&Request::get("/"), &Response::new(200));
    }
    let seen = contexts.borrow();
    assert_eq!(seen[0], seen[1]);
    for (profile, starts) in [
        (Profile::Envoy, 1),
        (Profile::Apisix, 0),
        (Profile::Kong, 1),
    ] {
        assert_eq!(vm_starts(profile), starts, "{profile:?}");
    }
}

fn vm_starts(profile: Profile) -> usize {
    let starts = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&starts);
    proxy(profile, move |_, _, event| {
        if event == Event::VmStart {
            sink.borrow_mut().push(event);
        }
        Action::Continue
    });
    let events = starts.take();
    events.len()
}

#[test]
fn local_responses_of_kong_are_not_quite_what_the_plugin_sent() {
    let refuse_twice = |host: &dyn Host| refuse(host, &[("x-a", "1"), ("x-a", "2")], Some(7));
    let request = Request::get("/").header("content-type", "application/grpc");
    let outcome = in_request(Profile::Kong, &request, move |host| {
        refuse_twice(host);
        Action::Pause
    });
    let client = outcome.client();
    assert_eq!(client.status(), Some(403), "the status for gRPC is ignored");
    assert_eq!(client.text(), "no\n");
    assert_eq!(client.header("content-length").unwrap(), "3");
    assert_eq!(client.header_values("x-a"), ["2"]);
    let mut late = proxy(Profile::Kong, move |host, _, event| {
        if matches!(event, Event::ResponseHeaders { .. }) {
            refuse_twice(host);
            return Action::Pause;
        }
        Action::Continue
    });
    let outcome = late.run(&Request::get("/"), &Response::new(200));
    assert_eq!(outcome.client().status(), Some(403));
    assert_eq!(outcome.client().header("x-a"), None);
}

#[test]
fn the_random_source_of_kong_can_be_guessed() {
    let bytes = |host: &FakeHost| {
        let mut bytes = [0; 16];
        host.random(&mut bytes).unwrap();
        bytes
    };
    for (profile, guessed) in [(Profile::Kong, true), (Profile::Envoy, false)] {
        let process = Process::new(profile);
        let started = process.wall_clock().as_secs();
        let guess = FakeHost::new(profile);
        guess.set_random_seed(started + 1);
        let _first = FakeHost::in_process(&process);
        let second = FakeHost::in_process(&process);
        assert_eq!(bytes(&second) == bytes(&guess), guessed, "{profile:?}");
    }
}

/// What a host writes to its log at level error, so that a busy one writes nothing else.
#[test]
fn hosts_log_questions_that_they_cannot_answer() {
    for profile in Profile::ALL {
        let logged = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&logged);
        in_request(profile, &Request::get("/"), move |host| {
            let _ = host.property(&["meshward.identity"]);
            if profile != Profile::Kong {
                let _ = host.done();
            }
            *sink.borrow_mut() = host.errors_logged_by_the_host();
            Action::Continue
        });
        let expected: &[&str] = match profile {
            Profile::Envoy => &[],
            Profile::Apisix => &["variable meshward.identity not found", "failed to mark"],
            Profile::Kong => &["\"meshward.identity\" property not supported"],
        };
        let logged = logged.borrow();
        assert_eq!(logged.len(), expected.len(), "{logged:?}");
        for (line, start) in logged.iter().zip(expected) {
            assert!(line.starts_with(start), "{line}");
        }
    }
}
