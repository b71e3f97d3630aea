//! What a filter sees of the nginx hosts through the dispatcher.

use std::time::Duration;

use policy::config::Problems;

use super::super::{CallResponse, Profile, Proxy, Request, Response};
use super::refuse;
use crate::{
    Action, CallToken, Direction, Filter, HeaderMap, Host, HttpCall, MetricKind, ResponseSizes,
    Startup, Status, Stream, headers,
};

/// Does in the request headers what its configuration says, word by word.
struct Obedient {
    words: Vec<String>,
    gauge: u32,
}

struct ObedientStream;

impl Filter for Obedient {
    const NAME: &'static str = "obedient";
    type Stream = ObedientStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let Startup {
            host,
            configuration: words,
            ..
        } = startup;
        let _ = host.property(&["plugin_name"]);
        let gauge = host.define_metric(MetricKind::Gauge, "gauge");
        Ok(Self {
            words: words
                .trim_matches(['[', ']', '"'])
                .split(' ')
                .map(str::to_owned)
                .collect(),
            gauge: gauge.unwrap_or(u32::MAX),
        })
    }

    fn stream(&mut self, _: u32) -> ObedientStream {
        ObedientStream
    }

    fn on_http_call_response(&mut self, host: &dyn Host, _: CallToken, _: ResponseSizes) {
        let _ = host.resume(Direction::Request);
    }
}

impl Stream<Obedient> for ObedientStream {
    fn on_request_headers(&mut self, filter: &mut Obedient, host: &dyn Host, _: bool) -> Action {
        let mut action = Action::Continue;
        let map = HeaderMap::RequestHeaders;
        for word in &filter.words {
            match word.as_str() {
                "call" => drop(call(host)),
                "refuse" => refuse(host, &[("x-why", "test")], None),
                "pause" => action = Action::Pause,
                "gauge" => {
                    let _ = host.increment_metric(filter.gauge, 2);
                    let _ = host.increment_metric(filter.gauge, -1);
                }
                "hide" => assert_eq!(headers::hide(host, "x-secret"), Ok(())),
                "remove" => assert_eq!(
                    host.remove_header(map, "x-secret"),
                    Err(Status::Unimplemented)
                ),
                "path" => assert_eq!(
                    host.set_header(map, ":path", b"/other?a=b"),
                    Err(Status::Unimplemented)
                ),
                "random" => drop(host.random(&mut [0; 4])),
                "list" => {
                    let all = host.headers(map).unwrap_or_default();
                    let text = format!("{} {}", all.is_complete(), all.contains("x-secret"));
                    host.log(crate::LogLevel::Info, &text);
                }
                _ => {}
            }
        }
        action
    }

    fn on_log(&mut self, _: &mut Obedient, host: &dyn Host) {
        let _ = host.property(&["response", "code"]);
        let _ = host.property(&["response", "code_details"]);
        let _ = host.done();
    }
}

fn call(host: &dyn Host) -> Result<CallToken, Status> {
    host.http_call(&HttpCall {
        upstream: "idp",
        headers: &[(":method", "GET"), (":path", "/"), (":authority", "a")],
        body: b"",
        timeout: Duration::from_secs(1),
    })
}

fn obeying(profile: Profile, words: &str) -> Proxy {
    let mut proxy = Proxy::native::<Obedient>(profile);
    proxy.configure(format!("[\"{words}\"]")).unwrap();
    proxy
}

#[test]
fn a_refusal_beside_a_call_is_sent_when_the_call_has_ended() {
    for words in [
        "call refuse pause",
        "refuse call pause",
        "call refuse",
        "refuse refuse pause",
    ] {
        let mut proxy = obeying(Profile::Apisix, words);
        let stream = proxy.start(&Request::get("/"));
        assert!(!proxy.request_arrived(stream), "{words}");
        for call in proxy.host().pending_calls() {
            assert!(proxy.respond_to_call(call.token, CallResponse::http(200, "")));
        }
        let outcome = proxy.finish(stream);
        assert_eq!(outcome.client().status(), Some(403), "{words}");
        assert_eq!(outcome.client().header("x-why").unwrap(), "test");
        assert_eq!(outcome.upstream().headers, None, "{words}");
        assert_eq!(outcome.trap, None);
    }
}

/// A context that is gone leaves nothing to the next one of its number.
#[test]
fn a_refusal_that_waits_goes_with_its_request() {
    let mut proxy = obeying(Profile::Apisix, "call refuse pause");
    let gone = proxy.start(&Request::get("/"));
    let token = proxy.host().pending_calls()[0].token;
    proxy.finish(gone);
    let next = proxy.start(&Request::get("/"));
    assert_eq!(gone, next);
    assert!(!proxy.respond_to_call(token, CallResponse::http(200, "")));
    let token = proxy.host().pending_calls()[0].token;
    assert!(proxy.respond_to_call(token, CallResponse::http(200, "")));
    assert_eq!(proxy.finish(next).client().status(), Some(403));
}

#[test]
fn a_pause_with_nothing_to_wait_for_is_a_refusal_on_apisix() {
    let mut proxy = obeying(Profile::Apisix, "pause");
    let outcome = proxy.run(&Request::get("/"), &Response::new(200));
    assert_eq!(
        (outcome.trap.as_deref(), outcome.client().status()),
        (None, Some(503))
    );
    assert!(outcome.client().text().contains("cannot_wait"));
}

#[test]
fn what_a_host_cannot_do_is_an_error_and_no_trap() {
    let request = Request::get("/a?b=c").header("x-secret", "1");
    for profile in [Profile::Apisix, Profile::Kong] {
        let mut proxy = obeying(profile, "path gauge list");
        let outcome = proxy.run(&request, &Response::new(200));
        assert_eq!(outcome.trap, None, "{profile:?}");
        assert_eq!(outcome.upstream().header(":path").unwrap(), "/a?b=c");
        assert!(outcome.logged("true true"), "{:?}", outcome.logs);
    }
    let mut kong = obeying(Profile::Kong, "remove hide gauge");
    let outcome = kong.run(&request, &Response::new(200));
    assert_eq!(outcome.upstream().header_values("x-secret"), ["removed"]);
    assert_eq!(kong.host().metric("gauge"), 1);
    let mut apisix = obeying(Profile::Apisix, "hide");
    let outcome = apisix.run(&request, &Response::new(200));
    assert_eq!(outcome.upstream().header("x-secret"), None);
}

/// Once: a filter that asks for each request would flood the log.
#[test]
fn random_numbers_that_can_be_guessed_are_a_warning() {
    for profile in Profile::ALL {
        let mut proxy = obeying(profile, "random random");
        let mut warnings = 0;
        for _ in 0..2 {
            let outcome = proxy.run(&Request::get("/"), &Response::new(200));
            warnings += usize::from(outcome.logged("can be guessed"));
        }
        assert_eq!(
            warnings,
            usize::from(profile == Profile::Kong),
            "{profile:?}"
        );
    }
}

#[test]
fn a_list_that_may_be_cut_says_so() {
    let crowded = (0..130).fold(Request::get("/"), |request, number| {
        request.header(&format!("x-{number}"), "1")
    });
    let mut proxy = obeying(Profile::Apisix, "list");
    let outcome = proxy.run(&crowded, &Response::new(200));
    assert!(outcome.logged("false false"));
    let without_host = Request::get("/").without(":authority");
    let outcome = proxy.run(&without_host, &Response::new(200));
    assert_eq!(outcome.trap, None);
    assert!(outcome.logged("false false"));
}

#[test]
fn no_host_logs_an_error_because_of_what_it_was_asked() {
    for profile in Profile::ALL {
        let mut proxy = obeying(profile, "list");
        let before = proxy.host().errors_logged_by_the_host();
        proxy.run(&Request::get("/"), &Response::new(200));
        assert_eq!(
            proxy.host().errors_logged_by_the_host(),
            before,
            "{profile:?}"
        );
        assert_eq!(proxy.host().trap(), None);
    }
}
