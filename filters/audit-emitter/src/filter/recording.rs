//! From a request to a record with a place in a chain.

use std::time::Duration;

use audit::canonical::Writer;
use host::{Action, Direction, Filter as _, Host, LogLevel, Moment, Request};
use policy::explain::{self, Step};
use policy::facts::Facts as _;
use policy::matching::candidates;

use super::{AuditEmitter, HOST_LOG_CHECKPOINTS, nanoseconds};
use crate::config::{Assurance, Config, Level, OnFull, Rule, Sink, Witness};
use crate::holding::{Held, refuse_unrecorded};
use crate::observe::{Start, decided, observe_end, observe_request, observe_sizes, peer};
use crate::queue::{Priority, QueuedRecord};
use crate::record::{ConsentDetail, Observation};
use crate::telemetry::{
    CHAINS_OPENED, CHECKPOINTS, CONSENT_UNREADABLE, LOST, SAMPLED_OUT, SPILLED, WITNESS_LOST,
};

impl AuditEmitter {
    /// The rule that a request falls under, by all that is known of it by now: the first that
    /// matches. Where servers may read the request in more than one way, nobody gets out of a record
    /// by that: of all rules that it may fall under, the one that records most counts.
    pub(super) fn rule_for<'c>(host: &dyn Host, config: &'c Config, request: &Request) -> &'c Rule {
        let facts = request.facts(host, Direction::Request);
        explain::note(|| Step::Choosing {
            filter: Self::NAME,
            about: "request",
        });
        let (rules, or_default) = candidates(config.rules.iter().map(|rule| &rule.matches), &facts);
        let rules = rules
            .into_iter()
            .map(Some)
            .chain(or_default.then_some(None));
        let records = |index: &Option<usize>| {
            let rule = config.rule(*index);
            (rule.level, rule.assurance)
        };
        // The last of equals, so the first of them in order.
        config.rule(rules.rev().max_by_key(records).flatten())
    }

    /// A request that there may be no room to record, as far as it can be believed before anybody
    /// has verified who sends it.
    pub(super) fn refuse_unrecordable(
        &self,
        host: &dyn Host,
        config: &Config,
        request: &Request,
    ) -> Action {
        let rule = Self::rule_for(host, config, request);
        if rule.level == Level::None || rule.assurance == Assurance::BestEffort {
            return Action::Continue;
        }
        let refused = Held {
            enforces: rule.mode.enforces(),
            request_id: request.request_id(host).map(str::to_owned),
            is_grpc: request.is_grpc(host),
        };
        refuse_unrecorded(host, &self.telemetry, &refused, "audit_queue_full");
        self.telemetry.log(host, LogLevel::Warn, || {
            "audit-emitter: its queue is full: requests are refused".to_owned()
        });
        match refused.enforces {
            true => Action::Pause,
            false => Action::Continue,
        }
    }

    /// The request is complete: writes it down.
    pub(super) fn record_request(
        &mut self,
        host: &dyn Host,
        config: &Config,
        start: Option<&Start>,
    ) {
        let now = &Moment::of(host);
        let rule = match start {
            Some(start) => Self::rule_for(host, config, &start.request),
            None => &config.default_rule,
        };
        let mut observed = decided(host, start, &self.config.sources);
        observed.is_isolated = self.abilities.is_isolated && observed.decisions.is_empty();
        let stopped = observed.was_stopped();
        // A refusal is always worth a record: who probes a gateway starts where nobody looks.
        let level = if stopped {
            rule.level.max(Level::Metadata)
        } else {
            rule.level
        };
        if level == Level::None {
            return;
        }
        observe_end(host, start, &mut observed);
        // By a number that no client has a hand in: one that were made from its trace could be
        // chosen so that nothing is recorded.
        if !rule.sample.is_all() && !observed.failed() {
            let class = rule.retention.class.clone();
            let sample = rule.sample;
            let random = self.recorder.random_number(host);
            if !sample.takes(random) {
                self.recorder.chains.note_sampled_out(&class);
                let labels = [("class", class.as_str())];
                self.telemetry.count(host, SAMPLED_OUT, &labels);
                return;
            }
        }
        observe_request(host, now, start, &self.config.sources, &mut observed);
        if let Some(start) = start {
            let facts = start.request.facts(host, Direction::Request);
            let consent = facts.consent();
            observed.opted_out = consent.opted_out();
            observed.consent_unreadable = consent.is_unreadable();
            observed.consent = ConsentDetail::of(consent, self.consent_policy.as_ref());
            let wanted = observed.decisions.iter().find(|d| !d.purposes.is_empty());
            if let Some(wanted) = wanted {
                observed.consent.required = wanted.purposes.clone();
            }
            for signal in consent.signals().iter().filter(|one| !one.is_readable()) {
                let labels = [("source", signal.source())];
                self.telemetry.count(host, CONSENT_UNREADABLE, &labels);
            }
            observed.purposes = consent
                .purposes()
                .map(|purposes| purposes.into_iter().map(str::to_owned).collect());
            start.detail(
                host,
                &mut observed,
                level,
                self.recorder.fields(),
                &self.config.sources.consent,
            );
            let sources = &rule.data_subject;
            observed.data_subjects =
                start.data_subjects(host, sources, observed.identity.as_deref(), true);
        }
        if level >= Level::Full {
            observe_sizes(host, &mut observed);
        }
        if observed.identity.is_none() {
            observed.peer = peer(host);
        }
        self.append_record(host, now, &observed, rule, level, None);
        if !self.abilities.ticks {
            self.emit_due_checkpoints(host, now, HOST_LOG_CHECKPOINTS);
        }
    }

    /// Makes the record and sends it on its way; `received` is the request that waits for it.
    pub(super) fn append_record(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        observed: &Observation,
        rule: &Rule,
        level: Level,
        received: Option<host::ContextId>,
    ) -> bool {
        let class = rule.retention.class.clone();
        self.open_chain(host, now, &class);
        let stopped = observed.was_stopped();
        let assurance = rule.assurance;
        let best_effort = assurance == Assurance::BestEffort && !stopped;
        let priority = match (assurance, stopped) {
            (_, true) => Priority::High,
            (Assurance::BestEffort, _) => Priority::Low,
            _ => Priority::Normal,
        };
        let goes_elsewhere = received.is_some() && !self.abilities.holds
            || self.config.on_full != OnFull::Drop
                && !best_effort
                && !self.outbox.queue().has_room(TYPICAL_BYTES, priority);
        if goes_elsewhere && self.config.sink != Sink::HostLog {
            let signed = self.recorder.chains.sign_before_gap(&class, now.into());
            self.deliver_control(host, now, signed.into_iter().collect());
        }
        let composed = self
            .recorder
            .compose(host, now, observed, rule, level, received);
        let Some((writer, record)) = composed else {
            return false;
        };
        self.telemetry.count_record(host, &record);
        self.deliver(host, now, writer, record, priority, best_effort)
    }

    /// Gives a record its place in the chain and puts it where it belongs; false when it is lost.
    fn deliver(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        writer: Writer,
        record: QueuedRecord,
        priority: Priority,
        best_effort: bool,
    ) -> bool {
        let bytes = record.bytes().saturating_add(writer.sealed_bytes());
        let has_room = self.outbox.queue().has_room(bytes, priority);
        let drops = best_effort || self.config.on_full == OnFull::Drop;
        let at_once = record.waiter.is_some() && !self.abilities.holds;
        let to_log = at_once || self.config.sink == Sink::HostLog;
        if !to_log && !has_room && drops {
            self.recorder
                .chains
                .note_lost(&record.class, "queue_full", now.into());
            self.telemetry
                .count(host, LOST, &[("reason", "queue_full")]);
            self.telemetry.log(host, LogLevel::Error, || {
                "audit-emitter: lost a record because its queue is full".to_owned()
            });
            return false;
        }
        let Some(sealed) = self.recorder.chains.seal(&record.class, writer) else {
            return false;
        };
        let record = QueuedRecord {
            json: sealed.text,
            sequence: sealed.sequence,
            ..record
        };
        if self.config.sink == Sink::HostLog {
            self.host_log.write(host, &record);
        } else if at_once {
            self.write_to_host_log(host, now, &record, "synchronous");
        } else if let Err(record) = self.outbox.push(record, priority) {
            self.write_to_host_log(host, now, &record, "queue_full");
        }
        true
    }

    fn open_chain(&mut self, host: &dyn Host, now: &Moment<'_>, class: &str) {
        if self.recorder.chains.chain(class).is_some() {
            return;
        }
        self.join(host, now);
        let uid = self.recorder.chain_uid(host);
        let records = self.recorder.chains.open(class, uid, now.into());
        self.telemetry.count(host, CHAINS_OPENED, &[]);
        self.deliver_control(host, now, records);
    }

    /// Gaps, checkpoints and heartbeats that are due.
    pub(super) fn emit_due_checkpoints(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        at_least_every: Duration,
    ) {
        let every = self.config.chain.checkpoint_every.max(at_least_every);
        let to_log = self.config.sink == Sink::HostLog;
        let (queue, mut bytes) = (self.outbox.queue(), 0_usize);
        let admit = |more: usize| {
            bytes = bytes.saturating_add(more);
            to_log || queue.has_room(bytes, Priority::Control)
        };
        let records = self
            .recorder
            .chains
            .due(nanoseconds(every), now.into(), admit);
        self.deliver_control(host, now, records);
    }

    fn deliver_control(&mut self, host: &dyn Host, now: &Moment<'_>, records: Vec<QueuedRecord>) {
        for record in records {
            self.send_to_witness(host, &record);
            if self.config.sink == Sink::HostLog {
                self.host_log.write(host, &record);
            } else if let Err(record) = self.outbox.push(record, Priority::Control) {
                self.write_to_host_log(host, now, &record, "queue_full");
            }
        }
    }

    /// Lets the witness have what is signed.
    pub(super) fn send_to_witness(&mut self, host: &dyn Host, record: &QueuedRecord) {
        if !self.recorder.chains.is_signed() || !record.json.contains(r#""signature":""#) {
            return;
        }
        self.telemetry.count(host, CHECKPOINTS, &[]);
        if let Some(witness) = &mut self.witness {
            let dropped = witness.push(&record.json);
            if dropped > 0 {
                self.telemetry.add(host, WITNESS_LOST, &[], dropped);
            }
        } else if self.config.chain.witness == Some(Witness::HostLog)
            && self.config.sink != Sink::HostLog
        {
            self.host_log.write(host, record);
        }
    }

    /// Where records go that cannot go where the others go; the chain says that they are there.
    pub(super) fn write_to_host_log(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        record: &QueuedRecord,
        reason: &str,
    ) {
        self.host_log.write(host, record);
        self.telemetry.count(host, SPILLED, &[("reason", reason)]);
        // One that was taken over may be of a class of which there was no request yet.
        self.open_chain(host, now, &record.class);
        self.recorder.chains.note_kept(record, reason, now.into());
    }
}

/// What a record takes, more or less.
const TYPICAL_BYTES: usize = 2048;
