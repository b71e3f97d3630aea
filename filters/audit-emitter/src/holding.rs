//! Requests that go on when their record is acknowledged.
//!
//! Which requests wait, and for what, is decided elsewhere; here they wait, go on, or are refused.

use std::rc::Rc;
use std::time::Duration;

use host::waiting::WaitingRequests;
use host::{Action, Capabilities, ContextId, Host, LogLevel, Request, exchange, refuse};
use policy::decision::{Decision, Outcome};
use policy::filters::AUDIT_EMITTER;
use policy::mode::OnError;
use policy::refusal::Refusal;

use crate::config::{Assurance, Level, Rule};
use crate::filter::TICK_PERIOD;
use crate::outbox::BatchOutcome;
use crate::telemetry::{REJECTED_REQUESTS, Telemetry};

/// The requests of one instance that wait for their record.
pub(crate) struct Holding {
    waiting: WaitingRequests<Held>,
    on_error: OnError,
    telemetry: Rc<Telemetry>,
}

/// What is kept of a request that waits.
pub(crate) struct Held {
    /// In report mode the request goes on at once, and what would have become of it is counted.
    pub(crate) enforces: bool,
    pub(crate) request_id: Option<String>,
    pub(crate) is_grpc: bool,
    /// The collector has acknowledged its record.
    pub(crate) is_recorded: bool,
}

impl Holding {
    /// Nobody waits yet, and nobody will wait longer than `patience`.
    pub(crate) const fn new(
        capabilities: Capabilities,
        patience: Duration,
        on_error: OnError,
        telemetry: Rc<Telemetry>,
    ) -> Self {
        Self {
            // Each has a record in the queue, which is bounded.
            waiting: WaitingRequests::new(capabilities, usize::MAX, patience),
            on_error,
            telemetry,
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

    /// The client has left. In report mode the outcome of its record is counted all the same.
    pub(crate) fn leave(&mut self, context: ContextId) {
        let held = self.waiting.get_mut(context);
        if held.is_some_and(|held| held.enforces) {
            self.waiting.leave(context);
        }
    }

    /// Ends the wait of the requests whose records were in a batch, by what the collector said of it:
    /// they go on, or are refused.
    pub(crate) fn settle(&mut self, host: &dyn Host, outcome: &BatchOutcome) {
        let (records, is_recorded) = match outcome {
            BatchOutcome::Delivered(records) => (records, true),
            BatchOutcome::Rejected(records) => (records, false),
            BatchOutcome::Retried | BatchOutcome::Split(_) => return,
        };
        let ended: Vec<ContextId> = records.iter().filter_map(|record| record.waiter).collect();
        for context in &ended {
            if let Some(held) = self.waiting.get_mut(*context) {
                held.is_recorded = is_recorded;
            }
        }
        self.waiting.wake(&ended);
        self.take_turns(host);
    }

    /// At a tick: those go on that have had no turn yet, and who has waited as long as the collector has for a response
    /// is given up.
    pub(crate) fn tick(&mut self, host: &dyn Host, now_ns: u64) {
        self.waiting.wake_late(now_ns);
        self.take_turns(host);
    }

    fn take_turns(&mut self, host: &dyn Host) {
        self.waiting.begin_turns();
        while let Some(waiter) = self.waiting.next_turn(host) {
            let held = &waiter.request;
            // In report mode the stream may be long gone; what is counted does not need it.
            let goes_on = held.is_recorded || self.refuse_or_continue(host, held, NOT_ACKNOWLEDGED);
            if goes_on && held.enforces {
                let _ = waiter.resume(host);
            }
        }
        self.waiting.end_turns(host, TICK_PERIOD);
    }

    /// Refuses a request that is not on record, or returns true where it goes on all the same.
    pub(crate) fn refuse_or_continue(
        &self,
        host: &dyn Host,
        held: &Held,
        code: &'static str,
    ) -> bool {
        self.telemetry.log(host, LogLevel::Warn, || {
            "audit-emitter: the record of a request is not acknowledged".to_owned()
        });
        if self.on_error == OnError::Allow {
            let labels = [("outcome", "allowed")];
            self.telemetry.count(host, REJECTED_REQUESTS, &labels);
            return true;
        }
        self.refuse(host, held, code);
        !held.enforces
    }

    /// Refuses a request that there may be no room to record, where its rule wants it on record.
    pub(crate) fn refuse_unrecordable(
        &self,
        host: &dyn Host,
        rule: &Rule,
        request: &Request,
    ) -> Action {
        if rule.level == Level::None || rule.assurance == Assurance::BestEffort {
            return Action::Continue;
        }
        let refused = Held::of(host, rule, request);
        self.refuse(host, &refused, QUEUE_FULL);
        self.telemetry.log(host, LogLevel::Warn, || {
            "audit-emitter: its queue is full: requests are refused".to_owned()
        });
        match refused.enforces {
            true => Action::Pause,
            false => Action::Continue,
        }
    }

    /// Refuses a request that cannot be recorded, and hands the decision to the other filters; in
    /// report mode it is only counted.
    fn refuse(&self, host: &dyn Host, held: &Held, code: &'static str) {
        let outcome = if held.enforces { "refused" } else { "reported" };
        let labels = [("outcome", outcome)];
        self.telemetry.count(host, REJECTED_REQUESTS, &labels);
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
}

impl Held {
    /// What is kept of a request that falls under a rule.
    pub(crate) fn of(host: &dyn Host, rule: &Rule, request: &Request) -> Self {
        Self {
            enforces: rule.mode.enforces(),
            request_id: request.request_id(host).map(str::to_owned),
            is_grpc: request.is_grpc(host),
            is_recorded: false,
        }
    }
}

/// The reason code where the queue has no room for the record.
pub(crate) const QUEUE_FULL: &str = "audit_queue_full";
/// The reason code where no store has acknowledged the record in time.
const NOT_ACKNOWLEDGED: &str = "audit_not_acknowledged";

#[cfg(test)]
mod tests {
    use host::fake::{Profile, Proxy, Request, Response};
    use host::{Filter, Startup, Stream};
    use policy::config::Problems;

    use super::*;
    use crate::queue::{Kind, QueuedRecord};

    /// Holds every request; the tick acknowledges the records of all, or of none.
    struct Gate {
        holding: Holding,
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
                holding: Holding::new(
                    *startup.capabilities,
                    Duration::from_secs(1),
                    on_error,
                    Rc::new(Telemetry::new(Self::NAME)),
                ),
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
                let records = self.held.drain(..).map(record_of).collect();
                self.holding.settle(host, &BatchOutcome::Delivered(records));
            }
            self.holding.tick(host, host.monotonic_ns());
        }
    }

    impl Stream<Gate> for GateStream {
        fn on_request_headers(&mut self, gate: &mut Gate, host: &dyn Host, _: bool) -> Action {
            let held = Held {
                enforces: gate.enforces,
                request_id: None,
                is_grpc: false,
                is_recorded: false,
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

    /// The record of a request that waits for it.
    fn record_of(context: ContextId) -> QueuedRecord {
        QueuedRecord {
            json: String::new(),
            chain_uid: String::new(),
            sequence: 0,
            class: String::new(),
            kind: Kind::Allowed,
            status: None,
            trace: None,
            queued_ns: 0,
            time_ns: 0,
            waiter: Some(context),
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
