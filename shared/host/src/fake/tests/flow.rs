use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::super::{CallResponse, Hold, LocalReply, Profile, Request, Response};
use super::{Event, proxy, refuse};
use crate::{Action, Buffer, Direction, HeaderMap, Host, HttpCall, Status};

fn pieces(text: &[&str]) -> Vec<Vec<u8>> {
    text.iter().map(|piece| piece.as_bytes().to_vec()).collect()
}

/// Continue shows each chunk alone, Pause shows all that is held.
#[test]
fn what_body_callbacks_see() {
    for (action, sizes) in [(Action::Continue, [3, 2, 0]), (Action::Pause, [3, 5, 5])] {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&seen);
        let mut proxy = proxy(Profile::Envoy, move |_, _, event| match event {
            Event::ResponseBody { size, end } => {
                sink.borrow_mut().push((size, end));
                if end { Action::Continue } else { action }
            }
            _ => Action::Continue,
        });
        let response = Response::new(200)
            .chunks(pieces(&["abc", "de"]))
            .end_apart();
        let outcome = proxy.run(&Request::get("/"), &response);
        let expected: Vec<_> = sizes.into_iter().zip([false, false, true]).collect();
        assert_eq!(*seen.borrow(), expected, "{action:?}");
        assert_eq!(outcome.client().text(), "abcde");
        assert!(outcome.client().complete);
    }
}

/// With trailers no body callback says that it is the last one; what the guest has kept for itself
/// is lost, what the host holds can still be rewritten.
#[test]
fn trailers_end_the_body_without_saying_so() {
    for hold in [false, true] {
        let ends = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&ends);
        let mut proxy = proxy(Profile::Envoy, move |host, _, event| match event {
            Event::RequestBody { end, .. } => {
                sink.borrow_mut().push(end);
                if hold {
                    return Action::Pause;
                }
                Action::Continue
            }
            Event::RequestTrailers => {
                let written = host.replace_buffer(Buffer::RequestBody, usize::MAX, b"new");
                assert_eq!(written.is_ok(), hold);
                let value = host.header(HeaderMap::RequestTrailers, "x-sum").unwrap();
                assert_eq!(value.unwrap(), b"1");
                Action::Continue
            }
            _ => Action::Continue,
        });
        let request = Request::new("POST", "/")
            .chunks(pieces(&["ab", "cd"]))
            .trailers(&[("x-sum", "1")]);
        let outcome = proxy.run(&request, &Response::new(200));
        assert_eq!(*ends.borrow(), [false, false]);
        let expected = if hold { "new" } else { "abcd" };
        assert_eq!(outcome.upstream().text(), expected);
        assert_eq!(outcome.upstream().trailers.as_ref().unwrap().len(), 1);
    }
}

/// Headers that are held keep back the body, which is then shown in one piece.
#[test]
fn a_held_request_goes_on_when_it_is_resumed() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&seen);
    let mut proxy = proxy(Profile::Envoy, move |host, context, event| {
        match event {
            Event::RequestHeaders { .. } => {
                start_call(host).unwrap();
                return Action::Pause;
            }
            Event::HttpCallResponse { .. } => {
                host.set_effective_context(2).unwrap();
                host.set_header(HeaderMap::RequestHeaders, "x-user", b"ann")
                    .unwrap();
                host.resume(Direction::Request).unwrap();
            }
            _ => {}
        }
        sink.borrow_mut().push((context, event));
        Action::Continue
    });
    let request = Request::new("POST", "/").chunks(pieces(&["ab", "cd"]));
    let stream = proxy.start(&request);
    proxy.send(stream, &request);
    assert_eq!(proxy.held(stream, Direction::Request), Hold::Headers);
    assert!(!proxy.request_arrived(stream));
    let call = proxy.host().pending_calls().pop().unwrap();
    assert_eq!(Some(call.context), proxy.root());
    assert!(proxy.respond_to_call(call.token, CallResponse::http(200, "{}")));
    assert!(!proxy.respond_to_call(call.token, CallResponse::http(200, "{}")));
    assert!(proxy.request_arrived(stream));
    let outcome = proxy.finish(stream);
    assert_eq!(outcome.upstream().text(), "abcd");
    assert_eq!(outcome.upstream().header("x-user").unwrap(), "ann");
    let bodies: Vec<_> = seen
        .borrow()
        .iter()
        .filter(|(_, event)| matches!(event, Event::RequestBody { .. }))
        .copied()
        .collect();
    assert_eq!(
        bodies,
        [(stream, Event::RequestBody { size: 4, end: true })]
    );
}

fn start_call(host: &dyn Host) -> Result<u32, Status> {
    host.http_call(&HttpCall {
        upstream: "idp",
        headers: &[
            (":method", "GET"),
            (":path", "/keys"),
            (":authority", "idp"),
        ],
        body: b"",
        timeout: Duration::from_secs(1),
    })
}

/// A local reply stops the request and passes the response callbacks of its own filter.
#[test]
fn a_local_reply_is_the_response() {
    for profile in Profile::ALL {
        let mut proxy = proxy(profile, |host, _, event| {
            match event {
                Event::RequestHeaders { .. } => {
                    refuse(host, &[("x-why", "test")], Some(7));
                    return Action::Pause;
                }
                Event::ResponseHeaders { .. } => {
                    host.add_header(HeaderMap::ResponseHeaders, "x-seen", b"yes")
                        .unwrap();
                }
                _ => {}
            }
            Action::Continue
        });
        let outcome = proxy.run(&Request::get("/"), &Response::new(200).body("secret"));
        assert_eq!(outcome.upstream().headers, None, "{profile:?}");
        assert_eq!(outcome.client().status(), Some(403));
        assert_eq!(outcome.client().text().trim_end(), "no");
        assert_eq!(outcome.client().header("x-why").unwrap(), "test");
        assert_eq!(outcome.client().header("x-seen").unwrap(), "yes");
        assert_eq!(outcome.local_reply.unwrap().details, b"test_no");
    }
}

#[test]
fn a_grpc_caller_gets_a_grpc_status() {
    let mut proxy = proxy(Profile::Envoy, |host, _, event| {
        if matches!(event, Event::RequestHeaders { .. }) {
            refuse(host, &[("x-why", "test")], Some(7));
            return Action::Pause;
        }
        Action::Continue
    });
    let request = Request::post("/a.B/C", "x").header("content-type", "application/grpc");
    let client = proxy.run(&request, &Response::new(200)).client().clone();
    assert_eq!(client.status(), Some(200));
    assert_eq!(client.header("grpc-status").unwrap(), "7");
    assert_eq!(client.header("grpc-message").unwrap(), "no");
    assert!(client.complete && client.body.is_empty());
}

/// In the response callbacks it replaces the headers, and breaks what has begun.
#[test]
fn a_local_reply_in_the_response() {
    for (in_body, status, reset) in [(false, 403, false), (true, 200, true)] {
        let mut proxy = proxy(Profile::Envoy, move |host, _, event| {
            let now = match event {
                Event::ResponseHeaders { .. } => !in_body,
                Event::ResponseBody { .. } => in_body,
                _ => false,
            };
            if now {
                refuse(host, &[("x-why", "test")], Some(7));
                return Action::Pause;
            }
            Action::Continue
        });
        let outcome = proxy.run(&Request::get("/"), &Response::new(200).body("secret"));
        assert_eq!(outcome.client().status(), Some(status));
        assert_eq!(outcome.reset, reset);
        assert!(!outcome.client().text().contains("secret"));
    }
}

/// On APISIX bodies have callbacks only where the plugin asks for them by a variable.
#[test]
fn apisix_shows_bodies_on_demand() {
    for asked in [false, true] {
        let bodies = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&bodies);
        let mut proxy = proxy(Profile::Apisix, move |host, _, event| {
            match event {
                Event::RequestHeaders { end } => {
                    assert!(end, "APISIX always says so");
                    if asked {
                        host.set_property(&["wasm_process_req_body"], b"1").unwrap();
                    }
                }
                Event::RequestBody { size, .. } => {
                    sink.borrow_mut()
                        .push(host.buffer(Buffer::RequestBody, 0, size).unwrap());
                    let written = host.replace_buffer(Buffer::RequestBody, usize::MAX, b"");
                    assert_eq!(written, Err(Status::Unimplemented));
                    let all = host.buffer(Buffer::RequestBody, 0, usize::MAX);
                    assert_eq!(all, Err(Status::BadArgument));
                }
                _ => {}
            }
            Action::Continue
        });
        let request = Request::new("POST", "/").chunks(pieces(&["ab", "cd"]));
        let outcome = proxy.run(&request, &Response::new(200).body("x"));
        let expected = if asked {
            vec![b"abcd".to_vec()]
        } else {
            vec![]
        };
        assert_eq!(*bodies.borrow(), expected);
        assert_eq!(outcome.upstream().text(), "abcd");
        assert_eq!(outcome.client().text(), "x");
    }
}

/// After a trap nothing is called any more and every request is refused.
#[test]
fn a_trap_ends_the_plugin() {
    let calls = Rc::new(RefCell::new(0));
    let counter = Rc::clone(&calls);
    let mut proxy = proxy(Profile::Kong, move |host, _, event| {
        if matches!(event, Event::RequestHeaders { .. }) {
            *counter.borrow_mut() += 1;
            let _ = host.foreign_function("verify_signature", b"");
        }
        Action::Continue
    });
    for _ in 0..2 {
        let outcome = proxy.run(&Request::get("/"), &Response::new(200));
        assert_eq!(outcome.client().status(), Some(500));
        assert_eq!(outcome.upstream().headers, None);
        assert!(outcome.trap.unwrap().contains("foreign function"));
    }
    assert_eq!(*calls.borrow(), 1);
}

#[test]
fn a_reset_breaks_the_stream() {
    let mut proxy = proxy(Profile::Envoy, |host, _, event| {
        if matches!(event, Event::ResponseBody { .. }) {
            host.reset_stream(Direction::Response).unwrap();
        }
        Action::Continue
    });
    let outcome = proxy.run(&Request::get("/"), &Response::new(200).body("secret"));
    assert!(outcome.reset);
    assert_eq!(outcome.client().text(), "");
}

#[test]
fn ticks_come_when_they_are_due() {
    let ticks = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&ticks);
    let mut proxy = proxy(Profile::Envoy, move |host, _, event| {
        match event {
            Event::Configure => host.set_tick_period(Duration::from_secs(10)).unwrap(),
            Event::Tick => {
                sink.borrow_mut().push(host.monotonic_ns());
                if sink.borrow().len() == 2 {
                    host.set_tick_period(Duration::from_secs(1)).unwrap();
                }
            }
            _ => {}
        }
        Action::Continue
    });
    let start = proxy.host().monotonic_ns();
    proxy.advance(Duration::from_secs(22));
    let seconds: Vec<_> = ticks
        .borrow()
        .iter()
        .map(|tick| (tick - start) / 1_000_000_000)
        .collect();
    assert_eq!(seconds, [10, 20, 21, 22]);
}

/// A plugin that answers `false` to `done` is waited for.
#[test]
fn a_replaced_root_may_take_its_time() {
    let events = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&events);
    let mut proxy = proxy(Profile::Envoy, move |host, context, event| {
        sink.borrow_mut().push((context, event));
        match event {
            Event::Done => {
                start_call(host).unwrap();
                Action::Pause
            }
            Event::HttpCallResponse { .. } => {
                host.done().unwrap();
                Action::Continue
            }
            _ => Action::Continue,
        }
    });
    let old = proxy.root().unwrap();
    proxy.configure("{}").unwrap();
    assert!(!events.borrow().contains(&(old, Event::Delete)));
    let call = proxy.host().pending_calls().pop().unwrap();
    assert_eq!(call.context, old);
    proxy.respond_to_call(call.token, CallResponse::http(200, ""));
    assert!(events.borrow().contains(&(old, Event::Delete)));
}

#[test]
fn log_phases() {
    for (profile, expected) in [
        (Profile::Envoy, vec![Event::Log, Event::Done, Event::Delete]),
        (Profile::Apisix, vec![Event::Done, Event::Delete]),
        (Profile::Kong, vec![Event::Done, Event::Log, Event::Delete]),
    ] {
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&events);
        let mut proxy = proxy(profile, move |host, _, event| {
            if event == Event::Log {
                // Both are there once more.
                assert!(
                    host.header(HeaderMap::RequestHeaders, ":path")
                        .unwrap()
                        .is_some()
                );
                assert!(
                    host.header(HeaderMap::ResponseHeaders, ":status")
                        .unwrap()
                        .is_some()
                );
            }
            sink.borrow_mut().push(event);
            Action::Continue
        });
        proxy.run(&Request::get("/"), &Response::new(200));
        let events = events.borrow();
        assert!(events.ends_with(&expected), "{profile:?}: {events:?}");
    }
}

#[test]
fn the_first_local_reply_counts() {
    let mut proxy = proxy(Profile::Envoy, |host, _, event| {
        if matches!(event, Event::RequestHeaders { .. }) {
            refuse(host, &[("x-why", "test")], Some(7));
            let second = LocalReply {
                status: 500,
                headers: Vec::new(),
                body: Vec::new(),
                grpc_status: -1,
                details: Vec::new(),
            };
            host.send_local_reply(second).unwrap();
        }
        Action::Continue
    });
    let outcome = proxy.run(&Request::get("/"), &Response::new(200));
    assert_eq!(outcome.client().status(), Some(403));
}

/// A century passes as fast as a day.
#[test]
fn a_long_time_has_some_ticks_and_one_at_its_end() {
    let ticks = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&ticks);
    let mut proxy = proxy(Profile::Envoy, move |host, _, event| {
        match event {
            Event::Configure => host.set_tick_period(Duration::from_secs(1)).unwrap(),
            Event::Tick => sink.borrow_mut().push(host.monotonic_ns()),
            _ => {}
        }
        Action::Continue
    });
    let start = proxy.host().monotonic_ns();
    let century = Duration::from_secs(3_155_760_000);
    proxy.advance(century);
    let ticks = ticks.borrow();
    assert!((86_400..100_000).contains(&ticks.len()), "{}", ticks.len());
    assert_eq!(
        u128::from(ticks.last().unwrap() - start),
        century.as_nanos()
    );
}
