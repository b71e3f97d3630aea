//! Requests that go on when their record is acknowledged.

use host::{Action, ContextId, Filter as _, Host, LogLevel, Moment, Request, refuse};
use policy::mode::OnError;
use policy::refusal::Refusal;

use super::AuditEmitter;
use crate::config::{Assurance, Config, Level};
use crate::observe::Start;
use crate::telemetry::REJECTED_REQUESTS;

/// What is kept of a request that waits.
pub(super) struct Held {
    /// In report mode the request goes on at once, and what would have become of it is counted.
    pub(super) enforces: bool,
    request_id: Option<String>,
    is_grpc: bool,
}

impl AuditEmitter {
    /// Writes down that a request was received, and holds it until that is acknowledged, where its
    /// rule wants that.
    pub(super) fn hold(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        context: ContextId,
        config: &Config,
        start: &Start,
        early: &Request,
    ) -> Action {
        let rule = Self::rule_for(host, config, early);
        if rule.assurance != Assurance::Synchronous || rule.level == Level::None {
            return Action::Continue;
        }
        let (level, enforces) = (rule.level, rule.mode.enforces());
        let observed = start.received(host, level, self.recorder.fields());
        let written = self.append_record(host, now, &observed, rule, level, Some(context));
        if !self.abilities.holds {
            // It is in the log already.
            return Action::Continue;
        }
        let held = Held {
            enforces,
            request_id: start.request.request_id(host).map(str::to_owned),
            is_grpc: start.request.is_grpc(host),
        };
        if !written || !self.outbox.queue().holds_for(context) {
            // It was lost, or is in the proxy's log: nobody will acknowledge it.
            return if self.refuse_or_continue(host, &held, "audit_queue_full") {
                Action::Continue
            } else {
                Action::Pause
            };
        }
        self.held.hold(context, now.monotonic_ns(), held);
        self.send(host, now);
        if enforces && self.held.contains(context) {
            Action::Pause
        } else {
            Action::Continue
        }
    }

    /// The record was acknowledged: the request goes on.
    pub(super) fn release(&mut self, host: &dyn Host, context: ContextId) {
        if let Some(waiter) = self.held.take(host, context)
            && waiter.request.enforces
        {
            let _ = waiter.resume(host);
        }
    }

    /// Its record was not acknowledged.
    pub(super) fn give_up(&mut self, host: &dyn Host, context: ContextId, code: &'static str) {
        let Some(waiter) = self.held.take(host, context) else {
            return;
        };
        // In report mode the stream may be long gone; what is counted does not need it.
        if self.refuse_or_continue(host, &waiter.request, code) && waiter.request.enforces {
            let _ = waiter.resume(host);
        }
    }

    /// Requests that have waited as long as the collector has for a response.
    pub(super) fn give_up_holding(&mut self, host: &dyn Host, now: &Moment<'_>) {
        for context in self.held.late(now.monotonic_ns()) {
            self.give_up(host, context, "audit_not_acknowledged");
        }
    }

    /// Refuses a request that is not on record, or returns true where it goes on all the same.
    fn refuse_or_continue(&self, host: &dyn Host, held: &Held, code: &'static str) -> bool {
        self.telemetry.log(host, LogLevel::Warn, || {
            "audit-emitter: the record of a request is not acknowledged".to_owned()
        });
        if self.config.on_error == OnError::Allow {
            let labels = [("outcome", "allowed")];
            self.telemetry.count(host, REJECTED_REQUESTS, &labels);
            return true;
        }
        let refusal = || {
            Refusal::new(503, code, "The request cannot be recorded at the moment.")
                .header("retry-after", "1")
        };
        self.refuse(host, refusal(), held.enforces);
        if held.enforces {
            let id = held.request_id.as_deref();
            refuse::send(host, &refusal(), Self::NAME, id, held.is_grpc);
        }
        !held.enforces
    }
}
