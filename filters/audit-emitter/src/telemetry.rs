//! What the filter tells about itself: metrics, and lines of the log that do not flood it.

use std::rc::Rc;

use host::{Counter, Host, LogLevel, Metrics, Moment, Throttle};
use policy::ordered_map::OrderedMap;

use crate::queue::{Kind, Queue, QueuedRecord};

/// The metrics and the log of one instance, for all its parts.
pub(crate) struct Telemetry {
    filter: &'static str,
    metrics: Metrics,
    throttle: Throttle,
}

impl Telemetry {
    pub(crate) fn new(filter: &'static str) -> Self {
        Self {
            filter,
            metrics: Metrics::new(filter),
            throttle: Throttle::default(),
        }
    }

    pub(crate) fn count(&self, host: &dyn Host, name: &'static str, labels: &[(&str, &str)]) {
        self.metrics.count(host, name, labels);
    }

    pub(crate) fn add(
        &self,
        host: &dyn Host,
        name: &'static str,
        labels: &[(&str, &str)],
        more: u64,
    ) {
        self.metrics.add(host, name, labels, more);
    }

    /// How long a batch took from being sent to its response.
    pub(crate) fn record_flush(&self, host: &dyn Host, took_ms: u64) {
        self.metrics.record(host, FLUSH_DURATION, &[], took_ms);
    }

    /// Writes a line, unless there were many like it just now.
    pub(crate) fn log(&self, host: &dyn Host, level: LogLevel, line: impl FnOnce() -> String) {
        self.throttle.log(host, level, line);
    }
}

/// What is said of records and of the queue that they wait in: counted here, told to the host once a
/// tick.
pub(crate) struct RecordMetrics {
    telemetry: Rc<Telemetry>,
    /// Records of requests that were denied, by class, which are counted with every request.
    denied: OrderedMap<String, Counter>,
    /// Those of all other requests.
    allowed: OrderedMap<String, Counter>,
    reported: Gauges,
    /// There is no tick at which counters could be handed to the host.
    flushes_at_once: bool,
}

/// What this instance has added to the gauges that all share.
#[derive(Clone, Copy, Debug, Default)]
struct Gauges {
    bytes: usize,
    records: usize,
    oldest_s: usize,
}

impl RecordMetrics {
    pub(crate) fn new(telemetry: Rc<Telemetry>, ticks: bool) -> Self {
        Self {
            telemetry,
            denied: OrderedMap::new(),
            allowed: OrderedMap::new(),
            reported: Gauges::default(),
            flushes_at_once: !ticks,
        }
    }

    /// Counts the record of a request.
    pub(crate) fn count(&mut self, host: &dyn Host, record: &QueuedRecord) {
        let (decision, counters) = match record.kind {
            Kind::Denied => ("denied", &mut self.denied),
            Kind::Allowed | Kind::Control => ("allowed", &mut self.allowed),
        };
        if !counters.contains_key(&record.class) {
            let labels = [("class", record.class.as_str()), ("decision", decision)];
            let counter = Counter::new(self.telemetry.filter, RECORDS, &labels);
            counters.insert(record.class.clone(), counter);
        }
        let Some(counter) = counters.get(&record.class) else {
            return;
        };
        counter.note();
        if self.flushes_at_once {
            counter.flush(host);
        }
    }

    /// Tells the host what was counted, and how full the queue is.
    pub(crate) fn report(&mut self, host: &dyn Host, now: &Moment<'_>, queue: &Queue) {
        for counter in self.denied.values().chain(self.allowed.values()) {
            counter.flush(host);
        }
        let age_ns = queue
            .oldest_ns()
            .map_or(0, |oldest| now.monotonic_ns().saturating_sub(oldest));
        let current = Gauges {
            bytes: queue.bytes(),
            records: queue.len(),
            oldest_s: usize::try_from(age_ns / NS_PER_S).unwrap_or(0),
        };
        let before = std::mem::replace(&mut self.reported, current);
        for (name, now, before) in [
            (QUEUE_BYTES, current.bytes, before.bytes),
            (QUEUE_RECORDS, current.records, before.records),
            (OLDEST_RECORD, current.oldest_s, before.oldest_s),
        ] {
            let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            let change = signed(now).saturating_sub(signed(before));
            if change != 0 {
                self.telemetry.metrics.shift(host, name, &[], change);
            }
        }
    }
}

const NS_PER_S: u64 = 1_000_000_000;

const RECORDS: &str = "records_total";
pub(crate) const LOST: &str = "lost_total";
pub(crate) const SPILLED: &str = "spilled_total";
pub(crate) const CONSENT_UNREADABLE: &str = "consent_unreadable_total";
pub(crate) const SAMPLED_OUT: &str = "sampled_out_total";
pub(crate) const REJECTED_REQUESTS: &str = "rejected_requests_total";
pub(crate) const BATCHES: &str = "batches_total";
pub(crate) const CHECKPOINTS: &str = "checkpoints_total";
pub(crate) const CHAINS_OPENED: &str = "chains_opened_total";
pub(crate) const HANDED_OVER: &str = "handed_over_total";
pub(crate) const WITNESS_BATCHES: &str = "witness_batches_total";
pub(crate) const WITNESS_LOST: &str = "witness_lost_total";
const QUEUE_BYTES: &str = "queue_bytes";
const QUEUE_RECORDS: &str = "queue_records";
const OLDEST_RECORD: &str = "oldest_record_seconds";
const FLUSH_DURATION: &str = "flush_duration_milliseconds";
