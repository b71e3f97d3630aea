//! A proxy around one plugin: contexts, configuration, ticks, and the responses to calls.

use std::time::Duration;

use super::HeaderPairs;
use super::exchange::Outcome;
use super::state::Phase;
use super::stream::Stream;
use super::{AnyCall, FakeHost, LogLine, PendingCall, Process, Profile, Request, Response};
use crate::{CallToken, ContextId, Direction, Dispatcher, Filter, Plugin, ResponseSizes};

/// Drives a [`Plugin`] as the proxy of a [`FakeHost`] would.
///
/// [`Proxy::run`] takes a whole exchange through; the steps (`start`, `send_chunk`, `respond`,
/// `respond_to_call`, `finish` ...) let several streams go on side by side.
pub struct Proxy {
    pub(super) host: FakeHost,
    plugin: Box<dyn Plugin>,
    responder: Option<Box<Responder>>,
    root: Option<ContextId>,
    retiring: Vec<ContextId>,
    last_context: ContextId,
    /// The numbers of streams that are gone, which APISIX gives to others.
    unused: Vec<ContextId>,
    started: bool,
    next_tick: Option<Duration>,
    /// Whoever drives it turns local replies into responses.
    pub(super) leaves_replies: bool,
}

type Responder = dyn FnMut(&PendingCall) -> Option<CallResponse>;

/// A configuration that the plugin refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What it wrote to the log.
    pub logs: Vec<LogLine>,
    /// Why it trapped, if it did.
    pub trap: Option<String>,
}

impl Refused {
    /// The log lines, joined by line ends.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<_> = self.logs.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }
}

/// What comes back from a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CallResponse {
    /// A response to an HTTP call.
    Http {
        headers: HeaderPairs,
        body: Vec<u8>,
        trailers: HeaderPairs,
    },
    /// The call failed and there is nothing: a reset.
    Nothing,
    /// The message of a gRPC response.
    GrpcMessage(Vec<u8>),
    /// The grpc-status of a failed gRPC call.
    GrpcStatus(u32),
}

impl CallResponse {
    /// An HTTP response without further headers.
    #[must_use]
    pub fn http(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Http {
            headers: vec![(b":status".to_vec(), status.to_string().into_bytes())],
            body: body.into(),
            trailers: HeaderPairs::new(),
        }
    }

    /// What Envoy makes of an upstream that does not respond in time.
    #[must_use]
    pub fn timeout() -> Self {
        Self::http(504, "upstream request timeout")
    }
}

impl Proxy {
    /// A proxy whose plugin talks to `host`.
    #[must_use]
    pub fn new(host: FakeHost, plugin: Box<dyn Plugin>) -> Self {
        Self {
            host,
            plugin,
            responder: None,
            root: None,
            retiring: Vec::new(),
            last_context: 0,
            unused: Vec::new(),
            started: false,
            next_tick: None,
            leaves_replies: false,
        }
    }

    /// A proxy around a filter that is compiled into the test.
    #[must_use]
    pub fn native<F: Filter>(profile: Profile) -> Self {
        Self::native_worker::<F>(&Process::new(profile))
    }

    /// One more worker of `process`, with a VM of its own.
    #[must_use]
    pub fn native_worker<F: Filter>(process: &Process) -> Self {
        let host = FakeHost::in_process(process);
        let plugin = Dispatcher::<F, _>::new(host.clone());
        Self::new(host, Box::new(plugin))
    }

    /// The host, to set it up and to look at it.
    #[must_use]
    pub const fn host(&self) -> &FakeHost {
        &self.host
    }

    /// The root context of the configuration in force.
    #[must_use]
    pub const fn root(&self) -> Option<ContextId> {
        self.root
    }

    /// Responds to every call as soon as it is started, where `responder` gives a response.
    pub fn respond_to_calls(
        &mut self,
        responder: impl FnMut(&PendingCall) -> Option<CallResponse> + 'static,
    ) {
        self.responder = Some(Box::new(responder));
    }

    /// Loads a configuration. A second one replaces the first as Envoy replaces it: in a new root
    /// context, and the old one ends when the new one is accepted.
    ///
    /// # Errors
    /// The plugin refused it; the configuration before, if there was one, stays in force.
    pub fn configure(&mut self, configuration: impl AsRef<[u8]>) -> Result<(), Refused> {
        let configuration = configuration.as_ref();
        let before = self.host.logs().len();
        let root = self.next_context();
        let mut state = self.host.state.borrow_mut();
        state.plugin_configuration = configuration.to_vec();
        state.roots.push(root);
        drop(state);
        self.call(root, Phase::None, |plugin| plugin.context_create(root, 0));
        let starts = self.host.profile() != Profile::Apisix;
        if !std::mem::replace(&mut self.started, true) && starts {
            self.call(root, Phase::Configure, |plugin| plugin.vm_start(root));
        }
        let size = configuration.len();
        let accepted = self.call(root, Phase::Configure, |plugin| {
            plugin.configure(root, size)
        });
        if accepted != Some(true) {
            self.host
                .state
                .borrow_mut()
                .roots
                .retain(|known| *known != root);
            let logs = self.host.logs().split_off(before);
            let trap = self.host.trap();
            return Err(Refused { logs, trap });
        }
        let old = self.root.replace(root);
        self.plan_tick();
        self.settle();
        if let Some(old) = old {
            self.retire(old);
        }
        Ok(())
    }

    /// Ends the configuration in force. `false` when the plugin wants to be waited for.
    pub fn shut_down(&mut self) -> bool {
        if let Some(root) = self.root.take() {
            self.retire(root);
            self.settle();
        }
        self.retiring.is_empty()
    }

    /// Lets time pass, with the ticks that are due. A long time has the first of them, and one at its end, as if the
    /// process had been stopped: a century of seconds would take hours.
    pub fn advance(&mut self, by: Duration) {
        let process = self.host.process().clone();
        let end = process.monotonic().saturating_add(by);
        let mut ticks = 0_u32;
        while let Some(due) = self.next_tick.filter(|due| *due <= end) {
            let due = if ticks < MOST_TICKS { due } else { end };
            process.advance(due.saturating_sub(process.monotonic()));
            self.tick();
            ticks = ticks.saturating_add(1);
        }
        process.advance(end.saturating_sub(process.monotonic()));
    }

    /// Ticks now, and again after the period.
    pub fn tick(&mut self) {
        let roots = self.host.state.borrow().roots.clone();
        self.next_tick = None;
        for root in roots {
            self.call(root, Phase::Tick, |plugin| plugin.tick(root));
        }
        self.plan_tick();
        self.settle();
    }

    /// Responds to a call. `false` when nobody waits for it any more: the plugin hears nothing then.
    pub fn respond_to_call(&mut self, token: CallToken, response: CallResponse) -> bool {
        let pending = self.host.state.borrow_mut().calls.remove(&token);
        let Some(pending) = pending else {
            return false;
        };
        self.deliver(&pending, response);
        self.settle();
        true
    }

    /// Responds to a call that was never made, as no proxy should.
    pub fn respond_to_unknown(&mut self, token: CallToken, response: CallResponse) {
        let unknown = PendingCall {
            token,
            context: self.root.unwrap_or(0),
            stream: None,
            upstream: Vec::new(),
            call: AnyCall::Http {
                headers: HeaderPairs::new(),
                body: Vec::new(),
                trailers: HeaderPairs::new(),
            },
            timeout: Duration::ZERO,
        };
        self.deliver(&unknown, response);
        self.settle();
    }

    /// Takes a whole exchange through: the request, then the response if the request arrived at
    /// the upstream, then the log.
    pub fn run(&mut self, request: &Request, response: &Response) -> Outcome {
        self.run_patiently(request, response, Duration::ZERO)
    }

    /// As [`Proxy::run`], for a client that waits so long while his request is held.
    pub fn run_patiently(
        &mut self,
        request: &Request,
        response: &Response,
        patience: Duration,
    ) -> Outcome {
        const STEP: Duration = Duration::from_secs(1);
        let before = self.host.logs().len();
        let stream = self.start(request);
        self.send(stream, request);
        let mut left = patience;
        while !left.is_zero() && self.is_held(stream) {
            self.advance(STEP);
            left = left.saturating_sub(STEP);
        }
        if self.request_arrived(stream) {
            self.respond(stream, response);
        }
        let mut outcome = self.finish(stream);
        outcome.logs = self.host.logs().split_off(before);
        outcome
    }

    /// Ends a stream: the client has its response, or has left.
    pub fn finish(&mut self, stream: ContextId) -> Outcome {
        let before = self.host.logs().len();
        let profile = self.host.profile();
        self.end_contexts(stream);
        let mut state = self.host.state.borrow_mut();
        let ended = state.streams.remove(&stream);
        // A call of a request dies with it; on Envoy it is the root's.
        if profile.is_nginx() {
            state.calls.retain(|_, call| call.stream != Some(stream));
        }
        drop(state);
        if profile == Profile::Apisix && ended.is_some() {
            self.unused.push(stream);
        }
        let ended = ended.unwrap_or_else(|| Stream::new(0, Default::default(), Default::default()));
        let logs = self.host.logs().split_off(before);
        let outcome = Outcome::of(&ended, logs, self.host.trap());
        self.settle();
        outcome
    }

    fn end_contexts(&mut self, stream: ContextId) {
        let set_logging = |host: &FakeHost, logging| {
            if let Some(stream) = host.state.borrow_mut().streams.get_mut(&stream) {
                stream.logging = logging;
            }
        };
        let profile = self.host.profile();
        if profile == Profile::Envoy {
            set_logging(&self.host, true);
            self.call(stream, Phase::Log, |plugin| plugin.log(stream));
            set_logging(&self.host, false);
        }
        // APISIX has let go of the request by then.
        let at_hand = if profile == Profile::Apisix {
            0
        } else {
            stream
        };
        self.call(at_hand, Phase::Done, |plugin| plugin.done(stream));
        if profile == Profile::Kong {
            self.call(stream, Phase::Log, |plugin| plugin.log(stream));
        }
        self.call(stream, Phase::None, |plugin| plugin.delete(stream));
    }

    fn retire(&mut self, root: ContextId) {
        self.host.state.borrow_mut().done_called = false;
        if self.call(root, Phase::Done, |plugin| plugin.done(root)) == Some(false) {
            self.retiring.push(root);
        } else {
            self.delete_root(root);
        }
    }

    fn delete_root(&mut self, root: ContextId) {
        self.call(root, Phase::None, |plugin| plugin.delete(root));
        let mut state = self.host.state.borrow_mut();
        state.roots.retain(|known| *known != root);
        state.calls.retain(|_, call| call.context != root);
    }

    fn deliver(&mut self, call: &PendingCall, response: CallResponse) {
        let (context, token) = (call.context, call.token);
        let at_hand = match self.host.profile() {
            Profile::Envoy => context,
            // The request that has made it is the one at hand, whatever the plugin is told.
            Profile::Apisix | Profile::Kong => call.stream.unwrap_or(context),
        };
        let (headers, body) = {
            let mut state = self.host.state.borrow_mut();
            let shown = &mut state.call_response;
            match &response {
                CallResponse::Http {
                    headers,
                    body,
                    trailers,
                } => {
                    shown.headers = Some(headers.clone());
                    shown.body = Some(body.clone());
                    shown.trailers = Some(trailers.clone());
                    (headers.len(), body.len())
                }
                CallResponse::GrpcMessage(message) => {
                    shown.grpc_message = Some(message.clone());
                    (0, 0)
                }
                CallResponse::Nothing | CallResponse::GrpcStatus(_) => (0, 0),
            }
        };
        self.call(at_hand, Phase::CallResponse, |plugin| match response {
            CallResponse::Http { .. } | CallResponse::Nothing => {
                plugin.http_call_response(context, token, ResponseSizes { headers, body });
            }
            CallResponse::GrpcMessage(message) => {
                plugin.grpc_receive(context, token, Ok(message.len()));
            }
            CallResponse::GrpcStatus(status) => plugin.grpc_receive(context, token, Err(status)),
        });
        self.host.state.borrow_mut().call_response = Default::default();
        if let Some(stream) = call.stream {
            self.after_response(stream);
        }
    }

    /// On nginx hosts the response to the last call of a request lets it go on.
    fn after_response(&mut self, stream: ContextId) {
        if self.host.profile() == Profile::Envoy {
            return;
        }
        let mut state = self.host.state.borrow_mut();
        let waits = state.calls.values().any(|call| call.stream == Some(stream));
        if let Some(stream) = state.streams.get_mut(&stream)
            && !waits
        {
            stream.flow_mut(Direction::Request).resume = true;
        }
    }

    fn plan_tick(&mut self) {
        if std::mem::take(&mut self.host.state.borrow_mut().tick_begins_anew) {
            self.next_tick = None;
        }
        if self.next_tick.is_none()
            && let Some(period) = self.host.tick_period()
        {
            let now = self.host.process().monotonic();
            self.next_tick = Some(now.saturating_add(period));
        }
        if self.host.tick_period().is_none() {
            self.next_tick = None;
        }
    }

    /// On APISIX a call under way wins over a local response.
    fn drop_replies_beside_calls(&self) {
        if self.host.profile() != Profile::Apisix {
            return;
        }
        let mut state = self.host.state.borrow_mut();
        let waiting: Vec<_> = state
            .calls
            .values()
            .filter_map(|call| call.stream)
            .collect();
        for stream in waiting {
            if let Some(stream) = state.streams.get_mut(&stream)
                && !stream.replied
            {
                stream.local_reply = None;
            }
        }
    }

    pub(super) fn next_stream(&mut self) -> ContextId {
        self.unused.pop().unwrap_or_else(|| self.next_context())
    }

    fn next_context(&mut self) -> ContextId {
        self.last_context = self.last_context.saturating_add(1);
        self.last_context
    }

    /// Runs one callback. A plugin that has trapped is not called any more.
    pub(super) fn call<T>(
        &mut self,
        context: ContextId,
        phase: Phase,
        callback: impl FnOnce(&mut dyn Plugin) -> T,
    ) -> Option<T> {
        if self.host.trap().is_some() {
            return None;
        }
        let enter = |context, phase| {
            let mut state = self.host.state.borrow_mut();
            state.effective = context;
            state.phase = phase;
        };
        enter(context, phase);
        let returned = callback(self.plugin.as_mut());
        enter(0, Phase::None);
        self.drop_replies_beside_calls();
        self.host.trap().is_none().then_some(returned)
    }

    /// Does what the last callback has asked for: resumed streams, local replies, calls with a
    /// ready response, ended roots.
    pub(super) fn settle(&mut self) {
        loop {
            if self.settle_streams() {
                continue;
            }
            let done_called = self.host.state.borrow().done_called;
            if done_called && let Some(root) = self.retiring.pop() {
                self.delete_root(root);
                continue;
            }
            let Some((token, response)) = self.ready_response() else {
                break;
            };
            let pending = self.host.state.borrow_mut().calls.remove(&token);
            if let Some(pending) = pending {
                self.deliver(&pending, response);
            }
        }
        self.plan_tick();
    }

    fn ready_response(&mut self) -> Option<(CallToken, CallResponse)> {
        let responder = self.responder.as_mut()?;
        let pending = self.host.pending_calls();
        pending
            .iter()
            .find_map(|call| responder(call).map(|response| (call.token, response)))
    }
}

/// Of one pause: a day of ticks each second.
const MOST_TICKS: u32 = 90_000;
