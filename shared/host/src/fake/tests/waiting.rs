//! How filters wait: one that asks before it lets a request pass, on every host.

use std::time::Duration;

use policy::config::Problems;

use super::super::{CallResponse, FakeHost, Profile, Proxy, Request, Response};
use super::refuse;
use crate::waiting::{Call, CallId, Calls, Occasion, ResponseWaiters, WaitingRequests};
use crate::{
    Action, CallToken, Capabilities, ContextId, Filter, HeaderMap, Host, HttpCall, ResponseSizes,
    Startup, Stream, header_text,
};

/// Asks once for everybody who comes meanwhile; what is not answered with 200 refuses them.
struct Asking {
    calls: Calls<&'static str>,
    waiting: WaitingRequests<String>,
    /// What the last response said of those who wait.
    passes: bool,
    /// The outcomes of the requests, by their paths.
    ends: Vec<String>,
    each_asks: bool,
    timeout: Duration,
}

struct AskingStream(ContextId);

const TICK: Duration = Duration::from_millis(100);

impl Filter for Asking {
    const NAME: &'static str = "asking";
    type Stream = AskingStream;

    fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
        let (capabilities, text) = (startup.capabilities, startup.configuration);
        if capabilities.ticks() {
            startup.host.set_tick_period(TICK).unwrap();
        }
        Ok(Self {
            calls: Calls::new(*capabilities, 2),
            waiting: WaitingRequests::new(
                *capabilities,
                if text.contains("many") { 1000 } else { 3 },
                Duration::from_secs(10),
            ),
            passes: false,
            ends: Vec::new(),
            each_asks: text.contains("each"),
            timeout: Duration::from_secs(if text.contains("slow") { 60 } else { 1 }),
        })
    }

    fn stream(&mut self, context: ContextId) -> AskingStream {
        AskingStream(context)
    }

    fn on_tick(&mut self, host: &dyn Host) {
        let now_ns = host.monotonic_ns();
        if !self.calls.take_overdue(now_ns).is_empty() {
            self.passes = false;
            self.waiting.wake_all(None);
        }
        self.waiting.wake_late(now_ns);
        self.decide(host);
        let ends = self.ends.drain(..).collect::<Vec<_>>().join(" ");
        host.set_shared_data("ends", ends.as_bytes(), None).unwrap();
    }

    fn on_http_call_response(&mut self, host: &dyn Host, token: CallToken, _: ResponseSizes) {
        let Some(call) = self.calls.end(CallId::Http(token)) else {
            return;
        };
        assert_eq!(call.purpose, "ask");
        let status = header_text(host, HeaderMap::HttpCallResponseHeaders, ":status");
        self.passes = status.as_deref() == Some("200");
        self.waiting.wake_all(call.occasion.stream);
        self.decide(host);
    }
}

impl Asking {
    fn decide(&mut self, host: &dyn Host) {
        self.waiting.begin_turns();
        while let Some(waiter) = self.waiting.next_turn(host) {
            assert!(waiter.is_there());
            let (path, passes) = (waiter.request.as_str(), self.passes);
            self.ends.push(format!("{path}:{passes}"));
            if passes {
                waiter.resume(host).unwrap();
            } else {
                refuse(host, &[], None);
            }
        }
        self.waiting.end_turns(host, TICK);
    }
}

impl Stream<Asking> for AskingStream {
    fn on_request_headers(&mut self, filter: &mut Asking, host: &dyn Host, _: bool) -> Action {
        let now_ns = host.monotonic_ns();
        if filter.each_asks || filter.calls.is_empty() {
            let call = HttpCall {
                upstream: "judge",
                headers: &[(":method", "GET"), (":path", "/"), (":authority", "judge")],
                body: b"",
                timeout: filter.timeout,
            };
            let occasion = Occasion {
                stream: Some(self.0),
                now_ns,
            };
            let _ = filter.calls.start_http(host, &call, occasion, "ask");
        }
        if !filter.waiting.has_room(0, |_| 0) || !filter.calls.can_hold(self.0) {
            refuse(host, &[], None);
            return Action::Pause;
        }
        let path = header_text(host, HeaderMap::RequestHeaders, ":path").unwrap();
        filter.waiting.hold(self.0, now_ns, path);
        Action::Pause
    }

    fn on_done(&mut self, filter: &mut Asking, host: &dyn Host) {
        if let Some(path) = filter.waiting.leave(self.0) {
            filter.ends.push(format!("{path}:left"));
        }
        let lost = filter.calls.take_lost(self.0).len();
        filter.ends.extend((lost > 0).then(|| "lost".to_owned()));
        filter.calls.cancel(host, |call: &Call<_>| {
            filter.each_asks && call.occasion.stream == Some(self.0)
        });
    }
}

fn asking(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<Asking>(profile);
    proxy.configure(format!("\"{configuration}\"")).unwrap();
    proxy
}

fn ends(proxy: &mut Proxy) -> String {
    proxy.tick();
    let value = proxy.host().process().shared_data()["ends"].bytes.clone();
    String::from_utf8(value).unwrap()
}

fn respond_to_next(proxy: &mut Proxy, status: u16) {
    let token = proxy.host().pending_calls()[0].token;
    assert!(proxy.respond_to_call(token, CallResponse::http(status, "")));
}

#[test]
fn one_response_wakes_everybody_in_the_order_in_which_they_came() {
    let mut proxy = asking(Profile::Envoy, "");
    let streams = ["/1", "/2", "/3", "/4"].map(|path| proxy.start(&Request::get(path)));
    assert_eq!(proxy.host().pending_calls().len(), 1);
    let full = proxy.finish(streams[3]);
    assert_eq!(full.client().status(), Some(403), "three may wait");
    // Who leaves and comes again stands at the end.
    proxy.finish(streams[0]);
    assert_eq!(ends(&mut proxy), "/1:left");
    let again = proxy.start(&Request::get("/5"));
    respond_to_next(&mut proxy, 200);
    assert!(proxy.request_arrived(again));
    assert_eq!(ends(&mut proxy), "/2:true /3:true /5:true");
}

#[test]
fn one_callback_ends_few_and_the_next_come_at_once() {
    for status in [200, 403] {
        let mut proxy = asking(Profile::Envoy, "many");
        let path = |number: usize| format!("/{number}");
        let streams = (0..100).map(|number| proxy.start(&Request::get(&path(number))));
        let streams: Vec<_> = streams.collect();
        respond_to_next(&mut proxy, status);
        let arrived = |proxy: &Proxy, streams: &[ContextId]| {
            let arrived = streams
                .iter()
                .filter(|stream| proxy.request_arrived(**stream));
            arrived.count()
        };
        if status == 200 {
            assert_eq!(arrived(&proxy, &streams), 16);
        }
        assert_eq!(proxy.host().tick_period(), Some(Duration::from_millis(1)));
        // Who leaves meanwhile has no turn.
        proxy.finish(streams[99]);
        proxy.advance(Duration::from_millis(2));
        if status == 200 {
            assert_eq!(arrived(&proxy, &streams), 48);
        }
        proxy.advance(Duration::from_millis(20));
        assert_eq!(proxy.host().tick_period(), Some(TICK));
        for stream in &streams[..99] {
            if status == 200 {
                proxy.respond(*stream, &Response::new(200));
            }
            assert_eq!(proxy.finish(*stream).client().status(), Some(status));
        }
    }
}

/// Requests of clients, until there is no room for more of a client: how many are held then of whom.
fn held(profile: Profile, clients: &[(u64, u32)]) -> Vec<(u64, usize)> {
    let host = FakeHost::new(profile);
    let capabilities = Capabilities::probe(&host);
    let mut waiting = WaitingRequests::new(capabilities, 100, Duration::from_secs(1));
    let mut context = 0_u32;
    for (client, times) in clients {
        for _ in 0..*times {
            if waiting.has_room(*client, |of| *of) {
                context = context.saturating_add(1);
                waiting.hold(context, 0, *client);
            }
        }
    }
    let mut held: Vec<(u64, usize)> = Vec::new();
    for context in 1..=context {
        let waiter = waiting.take(&host, context).unwrap();
        if waiter.keeps_place() {
            match held
                .iter_mut()
                .find(|(client, _)| *client == waiter.request)
            {
                Some((_, count)) => *count = count.saturating_add(1),
                None => held.push((waiter.request, 1)),
            }
        }
    }
    held
}

#[test]
fn nobody_keeps_all_others_out() {
    let crowd = [(1, 200), (2, 200), (3, 200), (4, 200), (5, 3)];
    let shares = held(Profile::Envoy, &crowd);
    assert_eq!(shares.iter().map(|(_, held)| held).sum::<usize>(), 100);
    assert!(shares.contains(&(5, 3)), "{shares:?}");
    assert!(
        shares
            .iter()
            .all(|(client, held)| *client == 5 || (23..=26).contains(held)),
        "{shares:?}"
    );
    // Who is alone may have all.
    assert_eq!(held(Profile::Envoy, &[(1, 200)]), [(1, 100)]);
    // Where a call wakes its own request only, nobody can be made to go.
    assert_eq!(held(Profile::Kong, &crowd), [(1, 50), (2, 25), (3, 25)]);
}

#[test]
fn a_response_wakes_whom_it_is_about() {
    let mut waiters = ResponseWaiters::default();
    let contexts = [1, 2, 3, 4, 5];
    for (context, key) in contexts.into_iter().zip(["a", "b", "a", "b", "a"]) {
        waiters.wait_for_response(key, context);
        waiters.wait_for_response(key, context);
    }
    waiters.leave(5);
    assert_eq!(waiters.take("a"), [1, 3]);
    assert!(waiters.take("a").is_empty());
    for (context, client) in contexts.into_iter().zip([7, 7, 8, 7, 8]) {
        waiters.wait_for_call(context, client);
        waiters.wait_for_call(context, client);
    }
    assert_eq!(waiters.take_callers(|client| client == 8), [3, 5]);
    assert!(waiters.wait_for_calls());
    assert_eq!(waiters.take_callers(|_| true), [1, 2, 4]);
    assert!(!waiters.wait_for_calls());
}

#[test]
fn clients_take_turns_whoever_has_many_requests() {
    let mut waiters = ResponseWaiters::<u8>::default();
    let one_more = |waiters: &mut ResponseWaiters<u8>| {
        let mut room = 1_u32;
        let taken = waiters.take_callers(|_| std::mem::take(&mut room) > 0);
        taken.first().copied()
    };
    for context in 0..100 {
        waiters.wait_for_call(context, 7);
    }
    assert_eq!(one_more(&mut waiters), Some(0));
    assert_eq!(one_more(&mut waiters), Some(1));
    for context in [200, 201, 202] {
        waiters.wait_for_call(context, 8);
    }
    waiters.wait_for_call(300, 9);
    let taken: Vec<_> = (0..7).filter_map(|_| one_more(&mut waiters)).collect();
    assert_eq!(taken, [200, 300, 2, 201, 3, 202, 4]);
    // Who was quiet for a while has no turns in store.
    waiters.wait_for_call(203, 8);
    waiters.wait_for_call(204, 8);
    let taken: Vec<_> = (0..4).filter_map(|_| one_more(&mut waiters)).collect();
    assert_eq!(taken, [203, 5, 204, 6]);
    // New clients again and again keep nobody waiting.
    for client in 10..13 {
        waiters.wait_for_call(client + 300, client.into());
    }
    let taken: Vec<_> = (0..4).filter_map(|_| one_more(&mut waiters)).collect();
    assert_eq!(taken, [310, 311, 312, 7]);
}

#[test]
fn where_a_call_wakes_its_own_request_only_nobody_waits_for_that_of_another() {
    for profile in [Profile::Apisix, Profile::Kong] {
        let mut proxy = asking(profile, "");
        let first = proxy.start(&Request::get("/1"));
        let second = proxy.start(&Request::get("/2"));
        assert_eq!(
            proxy.finish(second).client().status(),
            Some(403),
            "{profile:?}"
        );
        respond_to_next(&mut proxy, 200);
        assert!(proxy.request_arrived(first), "{profile:?}");
        // With a call of its own each is held, and one response leaves the other one waiting.
        let mut proxy = asking(profile, "each");
        let streams = ["/1", "/2"].map(|path| proxy.start(&Request::get(path)));
        respond_to_next(&mut proxy, 200);
        assert!(proxy.request_arrived(streams[0]) && !proxy.request_arrived(streams[1]));
        respond_to_next(&mut proxy, 403);
        let refused = proxy.finish(streams[1]);
        assert_eq!(refused.client().status(), Some(403), "{profile:?}");
        assert_eq!(refused.trap, None);
    }
}

#[test]
fn a_call_ends_with_its_request_where_it_belongs_to_it() {
    let mut proxy = asking(Profile::Kong, "");
    let gone = proxy.start(&Request::get("/1"));
    proxy.finish(gone);
    assert_eq!(ends(&mut proxy), "/1:left lost");
    // There is room for another call at once.
    let next = proxy.start(&Request::get("/2"));
    respond_to_next(&mut proxy, 200);
    assert!(proxy.request_arrived(next));
    // On Envoy the response still comes, and serves who came after.
    let mut proxy = asking(Profile::Envoy, "");
    let gone = proxy.start(&Request::get("/1"));
    let stays = proxy.start(&Request::get("/2"));
    proxy.finish(gone);
    respond_to_next(&mut proxy, 200);
    assert!(proxy.request_arrived(stays));
    assert_eq!(ends(&mut proxy), "/1:left /2:true");
}

#[test]
fn a_host_that_never_responds_holds_nobody_for_ever() {
    let mut proxy = asking(Profile::Envoy, "");
    let stream = proxy.start(&Request::get("/1"));
    let token = proxy.host().pending_calls()[0].token;
    proxy.advance(Duration::from_millis(2_900));
    assert_eq!(ends(&mut proxy), "", "it may be a little late");
    proxy.advance(Duration::from_millis(200));
    assert_eq!(proxy.finish(stream).client().status(), Some(403));
    // What comes after all that is taken for the response to nothing.
    proxy.start(&Request::get("/2"));
    assert!(proxy.respond_to_call(token, CallResponse::http(200, "")));
    assert_eq!(ends(&mut proxy), "");
}

#[test]
fn no_more_calls_than_there_may_be() {
    let mut proxy = asking(Profile::Envoy, "each");
    for path in ["/1", "/2", "/3"] {
        proxy.start(&Request::get(path));
    }
    assert_eq!(proxy.host().pending_calls().len(), 2);
    respond_to_next(&mut proxy, 200);
    proxy.start(&Request::get("/4"));
    assert_eq!(proxy.host().pending_calls().len(), 2);
}

#[test]
fn no_request_waits_longer_than_it_may() {
    let mut proxy = asking(Profile::Envoy, "slow");
    let first = proxy.start(&Request::get("/1"));
    proxy.advance(Duration::from_secs(6));
    let second = proxy.start(&Request::get("/2"));
    proxy.advance(Duration::from_secs(5));
    assert_eq!(proxy.finish(first).client().status(), Some(403));
    respond_to_next(&mut proxy, 200);
    assert!(proxy.request_arrived(second));
}
