//! Which requests wait until their record is acknowledged.

use host::{Action, ContextId, Host, Moment, Request};

use super::AuditEmitter;
use crate::config::{Assurance, Level};
use crate::holding::Held;
use crate::observe::Start;

impl AuditEmitter {
    /// Writes down that a request was received, and holds it until that is acknowledged, where its
    /// rule wants that.
    pub(super) fn hold(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        context: ContextId,
        start: &Start,
        early: &Request,
    ) -> Action {
        let index = self.rule_for(host, early);
        let rule = self.config.rule(index);
        if rule.assurance != Assurance::Synchronous || rule.level == Level::None {
            return Action::Continue;
        }
        let (level, enforces) = (rule.level, rule.mode.enforces());
        let mut observed = start.received(
            host,
            level,
            self.recorder.fields(),
            &self.config.sources.consent,
        );
        observed.data_subjects = start.data_subjects(host, &rule.data_subject, None, false);
        let written = self.append_record(host, now, &observed, index, level, Some(context));
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
            return if self.holding.refuse_or_continue(
                host,
                &self.telemetry,
                &held,
                "audit_queue_full",
            ) {
                Action::Continue
            } else {
                Action::Pause
            };
        }
        self.holding.hold(context, now.monotonic_ns(), held);
        self.send(host, now);
        if enforces && self.holding.holds(context) {
            Action::Pause
        } else {
            Action::Continue
        }
    }
}
