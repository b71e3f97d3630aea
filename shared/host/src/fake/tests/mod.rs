//! Tests of the fake host: that it answers as the hosts answer, row by row.

mod adapted;
mod flow;
mod host_calls;
mod rows;
mod waiting;

use super::{FakeHost, Process, Profile, Proxy};
use crate::{Action, CallToken, ContextId, Host, LocalResponse, Plugin, ResponseSizes};

/// A callback as a scripted plugin sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    VmStart,
    Configure,
    Tick,
    RequestHeaders {
        end: bool,
    },
    RequestBody {
        size: usize,
        end: bool,
    },
    RequestTrailers,
    ResponseHeaders {
        end: bool,
    },
    ResponseBody {
        size: usize,
        end: bool,
    },
    ResponseTrailers,
    HttpCallResponse {
        token: CallToken,
        sizes: ResponseSizes,
    },
    GrpcReceive(Result<usize, u32>),
    Done,
    Log,
    Delete,
}

/// A plugin whose callbacks are one closure.
struct Scripted<S> {
    host: FakeHost,
    script: S,
}

impl<S: FnMut(&FakeHost, ContextId, Event) -> Action> Scripted<S> {
    fn event(&mut self, context: ContextId, event: Event) -> Action {
        (self.script)(&self.host, context, event)
    }
}

impl<S: FnMut(&FakeHost, ContextId, Event) -> Action> Plugin for Scripted<S> {
    fn context_create(&mut self, _: ContextId, _: ContextId) {}

    fn vm_start(&mut self, root: ContextId) -> bool {
        self.event(root, Event::VmStart);
        true
    }

    fn configure(&mut self, root: ContextId, _: usize) -> bool {
        self.event(root, Event::Configure) == Action::Continue
    }

    fn tick(&mut self, root: ContextId) {
        self.event(root, Event::Tick);
    }

    fn request_headers(&mut self, context: ContextId, end: bool) -> Action {
        self.event(context, Event::RequestHeaders { end })
    }

    fn request_body(&mut self, context: ContextId, size: usize, end: bool) -> Action {
        self.event(context, Event::RequestBody { size, end })
    }

    fn request_trailers(&mut self, context: ContextId) -> Action {
        self.event(context, Event::RequestTrailers)
    }

    fn response_headers(&mut self, context: ContextId, end: bool) -> Action {
        self.event(context, Event::ResponseHeaders { end })
    }

    fn response_body(&mut self, context: ContextId, size: usize, end: bool) -> Action {
        self.event(context, Event::ResponseBody { size, end })
    }

    fn response_trailers(&mut self, context: ContextId) -> Action {
        self.event(context, Event::ResponseTrailers)
    }

    fn http_call_response(&mut self, context: ContextId, token: CallToken, sizes: ResponseSizes) {
        self.event(context, Event::HttpCallResponse { token, sizes });
    }

    fn grpc_receive(&mut self, context: ContextId, _: CallToken, result: Result<usize, u32>) {
        self.event(context, Event::GrpcReceive(result));
    }

    fn done(&mut self, context: ContextId) -> bool {
        self.event(context, Event::Done) == Action::Continue
    }

    fn log(&mut self, context: ContextId) {
        self.event(context, Event::Log);
    }

    fn delete(&mut self, context: ContextId) {
        self.event(context, Event::Delete);
    }
}

/// A configured proxy around a script.
fn proxy(
    profile: Profile,
    script: impl FnMut(&FakeHost, ContextId, Event) -> Action + 'static,
) -> Proxy {
    worker(&Process::new(profile), script)
}

fn worker(
    process: &Process,
    script: impl FnMut(&FakeHost, ContextId, Event) -> Action + 'static,
) -> Proxy {
    let host = FakeHost::in_process(process);
    let plugin = Scripted {
        host: host.clone(),
        script,
    };
    let mut proxy = Proxy::new(host, Box::new(plugin));
    proxy.configure("{}").unwrap();
    proxy
}

/// Responds in the place of the upstream.
fn refuse(host: &dyn Host, headers: &[(&str, &str)], grpc_status: Option<u32>) {
    let response = LocalResponse {
        status: 403,
        headers,
        body: b"no",
        grpc_status,
        details: "test_no",
    };
    host.send_local_response(&response).unwrap();
}
