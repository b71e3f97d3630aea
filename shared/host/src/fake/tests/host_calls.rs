use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::super::{FakeHost, HOST_CALLS, Process, Profile, Request, Response};
use super::{Event, proxy, worker};
use crate::{
    Action, Buffer, Capabilities, Direction, GrpcCall, HeaderMap, Host, HostKind, HttpCall,
    MetricKind, Status, shared_data,
};

/// Runs `check` in the request headers callback.
fn in_request(profile: Profile, check: impl Fn(&FakeHost) + 'static) {
    let ran = Rc::new(RefCell::new(false));
    let flag = Rc::clone(&ran);
    let mut proxy = proxy(profile, move |host, _, event| {
        if matches!(event, Event::RequestHeaders { .. }) {
            check(host);
            *flag.borrow_mut() = true;
        }
        Action::Continue
    });
    proxy.run(
        &Request::get("/a/b?c=d").header("x-a", "1"),
        &Response::new(200),
    );
    assert!(*ran.borrow());
}

#[test]
fn the_probe_tells_the_hosts_apart() {
    for (profile, kind) in [
        (Profile::Envoy, HostKind::Envoy),
        (Profile::Apisix, HostKind::Apisix),
        (Profile::Kong, HostKind::Other),
    ] {
        let host = FakeHost::new(profile);
        assert_eq!(Capabilities::probe(&host).kind(), kind);
        assert_eq!(host.trap(), None);
    }
}

#[test]
fn missing_calls() {
    let call = |host: &dyn Host| {
        host.grpc_call(&GrpcCall {
            cluster: "rls",
            service: "a.B",
            method: "C",
            message: b"",
            timeout: Duration::from_secs(1),
        })
    };
    in_request(Profile::Apisix, move |host| {
        let missing = Some(Status::Unimplemented);
        assert_eq!(host.shared_data("k").err(), missing);
        assert_eq!(host.set_shared_data("k", b"", None).err(), missing);
        assert_eq!(host.set_tick_period(Duration::from_secs(1)).err(), missing);
        assert_eq!(
            host.foreign_function("verify_signature", b"").err(),
            missing
        );
        assert_eq!(host.done().err(), missing);
        assert_eq!(host.abi_clock_ns().err(), missing);
        assert_eq!(call(host).err(), missing);
        assert_eq!(
            host.set_property(&["meshward.identity"], b"").err(),
            Some(Status::NotFound)
        );
        assert_eq!(host.headers(HeaderMap::RequestTrailers).err(), missing);
        assert_eq!(host.trap(), None);
    });
    for trapping in [
        (|host: &FakeHost| host.foreign_function("x", b"").is_ok()) as fn(&FakeHost) -> bool,
        |host| host.done().is_ok(),
        |host| host.reset_stream(Direction::Request).is_ok(),
        |host| host.cancel_grpc_call(1).is_ok(),
        |host| host.set_tick_period(Duration::from_secs(1)).is_ok(),
        |host| {
            host.process().set_shared_zone(false);
            host.shared_data("k").is_ok()
        },
    ] {
        in_request(Profile::Kong, move |host| {
            assert_eq!(host.trap(), None);
            assert!(!trapping(host));
            assert!(host.trap().is_some());
        });
    }
    in_request(Profile::Envoy, move |host| {
        assert!(call(host).is_ok());
        assert_eq!(host.foreign_function("x", b""), Err(Status::NotFound));
        assert_eq!(host.trap(), None);
    });
}

/// Kong takes HTTP calls in a request and in a tick; elsewhere it traps.
#[test]
fn where_calls_can_be_started() {
    for (profile, in_configure, in_tick, traps) in [
        (Profile::Envoy, true, true, false),
        (Profile::Apisix, false, false, false),
        (Profile::Kong, false, true, true),
    ] {
        let results = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&results);
        let mut proxy = proxy(profile, move |host, _, event| {
            if matches!(event, Event::Tick) || (matches!(event, Event::Configure) && !traps) {
                sink.borrow_mut().push(http_call(host, "idp").is_ok());
            }
            Action::Continue
        });
        proxy.tick();
        let expected = if traps {
            vec![in_tick]
        } else {
            vec![in_configure, in_tick]
        };
        assert_eq!(*results.borrow(), expected, "{profile:?}");
    }
    let host = FakeHost::new(Profile::Kong);
    assert!(http_call(&host, "idp").is_err());
    assert!(host.trap().is_some());
}

fn http_call(host: &dyn Host, upstream: &str) -> Result<u32, Status> {
    host.http_call(&HttpCall {
        upstream,
        headers: &[(":method", "GET"), (":path", "/"), (":authority", "a")],
        body: b"",
        timeout: Duration::from_secs(1),
    })
}

#[test]
fn unknown_upstreams_and_incomplete_calls() {
    let host = FakeHost::new(Profile::Envoy);
    host.set_upstreams(&["idp", "rls"]);
    assert!(http_call(&host, "idp").is_ok());
    assert_eq!(http_call(&host, "other"), Err(Status::BadArgument));
    let incomplete = HttpCall {
        upstream: "idp",
        headers: &[(":method", "GET"), (":path", "/")],
        body: b"",
        timeout: Duration::ZERO,
    };
    assert_eq!(host.http_call(&incomplete), Err(Status::BadArgument));
    let call = GrpcCall {
        cluster: "rls",
        service: "a.B",
        method: "C",
        message: b"m",
        timeout: Duration::from_secs(1),
    };
    assert!(host.grpc_call(&call).is_ok());
    assert_eq!(host.pending_calls().len(), 2);
}

/// token by token what `set` answers for (absent or present, cas).
#[test]
fn shared_data_of_each_host() {
    const OK: Result<(), Status> = Ok(());
    const MISMATCH: Result<(), Status> = Err(Status::CasMismatch);
    for (profile, absent_0, absent_7, present_0) in [
        (Profile::Envoy, OK, OK, OK),
        (Profile::Kong, OK, MISMATCH, MISMATCH),
    ] {
        let host = FakeHost::new(profile);
        assert_eq!(host.shared_data("a"), Err(Status::NotFound));
        assert_eq!(
            host.set_shared_data("a", b"1", Some(7)),
            absent_7,
            "{profile:?}"
        );
        assert_eq!(host.set_shared_data("b", b"1", None), absent_0);
        assert_eq!(host.set_shared_data("b", b"2", None), present_0);
        let value = host.shared_data("b").unwrap();
        let wrong = value.cas.wrapping_add(1);
        assert_eq!(host.set_shared_data("b", b"3", Some(wrong)), MISMATCH);
        assert_eq!(host.set_shared_data("b", b"3", Some(value.cas)), OK);
        assert_eq!(host.set_shared_data("b", b"4", Some(value.cas)), MISMATCH);
        assert_eq!(host.shared_data("b").unwrap().bytes, b"3");
    }
}

/// The one sequence that creates a key on all hosts, with another worker in between.
#[test]
fn insert_if_absent_never_overwrites() {
    for profile in [Profile::Envoy, Profile::Kong] {
        let process = Process::new(profile);
        let (one, two) = (
            FakeHost::in_process(&process),
            FakeHost::in_process(&process),
        );
        let first = shared_data::insert_if_absent(&one, "k", b"first").unwrap();
        let second = shared_data::insert_if_absent(&two, "k", b"second").unwrap();
        assert_eq!((first.bytes.as_slice(), &second), (&b"first"[..], &first));
    }
}

#[test]
fn buffers_are_edited_as_each_host_edits_them() {
    for (profile, size, bytes, expected) in [
        (Profile::Envoy, 3, "XY", Ok("XYdef")),
        (Profile::Envoy, 0, "XY", Ok("XYabcdef")),
        (Profile::Envoy, usize::MAX, "XY", Ok("XY")),
        (Profile::Kong, usize::MAX, "XY", Ok("XY")),
        (Profile::Kong, 0, "XY", Ok("XYabcdef")),
        // It forgets what comes after, and takes no more than it was told to replace.
        (Profile::Kong, 3, "XYZUV", Ok("XYZ")),
        (
            Profile::Apisix,
            usize::MAX,
            "XY",
            Err(Status::Unimplemented),
        ),
    ] {
        let mut proxy = proxy(profile, move |host, _, event| {
            if let Event::RequestHeaders { .. } = event {
                let _ = host.set_property(&["wasm_process_resp_body"], b"1");
            }
            if let Event::ResponseBody { size: 6, .. } = event {
                let written = host.replace_buffer(Buffer::ResponseBody, size, bytes.as_bytes());
                assert_eq!(written, expected.map(|_| ()));
            }
            Action::Continue
        });
        let outcome = proxy.run(&Request::get("/"), &Response::new(200).body("abcdef"));
        assert_eq!(
            outcome.client().text(),
            expected.unwrap_or("abcdef"),
            "{profile:?} {size}"
        );
    }
}

/// Envoy lets go of the request headers when they go on; nginx hosts keep them, and take edits
/// that do nothing.
#[test]
fn header_maps_come_and_go() {
    for (profile, readable, edited) in [
        (
            Profile::Envoy,
            Err(Status::BadArgument),
            Err(Status::BadArgument),
        ),
        (Profile::Apisix, Ok(Some(b"1".to_vec())), Ok(())),
    ] {
        let mut proxy = proxy(profile, move |host, _, event| {
            match event {
                Event::Configure => {
                    let value = host.header(HeaderMap::RequestHeaders, "x-a");
                    assert_eq!(value, Err(Status::BadArgument));
                }
                Event::RequestHeaders { .. } => {
                    host.set_header(HeaderMap::RequestHeaders, "X-B", b"2")
                        .unwrap();
                    host.add_header(HeaderMap::RequestHeaders, "x-b", b"3")
                        .unwrap();
                    host.remove_header(HeaderMap::RequestHeaders, "x-c")
                        .unwrap();
                    let absent = host.header(HeaderMap::RequestHeaders, "x-none");
                    assert_eq!(absent, Ok(None));
                }
                Event::ResponseHeaders { .. } => {
                    assert_eq!(host.header(HeaderMap::RequestHeaders, "x-a"), readable);
                    let set = host.set_header(HeaderMap::RequestHeaders, "x-a", b"9");
                    assert_eq!(set, edited);
                }
                _ => {}
            }
            Action::Continue
        });
        let request = Request::get("/").header("x-a", "1").header("x-c", "3");
        let outcome = proxy.run(&request, &Response::new(200));
        let upstream = outcome.upstream();
        assert_eq!(upstream.header("x-a").unwrap(), "1");
        assert_eq!(upstream.header_values("x-b"), ["2", "3"]);
        assert_eq!(upstream.header("x-c"), None);
    }
}

#[test]
fn properties_of_each_host() {
    in_request(Profile::Envoy, |host| {
        assert_eq!(host.property(&["request", "url_path"]).unwrap(), b"/a/b");
        assert_eq!(host.property(&["request", "query"]).unwrap(), b"c=d");
        assert_eq!(host.property(&["request", "headers", "x-a"]).unwrap(), b"1");
        assert_eq!(
            host.property(&["source", "address"]).unwrap(),
            b"192.0.2.10:40000"
        );
        assert_eq!(host.property(&["source", "port"]).unwrap().len(), 8);
        host.set_property(&["meshward.identity"], b"{}").unwrap();
        let long = ["filter_state", "wasm.meshward.identity"];
        assert_eq!(host.property(&long).unwrap(), b"{}");
        assert_eq!(host.property(&["meshward.identity"]).unwrap(), b"{}");
        assert_eq!(
            host.property(&["meshward.identity", "x"]),
            Err(Status::NotFound)
        );
    });
    in_request(Profile::Apisix, |host| {
        assert_eq!(host.property(&["request", "path"]), Err(Status::NotFound));
        assert_eq!(host.property(&["request_uri"]).unwrap(), b"/a/b?c=d");
        assert_eq!(host.property(&["remote_addr"]).unwrap(), b"192.0.2.10");
        assert_eq!(host.property(&["http_x_a"]).unwrap(), b"1");
    });
    in_request(Profile::Kong, |host| {
        assert_eq!(host.property(&["request", "path"]).unwrap(), b"/a/b?c=d");
        assert_eq!(
            host.property(&["source", "address"]).unwrap(),
            b"192.0.2.10"
        );
        assert_eq!(
            host.set_property(&["meshward.identity"], b""),
            Err(Status::NotFound)
        );
        assert_eq!(host.property(&["xds", "node", "id"]), Err(Status::NotFound));
    });
}

#[test]
fn a_request_brings_its_own_attributes() {
    let mut proxy = proxy(Profile::Envoy, |host, _, event| {
        if let Event::RequestHeaders { .. } = event {
            let address = host.property(&["source", "address"]).unwrap();
            assert_eq!(address, b"[2001:db8::1]:1");
            assert_eq!(host.property(&["xds", "route_name"]).unwrap(), b"orders");
        }
        Action::Continue
    });
    let request = Request::get("/")
        .attribute(&["source", "address"], "[2001:db8::1]:1")
        .attribute(&["xds", "route_name"], "orders");
    proxy.run(&request, &Response::new(200));
}

#[test]
fn every_call_can_be_made_to_fail() {
    let host = FakeHost::new(Profile::Envoy);
    host.fail_times("proxy_get_shared_data", Status::Other(99), 2);
    let responses: Vec<_> = (0..3).map(|_| host.shared_data("k").err()).collect();
    let failed = Some(Status::Other(99));
    assert_eq!(responses, [failed, failed, Some(Status::NotFound)]);
    assert_eq!(host.times_called("proxy_get_shared_data"), 3);
    for call in HOST_CALLS {
        host.fail(call, Status::InternalFailure);
    }
    assert_eq!(host.shared_data("k"), Err(Status::InternalFailure));
    assert_eq!(
        host.define_metric(MetricKind::Gauge, "g"),
        Err(Status::InternalFailure)
    );
    host.stop_failing();
    assert!(host.define_metric(MetricKind::Gauge, "g").is_ok());
}

#[test]
fn metrics_belong_to_the_process() {
    let process = Process::new(Profile::Envoy);
    let count = |host: &FakeHost, _, event| {
        if let Event::RequestHeaders { .. } = event {
            let counter = host.define_metric(MetricKind::Counter, "c").unwrap();
            host.increment_metric(counter, 2).unwrap();
            assert_eq!(host.increment_metric(counter, -1), Err(Status::BadArgument));
            let histogram = host.define_metric(MetricKind::Histogram, "h").unwrap();
            host.record_metric(histogram, 5).unwrap();
        }
        Action::Continue
    };
    let mut workers = [worker(&process, count), worker(&process, count)];
    for proxy in &mut workers {
        proxy.run(&Request::get("/"), &Response::new(200));
    }
    assert_eq!(workers[0].host().metric("c"), 4);
    assert_eq!(process.metrics()["h"].recorded, [5, 5]);
    let host = FakeHost::in_process(&process);
    assert_eq!(host.increment_metric(77, 1), Err(Status::NotFound));
}

#[test]
fn the_configuration_is_shown_while_configuring() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&seen);
    let mut proxy = proxy(Profile::Envoy, move |host, _, event| {
        if let Event::Configure | Event::RequestHeaders { .. } = event {
            let bytes = host
                .buffer(Buffer::PluginConfiguration, 0, usize::MAX)
                .unwrap();
            sink.borrow_mut().push(bytes);
        }
        Action::Continue
    });
    proxy.run(&Request::get("/"), &Response::new(200));
    assert_eq!(*seen.borrow(), [b"{}".to_vec(), Vec::new()]);
}

#[test]
fn random_bytes_repeat_with_their_seed() {
    let bytes = |seed| {
        let host = FakeHost::new(Profile::Envoy);
        host.set_random_seed(seed);
        let mut bytes = [0; 20];
        host.random(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
    assert_ne!(bytes(1)[..8], bytes(1)[8..16]);
}

/// What is asked of a request again costs no call, under whatever sources; what depends on the
/// sources is asked for under each.
#[test]
fn a_request_is_read_once_and_its_facts_belong_to_their_sources() {
    use crate::exchange::{self, IdentitySource};
    use crate::{FactSources, Request};
    use policy::facts::Facts as _;
    use policy::identity::Identity;

    in_request(Profile::Envoy, |host| {
        let lists = || host.times_called("proxy_get_header_map_pairs");
        let by_property = Rc::new(FactSources::default());
        let by_header = Rc::new(FactSources {
            identity: IdentitySource::Header,
            ..FactSources::default()
        });
        let request = Request::new(&by_property);
        assert_eq!(lists(), 0, "nothing is read before it is needed");
        assert_eq!(request.method(host), "GET");
        let early = request.under(&by_header);
        assert_eq!(early.header(host, "x-a").as_deref(), Some("1"));
        assert_eq!(early.path(host).unwrap().canonical(), "/a/b");
        assert_eq!(lists(), 1);
        // Nobody has said who it is when the first asks.
        let subject = |request: &Request| {
            let facts = request.facts(host, Direction::Request);
            facts
                .identity()
                .and_then(|identity| identity.subject.clone())
        };
        assert_eq!(subject(&early), None);
        let identity = Identity {
            subject: Some("jane".to_owned()),
            ..Identity::default()
        };
        exchange::publish_identity(host, &identity).unwrap();
        assert_eq!(subject(&request).as_deref(), Some("jane"));
        assert_eq!(subject(&early), None, "as it was when it was asked");
        let properties = host.times_called("proxy_get_property");
        assert_eq!(subject(&request).as_deref(), Some("jane"));
        assert_eq!(host.times_called("proxy_get_property"), properties);
    });
}
