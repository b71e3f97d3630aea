//! The filter: one record for each request, delivered in batches.
//!
//! Records are sent from the tick only. What a stream sends in its log phase gets no answer, and
//! what a plugin sends at its end is lost or worse; at the end, records go to the proxy's log.

use std::time::Duration;

use host::exchange::{self, IdentitySource};
use host::{
    Action, AnswerSizes, Buffer, CallToken, Capabilities, ContextId, Direction, FactSources,
    Filter, HeaderMap, Host, HttpCall, LogLevel, Metrics, Request, Stream, Throttle, refuse,
};
use policy::config::Problems;
use policy::decision::{Decision, Outcome};
use policy::facts::Facts as _;
use policy::matching::{Selection, select};
use policy::mode::Mode;
use policy::refusal::Refusal;

use crate::config::{Config, Level, OnFull, Retention, Rule, Sink};
use crate::delivery::{Schedule, Verdict, verdict};
use crate::observe::{Start, observation};
use crate::otlp::export_request;
use crate::pseudonym::Pseudonymizer;
use crate::queue::{Queue, QueuedRecord};
use crate::record::{Envelope, record};
use crate::{canonical, host_log};

/// The filter in one VM.
pub struct AuditEmitter {
    config: Config,
    /// What can be believed of a request that no filter has seen yet: nothing that it says about
    /// who sends it.
    early_sources: FactSources,
    max_line_bytes: Option<usize>,
    subject: Option<Pseudonymizer>,
    /// Random, made with the first record: a host may configure more VMs than ever see traffic.
    emitter: Option<String>,
    sequence: u64,
    queue: Queue,
    schedule: Schedule,
    call: Option<Call>,
    metrics: Metrics,
    throttle: Throttle,
}

struct Call {
    token: CallToken,
    started_ns: u64,
}

impl Filter for AuditEmitter {
    const NAME: &'static str = "audit-emitter";
    type Stream = AuditedStream;

    fn configure(
        host: &dyn Host,
        capabilities: &Capabilities,
        configuration: &str,
    ) -> Result<Self, Problems> {
        let mut config = Config::parse(configuration)?;
        let subject = config.subject.as_ref().map(|subject| {
            let key = host.environment_variable(&subject.key_env);
            Pseudonymizer::from_environment(subject, key)
        });
        let subject = subject.transpose()?;
        if config.sink != Sink::HostLog {
            let ticks = capabilities.ticks() && capabilities.calls_http_from_tick();
            if ticks {
                host.set_tick_period(TICK_PERIOD).map_err(|status| {
                    Problems::whole(format!(
                        "the host refuses a tick, which sending needs: {status}"
                    ))
                })?;
            } else {
                host.log(
                    LogLevel::Warn,
                    "audit-emitter: this host has no tick and cannot send in batches: records go \
                     to its log",
                );
                config.sink = Sink::HostLog;
            }
        }
        Ok(Self {
            queue: Queue::new(config.queue),
            early_sources: FactSources {
                identity: IdentitySource::Property,
                consent: config.sources.consent.clone(),
            },
            max_line_bytes: host_log::max_line_bytes(capabilities),
            config,
            subject,
            emitter: None,
            sequence: 0,
            schedule: Schedule::default(),
            call: None,
            metrics: Metrics::new(Self::NAME),
            throttle: Throttle::default(),
        })
    }

    fn stream(&mut self, _context: ContextId) -> AuditedStream {
        AuditedStream::default()
    }

    fn on_tick(&mut self, host: &dyn Host) {
        self.send_if_due(host);
    }

    fn on_http_answer(&mut self, host: &dyn Host, token: CallToken, answer: AnswerSizes) {
        if self.call.as_ref().is_none_or(|call| call.token != token) {
            return;
        }
        self.call = None;
        let status = header_number(host, ":status").and_then(|status| u16::try_from(status).ok());
        let body = host
            .buffer(Buffer::HttpAnswerBody, 0, answer.body.min(MAX_ANSWER_BYTES))
            .unwrap_or_default();
        let retry_after_s = header_number(host, "retry-after");
        self.settle(host, verdict(status, &body), retry_after_s);
        self.send_if_due(host);
    }

    fn on_done(&mut self, host: &dyn Host) -> bool {
        let (bytes, records) = (self.queue.bytes(), self.queue.len());
        for record in self.queue.drain() {
            self.write_to_host_log(host, &record, "shutdown");
        }
        self.shift_gauges(host, bytes, records);
        true
    }
}

/// One request.
#[derive(Default)]
pub struct AuditedStream {
    start: Option<Start>,
    status: Option<u16>,
}

impl Stream<AuditEmitter> for AuditedStream {
    fn on_request_headers(
        &mut self,
        filter: &mut AuditEmitter,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let start = self.start.insert(Start::capture(host));
        if filter.config.on_full == OnFull::Reject && filter.queue.is_nearly_full() {
            return filter.refuse_unrecordable(host, &start.request);
        }
        Action::Continue
    }

    fn on_response_headers(
        &mut self,
        _filter: &mut AuditEmitter,
        host: &dyn Host,
        _end_of_stream: bool,
    ) -> Action {
        let status = host
            .header(HeaderMap::ResponseHeaders, ":status")
            .ok()
            .flatten();
        self.status = status
            .and_then(|status| String::from_utf8(status).ok())
            .and_then(|status| status.parse().ok());
        Action::Continue
    }

    fn on_log(&mut self, filter: &mut AuditEmitter, host: &dyn Host) {
        filter.take_down(host, self.start.as_ref(), self.status);
    }
}

impl AuditEmitter {
    /// What is done with a request, by all that is known of it by now.
    fn plan(&self, host: &dyn Host, request: &Request, sources: &FactSources) -> Plan {
        let facts = request.facts(host, sources, Direction::Request);
        match select(self.config.rules.iter().map(|rule| &rule.matches), &facts) {
            Selection::Rule(index) => self
                .config
                .rules
                .get(index)
                .map_or_else(Plan::default, Plan::of),
            // What no rule can be found for is recorded.
            _ => Plan::default(),
        }
    }

    /// A request that there may be no room to record. Nobody has verified the caller yet, so this
    /// looks at a copy of the request: what is asked of it now is remembered, and would still be
    /// the answer when the record is made.
    fn refuse_unrecordable(&self, host: &dyn Host, request: &Request) -> Action {
        let plan = self.plan(host, &Request::capture(host), &self.early_sources);
        if plan.level == Level::None {
            return Action::Continue;
        }
        let enforces = self.config.mode.and(plan.mode).enforces();
        let outcome = if enforces { "refused" } else { "reported" };
        self.metrics
            .count(host, "rejected_requests_total", &[("outcome", outcome)]);
        let refusal = Refusal::new(
            503,
            "audit_queue_full",
            "The request cannot be recorded at the moment.",
        )
        .header("retry-after", "1");
        let decision = Decision::new(Self::NAME, Outcome::Denied)
            .reason(refusal.code)
            .report_only(!enforces);
        exchange::append_decision(host, decision);
        self.throttle.log(host, LogLevel::Warn, || {
            format!("audit-emitter: {outcome} a request because its queue is full")
        });
        if !enforces {
            return Action::Continue;
        }
        let id = request.request_id(host);
        refuse::send(host, &refusal, Self::NAME, id, request.is_grpc());
        Action::Pause
    }

    fn take_down(&mut self, host: &dyn Host, start: Option<&Start>, status: Option<u16>) {
        let sources = &self.config.sources;
        let Plan {
            level, retention, ..
        } = start
            .map(|start| self.plan(host, &start.request, sources))
            .unwrap_or_default();
        let mut observed = observation(host, start, status);
        let denied = observed.was_stopped();
        // A refusal is always worth a record: who probes a gateway starts where nobody looks.
        let level = if denied {
            level.max(Level::Metadata)
        } else {
            level
        };
        if level == Level::None {
            return;
        }
        if let Some(start) = start {
            let facts = start.request.facts(host, sources, Direction::Request);
            observed.identity = facts.identity().cloned();
            observed.opted_out = facts.consent().opted_out();
            observed.purposes = facts
                .consent()
                .purposes()
                .map(|purposes| purposes.iter().cloned().collect());
        }
        self.sequence = self.sequence.saturating_add(1);
        let envelope = Envelope {
            emitter: self.emitter.get_or_insert_with(|| emitter_id(host)),
            sequence: self.sequence,
            level,
            retention: &retention,
            subject: self.subject.as_ref(),
        };
        let queued = QueuedRecord {
            json: canonical::to_string(&record(&observed, &envelope)),
            uid: envelope.uid(),
            class: retention.class.clone(),
            denied,
            status: observed.status,
            trace: observed.trace.take().map(Box::new),
            queued_ns: host.monotonic_ns(),
            time_ns: observed.time_ms.saturating_mul(1_000_000),
        };
        let decision = if denied { "denied" } else { "allowed" };
        let labels = [("class", retention.class.as_str()), ("decision", decision)];
        self.metrics.count(host, "records_total", &labels);
        self.deliver(host, queued);
    }

    fn deliver(&mut self, host: &dyn Host, record: QueuedRecord) {
        if self.config.sink == Sink::HostLog {
            self.write_lines(host, &record);
            return;
        }
        let (bytes, records) = (self.queue.bytes(), self.queue.len());
        match self.queue.push(record) {
            Ok(()) => self.shift_gauges(host, bytes, records),
            Err(record) if self.config.on_full == OnFull::Drop => {
                drop(record);
                self.metrics
                    .count(host, "lost_total", &[("reason", "queue_full")]);
                self.throttle.log(host, LogLevel::Error, || {
                    "audit-emitter: lost a record because its queue is full".to_owned()
                });
            }
            Err(record) => self.write_to_host_log(host, &record, "queue_full"),
        }
    }

    fn send_if_due(&mut self, host: &dyn Host) {
        let Sink::OtlpHttp {
            upstream,
            path,
            authority,
            timeout,
        } = &self.config.sink
        else {
            return;
        };
        let now_ns = host.monotonic_ns();
        if let Some(call) = &self.call {
            // A host that never answers must not end all sending.
            let patience_ns = nanoseconds(*timeout).saturating_add(nanoseconds(PATIENCE));
            if now_ns.saturating_sub(call.started_ns) < patience_ns {
                return;
            }
            self.call = None;
            self.queue.retry_batch();
        }
        let full_batch = self.queue.len() >= self.config.batch_max_records;
        let max_delay_ns = nanoseconds(self.config.batch_max_delay);
        let due = self.queue.oldest_ns().is_some_and(|oldest_ns| {
            self.schedule
                .is_due(now_ns, oldest_ns, full_batch, max_delay_ns)
        });
        if !due {
            return;
        }
        let batch = self
            .queue
            .start_batch(self.config.batch_max_records, MAX_BATCH_BYTES);
        let Some(batch) = batch else { return };
        let body = export_request(&batch, host.wall_clock_ns());
        let started = host.http_call(&HttpCall {
            upstream,
            headers: &[
                (":method", "POST"),
                (":path", path),
                (":authority", authority),
                ("content-type", "application/json"),
            ],
            body: body.as_bytes(),
            timeout: *timeout,
        });
        match started {
            Ok(token) => {
                self.call = Some(Call {
                    token,
                    started_ns: now_ns,
                });
            }
            // No such cluster, no endpoint: the collector may come yet.
            Err(_) => self.settle(host, Verdict::Retry, None),
        }
    }

    fn settle(&mut self, host: &dyn Host, verdict: Verdict, retry_after_s: Option<u64>) {
        let (bytes, records) = (self.queue.bytes(), self.queue.len());
        let result = match verdict {
            Verdict::Delivered => {
                self.queue.finish_batch();
                self.schedule.settled();
                "delivered"
            }
            Verdict::Retry => {
                self.queue.retry_batch();
                let mut random = [0; 4];
                let _ = host.random(&mut random);
                let now_ns = host.monotonic_ns();
                self.schedule
                    .failed(now_ns, retry_after_s, u32::from_le_bytes(random));
                self.throttle.log(host, LogLevel::Warn, || {
                    format!("audit-emitter: the collector does not answer; {records} records wait")
                });
                "retried"
            }
            // Which records it is that the collector does not want, it does not say: all are
            // written down here.
            Verdict::PartlyRejected { .. } | Verdict::Rejected => {
                for record in self.queue.finish_batch() {
                    self.write_to_host_log(host, &record, "rejected");
                }
                self.schedule.settled();
                self.throttle.log(host, LogLevel::Error, || {
                    "audit-emitter: the collector rejects records; they are in this log".to_owned()
                });
                "rejected"
            }
        };
        self.metrics
            .count(host, "batches_total", &[("result", result)]);
        self.shift_gauges(host, bytes, records);
    }

    fn write_lines(&self, host: &dyn Host, record: &QueuedRecord) {
        for line in host_log::lines(record, self.max_line_bytes) {
            host.log(RECORD_LEVEL, &line);
        }
    }

    fn write_to_host_log(&self, host: &dyn Host, record: &QueuedRecord, reason: &str) {
        self.write_lines(host, record);
        self.metrics
            .count(host, "spilled_total", &[("reason", reason)]);
    }

    fn shift_gauges(&self, host: &dyn Host, bytes_before: usize, records_before: usize) {
        let change = |now: usize, before: usize| {
            let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            signed(now).saturating_sub(signed(before))
        };
        for (name, now, before) in [
            ("queue_bytes", self.queue.bytes(), bytes_before),
            ("queue_records", self.queue.len(), records_before),
        ] {
            if now != before {
                self.metrics.shift(host, name, &[], change(now, before));
            }
        }
    }
}

/// What is done with a request.
#[derive(Debug)]
struct Plan {
    level: Level,
    retention: Retention,
    mode: Mode,
}

impl Plan {
    fn of(rule: &Rule) -> Self {
        Self {
            level: rule.level,
            retention: rule.retention.clone(),
            mode: rule.mode,
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            level: Level::Metadata,
            retention: Retention::default(),
            mode: Mode::Enforce,
        }
    }
}

/// 96 random bits. Without a random source the clocks tell emitters apart: two with one id would
/// look like one that forges its numbers.
fn emitter_id(host: &dyn Host) -> String {
    let mut bytes = [0; 12];
    if host.random(&mut bytes).is_err() {
        let clocks = host.wall_clock_ns().to_le_bytes().into_iter();
        let clocks = clocks.chain(host.monotonic_ns().to_le_bytes());
        for (byte, clock) in bytes.iter_mut().zip(clocks) {
            *byte = clock;
        }
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn header_number(host: &dyn Host, name: &str) -> Option<u64> {
    let value = host.header(HeaderMap::HttpAnswerHeaders, name).ok()??;
    std::str::from_utf8(&value).ok()?.trim().parse().ok()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

const TICK_PERIOD: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_BATCH_BYTES: usize = 512 * 1024;
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Above every level that an operator would silence.
const RECORD_LEVEL: LogLevel = LogLevel::Critical;
