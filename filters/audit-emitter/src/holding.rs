//! Requests that go on when their record is acknowledged.
//!
//! Which requests wait, and for what, is decided elsewhere; here they wait, go on, or are refused.

use std::time::Duration;

use host::waiting::WaitingRequests;
use host::{Capabilities, ContextId, Host, LogLevel, exchange, refuse};
use policy::decision::{Decision, Outcome};
use policy::filters::AUDIT_EMITTER;
use policy::mode::OnError;
use policy::refusal::Refusal;

use crate::telemetry::{REJECTED_REQUESTS, Telemetry};

/// The requests of one instance that wait for their record.
pub(crate) struct Holding {
    waiting: WaitingRequests<Held>,
    on_error: OnError,
}

/// What is kept of a request that waits.
pub(crate) struct Held {
    /// In report mode the request goes on at once, and what would have become of it is counted.
    pub(crate) enforces: bool,
    pub(crate) request_id: Option<String>,
    pub(crate) is_grpc: bool,
}

impl Holding {
    /// Nobody waits yet, and nobody will wait longer than `patience`.
    pub(crate) const fn new(
        capabilities: Capabilities,
        patience: Duration,
        on_error: OnError,
    ) -> Self {
        Self {
            // Each has a record in the queue, which is bounded.
            waiting: WaitingRequests::new(capabilities, usize::MAX, patience),
            on_error,
        }
    }

    /// The request waits from now on.
    pub(crate) fn hold(&mut self, context: ContextId, now_ns: u64, held: Held) {
        self.waiting.hold(context, now_ns, held);
    }

    /// Whether the request still waits.
    pub(crate) fn holds(&self, context: ContextId) -> bool {
        self.waiting.contains(context)
    }

    /// The client has left. In report mode what becomes of its record is counted all the same.
    pub(crate) fn leave(&mut self, context: ContextId) {
        let held = self.waiting.get_mut(context);
        if held.is_some_and(|held| held.enforces) {
            self.waiting.leave(context);
        }
    }

    /// The record was acknowledged: the request goes on.
    pub(crate) fn release(&mut self, host: &dyn Host, context: ContextId) {
        if let Some(waiter) = self.waiting.take(host, context)
            && waiter.request.enforces
        {
            let _ = waiter.resume(host);
        }
    }

    /// The record was not acknowledged.
    pub(crate) fn give_up(
        &mut self,
        host: &dyn Host,
        telemetry: &Telemetry,
        context: ContextId,
        code: &'static str,
    ) {
        let Some(waiter) = self.waiting.take(host, context) else {
            return;
        };
        // In report mode the stream may be long gone; what is counted does not need it.
        let goes_on = self.refuse_or_continue(host, telemetry, &waiter.request, code);
        if goes_on && waiter.request.enforces {
            let _ = waiter.resume(host);
        }
    }

    /// Gives up the requests that have waited as long as the collector has for a response.
    pub(crate) fn give_up_late(&mut self, host: &dyn Host, telemetry: &Telemetry, now_ns: u64) {
        for context in self.waiting.late(now_ns) {
            self.give_up(host, telemetry, context, "audit_not_acknowledged");
        }
    }

    /// Refuses a request that is not on record, or returns true where it goes on all the same.
    pub(crate) fn refuse_or_continue(
        &self,
        host: &dyn Host,
        telemetry: &Telemetry,
        held: &Held,
        code: &'static str,
    ) -> bool {
        telemetry.log(host, LogLevel::Warn, || {
            "audit-emitter: the record of a request is not acknowledged".to_owned()
        });
        if self.on_error == OnError::Allow {
            let labels = [("outcome", "allowed")];
            telemetry.count(host, REJECTED_REQUESTS, &labels);
            return true;
        }
        refuse_unrecorded(host, telemetry, held, code);
        !held.enforces
    }
}

/// Refuses a request that cannot be recorded; in report mode it is only counted. The other filters are
/// told.
pub(crate) fn refuse_unrecorded(
    host: &dyn Host,
    telemetry: &Telemetry,
    held: &Held,
    code: &'static str,
) {
    let outcome = if held.enforces { "refused" } else { "reported" };
    telemetry.count(host, REJECTED_REQUESTS, &[("outcome", outcome)]);
    let decision = Decision::new(AUDIT_EMITTER, Outcome::Denied)
        .reason(code)
        .report_only(!held.enforces);
    exchange::append_decision(host, decision);
    if held.enforces {
        let refusal = Refusal::new(503, code, "The request cannot be recorded at the moment.")
            .header("retry-after", "1");
        let id = held.request_id.as_deref();
        refuse::send(host, &refusal, AUDIT_EMITTER, id, held.is_grpc);
    }
}

#[cfg(test)]
mod tests {
    use host::fake::{Profile, Proxy, Request, Response};
    use host::{Action, Filter, Startup, Stream};
    use policy::config::Problems;

    use super::*;

    /// Holds every request; the tick acknowledges the records of all, or of none.
    struct Gate {
        holding: Holding,
        telemetry: Telemetry,
        enforces: bool,
        acknowledges: bool,
        held: Vec<ContextId>,
    }

    struct GateStream(ContextId);

    impl Filter for Gate {
        const NAME: &'static str = "gate";
        type Stream = GateStream;

        fn configure(startup: &Startup<'_>) -> Result<Self, Problems> {
            let says = |word: &str| startup.configuration.contains(word);
            let on_error = if says("allow") {
                OnError::Allow
            } else {
                OnError::Deny
            };
            let period = Duration::from_millis(100);
            startup.host.set_tick_period(period).unwrap();
            Ok(Self {
                holding: Holding::new(*startup.capabilities, Duration::from_secs(1), on_error),
                telemetry: Telemetry::new(Self::NAME, true),
                enforces: !says("report"),
                acknowledges: says("acknowledged"),
                held: Vec::new(),
            })
        }

        fn stream(&mut self, context: ContextId) -> GateStream {
            GateStream(context)
        }

        fn on_tick(&mut self, host: &dyn Host) {
            if self.acknowledges {
                for context in self.held.drain(..) {
                    self.holding.release(host, context);
                }
            }
            let now_ns = host.monotonic_ns();
            self.holding.give_up_late(host, &self.telemetry, now_ns);
        }
    }

    impl Stream<Gate> for GateStream {
        fn on_request_headers(&mut self, gate: &mut Gate, host: &dyn Host, _: bool) -> Action {
            let held = Held {
                enforces: gate.enforces,
                request_id: None,
                is_grpc: false,
            };
            gate.holding.hold(self.0, host.monotonic_ns(), held);
            gate.held.push(self.0);
            if gate.enforces {
                Action::Pause
            } else {
                Action::Continue
            }
        }

        fn on_done(&mut self, gate: &mut Gate, _: &dyn Host) {
            gate.holding.leave(self.0);
        }
    }

    /// What the client gets, and how requests that could not be recorded are counted.
    fn outcome(words: &str) -> (Option<u16>, Vec<(&'static str, i64)>) {
        let mut proxy = Proxy::native::<Gate>(Profile::Envoy);
        proxy.configure(format!("[\"{words}\"]")).unwrap();
        let request = Request::get("/");
        let stream = proxy.start(&request);
        proxy.send(stream, &request);
        proxy.advance(Duration::from_secs(5));
        if proxy.request_arrived(stream) {
            proxy.respond(stream, &Response::new(200));
        }
        let status = proxy.finish(stream).client().status();
        let count = |outcome: &'static str| {
            let name = format!("meshward.gate.{REJECTED_REQUESTS};outcome={outcome}");
            let count = proxy
                .host()
                .metrics()
                .get(&name)
                .map_or(0, |metric| metric.value);
            (count > 0).then_some((outcome, count))
        };
        let counts = ["refused", "reported", "allowed"];
        (status, counts.into_iter().filter_map(count).collect())
    }

    #[test]
    fn a_request_goes_on_with_its_record_or_as_configured_without_it() {
        for (words, expected) in [
            ("acknowledged", (Some(200), vec![])),
            ("silence", (Some(503), vec![("refused", 1)])),
            ("silence, allow", (Some(200), vec![("allowed", 1)])),
            ("silence, report", (Some(200), vec![("reported", 1)])),
            ("acknowledged, report", (Some(200), vec![])),
        ] {
            assert_eq!(outcome(words), expected, "{words}");
        }
    }
}
