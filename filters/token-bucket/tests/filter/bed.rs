//! A proxy with the filter, and what goes through it.

use host::ContextId;
use host::fake::{Outcome, PendingCall, Process, Profile, Proxy, Request, Response};
use token_bucket::TokenBucket;

/// A proxy of its own.
pub(crate) fn proxy(profile: Profile, configuration: &str) -> Proxy {
    let mut proxy = Proxy::native::<TokenBucket>(profile);
    proxy.configure(configuration).unwrap();
    proxy
}

/// One more worker of a process.
pub(crate) fn worker(process: &Process, configuration: &str) -> Proxy {
    let mut worker = Proxy::native_worker::<TokenBucket>(process);
    worker.configure(configuration).unwrap();
    worker
}

/// One limit of one request an hour for each address, and more of its settings.
pub(crate) fn limit(rest: &str) -> String {
    format!(r#"{{"limits":[{{"name":"l","key":["ip"],{rest}}}]}}"#)
}

/// A request of a client with this address.
pub(crate) fn from(address: &str) -> Request {
    Request::get("/")
        .attribute(&["source", "address"], format!("{address}:4711"))
        .attribute(&["remote_addr"], address)
}

/// Takes a request through to its end.
pub(crate) fn run(proxy: &mut Proxy, request: &Request) -> Outcome {
    let outcome = proxy.run(request, &Response::json("{}"));
    assert_eq!(outcome.trap, None);
    outcome
}

/// The status that the client gets.
pub(crate) fn status(proxy: &mut Proxy, request: &Request) -> u16 {
    run(proxy, request).client().status().unwrap()
}

/// How many of so many such requests pass.
pub(crate) fn passed(proxy: &mut Proxy, count: usize, request: impl Fn(usize) -> Request) -> usize {
    (0..count)
        .filter(|number| status(proxy, &request(*number)) == 200)
        .count()
}

/// Ends a request that has begun: the upstream answers if it gets there.
pub(crate) fn finish(proxy: &mut Proxy, stream: ContextId) -> Outcome {
    if proxy.request_arrived(stream) {
        proxy.respond(stream, &Response::json("{}"));
    }
    let outcome = proxy.finish(stream);
    assert_eq!(outcome.trap, None);
    outcome
}

/// The only call to a rate limit service that is under way.
pub(crate) fn only_call(proxy: &Proxy) -> PendingCall {
    let mut calls = proxy.host().pending_calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0)
}

/// How many requests a limit has decided about in this way.
pub(crate) fn counted(proxy: &Proxy, limit: &str, outcome: &str) -> i64 {
    let name = "meshward.token-bucket.requests_total";
    proxy
        .host()
        .metric(&format!("{name};limit={limit};outcome={outcome}"))
}
