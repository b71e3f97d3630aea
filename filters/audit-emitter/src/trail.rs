//! The trail of one instance: each record gets its place in a chain and goes where the configuration
//! wants it, or where it is safe when it cannot go there; the chain says which it was.
//!
//! Records are sent from the tick, and for a request that waits for its record also at once: what a
//! stream sends in its log phase gets no response.

use std::rc::Rc;
use std::time::Duration;

use audit::Hash;
use audit::canonical::Writer;
use audit::keys::SigningKey;
use host::{CallToken, ContextId, Host, HostKind, LogLevel, Moment, ResponseSizes, Startup};

use crate::chains::{Chains, Origin};
use crate::config::{Assurance, Config, Level, OnFull, Retention, Rule, Witness};
use crate::destination::Destination;
use crate::handover::Parcel;
use crate::host_log::HostLog;
use crate::outbox::{BatchOutcome, Outbox};
use crate::pseudonym::Pseudonymizer;
use crate::queue::{Kind, Priority, Queue, QueuedRecord};
use crate::random::Random;
use crate::record::Observation;
use crate::recorder::Recorder;
use crate::secrets::Secrets;
use crate::sender::Sender;
use crate::telemetry::{
    CHAINS_OPENED, CHECKPOINTS, LOST, RecordMetrics, SAMPLED_OUT, SPILLED, Telemetry,
};
use crate::witness::WitnessQueue;

/// The records of one instance.
pub(crate) struct Trail {
    config: Rc<Config>,
    recorder: Recorder,
    sender: Sender,
    host_log: HostLog,
    telemetry: Rc<Telemetry>,
    metrics: RecordMetrics,
    /// The host lets a request go on whenever its record is acknowledged.
    holds_requests: bool,
}

impl Trail {
    /// A trail without records. Says in the log of the host what its records will lack.
    pub(crate) fn new(
        startup: &Startup<'_>,
        config: Rc<Config>,
        secrets: Secrets,
        mut random: Random,
        has_ticks: bool,
        telemetry: Rc<Telemetry>,
    ) -> Self {
        let (host, capabilities) = (startup.host, startup.capabilities);
        let is_sent = !config.sink.is_host_log();
        let holds_requests = capabilities.kind() == HostKind::Envoy && is_sent;
        if config.is_synchronous() && is_sent && !holds_requests {
            host.log(
                LogLevel::Warn,
                "audit-emitter: this host cannot hold a request until a batch is acknowledged: what \
                 is synchronous goes to its log first",
            );
        }
        let emitter: [u8; 12] = random.bytes(host);
        if secrets.signing_key.is_none() {
            host.log(
                LogLevel::Warn,
                "audit-emitter: chain.signing_key_env is not set: records are chained but not \
                 signed, so whoever can write to the store can write another history",
            );
        }
        let log_key = secrets.signing_key.as_ref().map(SigningKey::log_key);
        let origin = Origin {
            emitter: policy::hex::encode(&emitter),
            node: node_id(host),
            config_sha256: Hash::configuration(startup.of_plugin),
            previous_config_sha256: None,
            heartbeat_ms: milliseconds(config.chain.heartbeat),
            pseudonym_key: secrets
                .subject
                .as_ref()
                .map(Pseudonymizer::key_check)
                .unwrap_or_default(),
            key: secrets.signing_key,
        };
        let witness = config.chain.witness.as_ref().and_then(Witness::http);
        let witness = witness.filter(|_| is_sent).map(|sink| {
            WitnessQueue::new(Destination {
                sink: sink.clone(),
                credentials: secrets.witness_headers,
            })
        });
        let outbox = Outbox::new(&config, secrets.sink_headers);
        Self {
            recorder: Recorder::new(origin, random, secrets.subject, Rc::clone(&config)),
            sender: Sender::new(*capabilities, outbox, witness, Rc::clone(&telemetry)),
            host_log: HostLog::new(capabilities, log_key),
            metrics: RecordMetrics::new(Rc::clone(&telemetry), has_ticks),
            telemetry,
            holds_requests,
            config,
        }
    }

    /// The chains that records are appended to.
    pub(crate) const fn chains(&mut self) -> &mut Chains {
        &mut self.recorder.chains
    }

    /// The random id of the instance.
    pub(crate) fn emitter(&self) -> &str {
        self.recorder.chains.emitter()
    }

    /// Records that wait until a collector has acknowledged them.
    pub(crate) const fn queue(&self) -> &Queue {
        self.sender.queue()
    }

    /// How long the collector has for a response.
    pub(crate) fn timeout(&self) -> Duration {
        self.sender.outbox().timeout()
    }

    /// Whether a request can wait until its record is acknowledged.
    pub(crate) const fn holds_requests(&self) -> bool {
        self.holds_requests
    }

    /// Whether a request that falls under this rule is among those to be recorded: by a number that
    /// no client has a hand in, for one that were made from its trace could be chosen so that nothing
    /// is recorded. The chain counts those that are not.
    pub(crate) fn samples(&mut self, host: &dyn Host, rule: &Rule) -> bool {
        if rule.sample.takes(self.recorder.random.number(host)) {
            return true;
        }
        let class = &rule.retention.class;
        self.recorder.chains.note_sampled_out(class);
        let labels = [("class", class.as_str())];
        self.telemetry.count(host, SAMPLED_OUT, &labels);
        false
    }

    /// Makes the record of a request and sends it on its way; `received` is the request that waits
    /// for it. Returns false when the record is lost.
    pub(crate) fn append(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        observed: &Observation,
        rule: &Rule,
        level: Level,
        received: Option<ContextId>,
    ) -> bool {
        let class = &rule.retention.class;
        self.open_chain(host, now, &rule.retention);
        let stopped = observed.was_stopped();
        let best_effort = rule.assurance == Assurance::BestEffort && !stopped;
        let priority = match (rule.assurance, stopped) {
            (_, true) => Priority::High,
            (Assurance::BestEffort, _) => Priority::Low,
            _ => Priority::Normal,
        };
        let goes_elsewhere = received.is_some() && !self.holds_requests
            || self.config.on_full != OnFull::Drop
                && !best_effort
                && !self.queue().has_room(TYPICAL_BYTES, priority);
        if goes_elsewhere && !self.config.sink.is_host_log() {
            let signed = self.recorder.chains.sign_before_gap(class, now.into());
            self.put_control(host, now, signed.into_iter().collect());
        }
        let composed = self
            .recorder
            .compose(host, now, observed, rule, level, received);
        let Some((writer, record)) = composed else {
            return false;
        };
        self.metrics.count(host, &record);
        let is_sealed = self.seal(host, now, writer, record, priority, best_effort);
        if is_sealed {
            let disclosed = observed.disclosed();
            self.recorder.chains.note_disclosed(class, &disclosed);
        }
        is_sealed
    }

    /// Gives a record its place in the chain and puts it where it belongs; false when it is lost.
    fn seal(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        writer: Writer,
        record: QueuedRecord,
        priority: Priority,
        best_effort: bool,
    ) -> bool {
        let bytes = record.bytes().saturating_add(writer.sealed_bytes());
        let drops = best_effort || self.config.on_full == OnFull::Drop;
        let spills = record.waiter.is_some() && !self.holds_requests;
        let to_log = spills || self.config.sink.is_host_log();
        if !to_log && drops && !self.queue().has_room(bytes, priority) {
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
        if spills && !self.config.sink.is_host_log() {
            self.spill(host, now, &record, "synchronous");
        } else {
            self.put(host, now, record, priority);
        }
        true
    }

    /// Puts a sealed record where the configuration wants it.
    fn put(&mut self, host: &dyn Host, now: &Moment<'_>, record: QueuedRecord, priority: Priority) {
        if self.config.sink.is_host_log() {
            self.host_log.write(host, &record);
        } else if let Err(record) = self.sender.push(record, priority) {
            self.spill(host, now, &record, "queue_full");
        }
    }

    /// Writes a record to the proxy's log because it cannot go where the others go; the chain says
    /// that it is there.
    fn spill(&mut self, host: &dyn Host, now: &Moment<'_>, record: &QueuedRecord, reason: &str) {
        self.host_log.write(host, record);
        self.telemetry.count(host, SPILLED, &[("reason", reason)]);
        // One that was taken over may be of a class of which there was no request yet.
        let config = Rc::clone(&self.config);
        let rules = config.rules.iter().chain([&config.default_rule]);
        let mut known = rules.map(|rule| &rule.retention);
        let known = known.find(|known| known.class == record.class);
        let retention = known.cloned().unwrap_or_else(|| Retention {
            class: record.class.clone(),
            ..Retention::default()
        });
        self.open_chain(host, now, &retention);
        self.recorder.chains.note_kept(record, reason, now.into());
    }

    fn put_control(&mut self, host: &dyn Host, now: &Moment<'_>, records: Vec<QueuedRecord>) {
        for record in records {
            self.show_witness(host, &record);
            self.put(host, now, record, Priority::Control);
        }
    }

    /// Lets the witness have what is signed.
    fn show_witness(&mut self, host: &dyn Host, record: &QueuedRecord) {
        if !self.recorder.chains.is_signed() || !record.json.contains(r#""signature":""#) {
            return;
        }
        self.telemetry.count(host, CHECKPOINTS, &[]);
        if !self.sender.push_to_witness(host, record)
            && self.config.chain.witness == Some(Witness::HostLog)
            && !self.config.sink.is_host_log()
        {
            self.host_log.write(host, record);
        }
    }

    fn open_chain(&mut self, host: &dyn Host, now: &Moment<'_>, retention: &Retention) {
        if self.recorder.chains.chain(&retention.class).is_some() {
            return;
        }
        let records = self.recorder.open(host, now, retention);
        self.telemetry.count(host, CHAINS_OPENED, &[]);
        self.put_control(host, now, records);
    }

    /// At a tick, or after a request where the host has none: says what the chains have to say, and
    /// sends what has waited long enough.
    pub(crate) fn tick(&mut self, host: &dyn Host, now: &Moment<'_>) {
        if self.config.sink.is_host_log() {
            self.emit_due_checkpoints(host, now, HOST_LOG_CHECKPOINTS);
        } else {
            self.send_if_due(host, now);
        }
    }

    /// Tells the host what was counted, and how full the queue is.
    pub(crate) fn report(&mut self, host: &dyn Host, now: &Moment<'_>) {
        self.metrics.report(host, now, self.sender.queue());
    }

    /// Gaps, checkpoints and heartbeats that are due.
    fn emit_due_checkpoints(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        at_least_every: Duration,
    ) {
        let every = self.config.chain.checkpoint_every.max(at_least_every);
        let to_log = self.config.sink.is_host_log();
        let (queue, mut bytes) = (self.sender.queue(), 0_usize);
        let admit = |more: usize| {
            bytes = bytes.saturating_add(more);
            to_log || queue.has_room(bytes, Priority::Control)
        };
        let records = self
            .recorder
            .chains
            .due(nanoseconds(every), now.into(), admit);
        self.put_control(host, now, records);
    }

    /// Sends what has waited long enough.
    pub(crate) fn send_if_due(&mut self, host: &dyn Host, now: &Moment<'_>) {
        if !self.sender.outbox().sends() {
            return;
        }
        self.sender.begin_tick(host, now, &mut self.recorder.random);
        let now_ns = now.monotonic_ns();
        // Nothing waits to be sent: whatever the chains have to say by themselves.
        if self.sender.outbox().is_idle(now_ns) {
            self.emit_due_checkpoints(host, now, self.config.batch.max_delay);
        }
        if self.sender.outbox().is_due(now_ns) {
            self.send(host, now);
        }
    }

    /// Sends the batches that are due.
    pub(crate) fn send(&mut self, host: &dyn Host, now: &Moment<'_>) {
        if !self.sender.outbox().can_send(now.monotonic_ns()) {
            return;
        }
        if !self.queue().has_undelivered() {
            // The checkpoint goes with the records that it covers.
            self.emit_due_checkpoints(host, now, Duration::ZERO);
        }
        let Recorder { chains, random, .. } = &mut self.recorder;
        self.sender.send(host, now, chains.emitter(), random);
    }

    /// The response to a call. Returns the outcome of its batch, or `None` if it was for no batch.
    pub(crate) fn settle(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        token: CallToken,
        sizes: ResponseSizes,
    ) -> Option<BatchOutcome> {
        let random = &mut self.recorder.random;
        let outcome = self.sender.settle(host, now, token, sizes, random)?;
        match &outcome {
            BatchOutcome::Delivered(_) => self.recorder.chains.note_delivered(),
            BatchOutcome::Rejected(records) => {
                for record in records {
                    self.spill(host, now, record, "rejected");
                }
                self.telemetry.log(host, LogLevel::Error, || {
                    "audit-emitter: the collector rejects records; they are in this log".to_owned()
                });
            }
            BatchOutcome::Retried | BatchOutcome::Split(_) => {}
        }
        Some(outcome)
    }

    /// Takes over what an instance before this one has left.
    pub(crate) fn adopt(&mut self, host: &dyn Host, now: &Moment<'_>, parcel: Parcel) {
        for (class, head) in parcel.heads {
            self.recorder.chains.inherit(class, head);
        }
        for record in parcel.records {
            let priority = match record.kind {
                Kind::Control => {
                    self.show_witness(host, &record);
                    Priority::Control
                }
                Kind::Allowed | Kind::Denied => Priority::High,
            };
            let queued_ns = now.monotonic_ns();
            let record = QueuedRecord {
                queued_ns,
                ..record
            };
            self.put(host, now, record, priority);
        }
    }

    /// Closes the chains. What nobody has acknowledged is whoever's that comes after.
    pub(crate) fn close(&mut self, host: &dyn Host, now: &Moment<'_>, reason: &str) -> Parcel {
        let closing = self.recorder.chains.close(reason, now.into());
        let heads = self.recorder.chains.heads();
        let mut records = self.sender.drain();
        records.extend(closing);
        self.report(host, now);
        Parcel { records, heads }
    }

    /// Writes the last records to the proxy's log, where nobody comes after.
    pub(crate) fn write_last(&self, host: &dyn Host, records: &[QueuedRecord]) {
        for record in records {
            self.host_log.write(host, record);
            if !self.config.sink.is_host_log() {
                self.telemetry
                    .count(host, SPILLED, &[("reason", "shutdown")]);
            }
        }
    }
}

fn node_id(host: &dyn Host) -> Option<String> {
    let id = host.property(&["xds", "node", "id"]).ok()?;
    let id = String::from_utf8(id).ok().filter(|id| !id.is_empty())?;
    Some(id.chars().take(255).collect())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a record takes, more or less.
const TYPICAL_BYTES: usize = 2048;
/// In a log there are no batches to be covered by one each.
const HOST_LOG_CHECKPOINTS: Duration = Duration::from_secs(10);
