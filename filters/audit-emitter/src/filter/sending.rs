//! Batches on their way to the collector, and what its answers mean.

use host::{CallToken, ContextId, HeaderMap, Host, HttpCall, LogLevel, header_text};

use super::{
    AuditEmitter, BATCHES, FLUSH_DURATION, Gauges, NS_PER_MS, OLDEST_RECORD, PATIENCE, QUEUE_BYTES,
    QUEUE_RECORDS, WITNESS_BATCHES, http, nanoseconds,
};
use crate::config::{Envelope, HttpSink};
use crate::delivery::{Verdict, retry_after_s, verdict};
use crate::queue::{Batch, Call};
use crate::sink;

impl AuditEmitter {
    /// At a tick: sends what has waited long enough.
    pub(super) fn send_if_due(&mut self, host: &dyn Host) {
        let Some(sink) = http(&self.config.sink).cloned() else {
            return;
        };
        let now_ns = host.monotonic_ns();
        let patience_ns = nanoseconds(sink.timeout).saturating_add(nanoseconds(PATIENCE));
        let given_up = self
            .queue
            .give_up_calls_before(now_ns.saturating_sub(patience_ns));
        if given_up > 0 {
            self.failed(host, None);
        }
        if let Some(witness) = &mut self.witness {
            witness.send_if_due(host, now_ns, patience_ns);
        }
        self.speak_if_idle(host);
        let oldest_ns = self.queue.oldest_waiting_ns();
        let max_delay_ns = nanoseconds(self.config.batch.max_delay);
        let waited = oldest_ns.is_some_and(|oldest| now_ns.saturating_sub(oldest) >= max_delay_ns);
        let full = self.queue.waiting() >= self.batch_size.records()
            || self.queue.waiting_bytes() >= self.config.batch.max_bytes;
        if waited || full || self.queue.has_undelivered() {
            self.send(host, &sink);
        }
    }

    /// A request waits: sends what there is.
    pub(super) fn send_now(&mut self, host: &dyn Host) {
        if let Some(sink) = http(&self.config.sink).cloned() {
            self.send(host, &sink);
        }
    }

    /// The answer to a call.
    pub(super) fn take_answer(&mut self, host: &dyn Host, token: CallToken, body: &[u8]) {
        let header = |name| header_text(host, HeaderMap::HttpCallResponseHeaders, name);
        let status = header(":status").and_then(|status| status.trim().parse().ok());
        let now_ms = host.wall_clock_ns() / NS_PER_MS;
        let retry_after = header("retry-after").and_then(|value| retry_after_s(&value, now_ms));
        if let Some(witness) = self.witness.as_mut().filter(|witness| witness.sent(token)) {
            let random = self.random.number(host);
            let verdict = verdict(status, b"");
            let result = witness.settle(verdict, host.monotonic_ns(), retry_after, random);
            self.metrics
                .count(host, WITNESS_BATCHES, &[("result", result)]);
            return;
        }
        let Some(batch) = self.queue.batch_of(token) else {
            return;
        };
        let number = batch.number;
        if let Some(call) = batch.call {
            let took_ms = host.monotonic_ns().saturating_sub(call.started_ns) / NS_PER_MS;
            self.metrics.record(host, FLUSH_DURATION, &[], took_ms);
        }
        let envelope = http(&self.config.sink).map(|sink| sink.envelope);
        // Only OTLP has answers that say that a part was not taken.
        let body = if envelope == Some(Envelope::Otlp) {
            body
        } else {
            b""
        };
        self.settle(host, number, verdict(status, body), retry_after);
        self.send_if_due(host);
    }

    fn send(&mut self, host: &dyn Host, sink: &HttpSink) {
        let now_ns = host.monotonic_ns();
        if !self.schedule.admits(now_ns) || !self.queue.can_send() {
            return;
        }
        if !self.queue.has_undelivered() {
            // The checkpoint goes with the records that it covers.
            self.speak(host, std::time::Duration::ZERO);
        }
        while self.schedule.admits(now_ns) && self.queue.can_send() {
            // While it fails, one call at a time finds out whether it still does.
            if self.schedule.is_failing() && self.queue.under_way() > 0 {
                return;
            }
            let idempotency_prefix = self.chains.emitter().to_owned();
            let limits = (self.batch_size.records(), self.config.batch.max_bytes);
            let wall_ns = host.wall_clock_ns();
            let Some(batch) = self.queue.next_batch(limits.0, limits.1, wall_ns) else {
                return;
            };
            match start_call(host, sink, &self.sink_headers, &idempotency_prefix, batch) {
                Some(token) => {
                    batch.call = Some(Call {
                        token,
                        started_ns: now_ns,
                    });
                }
                // No such cluster, no endpoint: the collector may come yet.
                None => self.failed(host, None),
            }
        }
    }

    fn settle(
        &mut self,
        host: &dyn Host,
        number: u64,
        verdict: Verdict,
        retry_after_s: Option<u64>,
    ) {
        let result = match verdict {
            Verdict::Delivered => {
                let records = self.queue.finish(number);
                self.schedule.settled();
                self.batch_size.note_delivered();
                self.chains.note_delivered();
                let waiters: Vec<ContextId> =
                    records.iter().filter_map(|record| record.waiter).collect();
                for waiter in waiters {
                    self.release(host, waiter);
                }
                "delivered"
            }
            Verdict::Retry => {
                self.queue.retry(number);
                self.failed(host, retry_after_s);
                return;
            }
            Verdict::TooLarge if self.queue.split(number) => {
                self.batch_size.shrink();
                let halved = self.batch_size.records();
                self.throttle.log(host, LogLevel::Warn, || {
                    format!("audit-emitter: the collector finds a batch too large; {halved} records from now on")
                });
                "split"
            }
            // Which records it is that the collector does not want, it does not say: all are
            // written down here.
            Verdict::PartlyRejected { .. } | Verdict::Rejected | Verdict::TooLarge => {
                let records = self.queue.finish(number);
                for record in &records {
                    self.write_to_host_log(host, record, "rejected");
                }
                let waiters: Vec<ContextId> =
                    records.iter().filter_map(|record| record.waiter).collect();
                for waiter in waiters {
                    self.give_up(host, waiter, "audit_not_acknowledged");
                }
                self.schedule.settled();
                self.throttle.log(host, LogLevel::Error, || {
                    "audit-emitter: the collector rejects records; they are in this log".to_owned()
                });
                "rejected"
            }
        };
        self.metrics.count(host, BATCHES, &[("result", result)]);
    }

    fn failed(&mut self, host: &dyn Host, retry_after_s: Option<u64>) {
        let random = self.random.number(host);
        let now_ns = host.monotonic_ns();
        self.schedule.failed(now_ns, retry_after_s, random);
        let records = self.queue.len();
        self.throttle.log(host, LogLevel::Warn, || {
            format!("audit-emitter: the collector does not answer; {records} records wait")
        });
        self.metrics.count(host, BATCHES, &[("result", "retried")]);
    }

    /// Nothing waits to be sent: whatever the chains have to say by themselves.
    fn speak_if_idle(&mut self, host: &dyn Host) {
        if self.queue.waiting() == 0 && self.schedule.admits(host.monotonic_ns()) {
            self.speak(host, self.config.batch.max_delay);
        }
    }

    /// Tells the host what this instance counts.
    pub(super) fn report(&mut self, host: &dyn Host) {
        for counter in self.records.values() {
            counter.flush(host);
        }
        let oldest_ns = self.queue.oldest_ns();
        let age_ns = oldest_ns.map_or(0, |oldest| host.monotonic_ns().saturating_sub(oldest));
        let current = Gauges {
            bytes: self.queue.bytes(),
            records: self.queue.len(),
            oldest_s: usize::try_from(age_ns / (1000 * NS_PER_MS)).unwrap_or(0),
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
                self.metrics.shift(host, name, &[], change);
            }
        }
    }
}

fn start_call(
    host: &dyn Host,
    sink: &HttpSink,
    more_headers: &[(String, String)],
    emitter: &str,
    batch: &Batch,
) -> Option<CallToken> {
    let body = sink::body(sink.envelope, &batch.records, batch.formed_ns);
    // The same for the same records, so that whoever has them already can tell.
    let key = format!("\"{emitter}-{}\"", batch.number);
    let mut headers = vec![
        (":method", "POST"),
        (":path", sink.path.as_str()),
        (":authority", sink.authority.as_str()),
        ("content-type", sink.envelope.content_type()),
        ("idempotency-key", key.as_str()),
    ];
    headers.extend(more_headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    host.http_call(&HttpCall {
        upstream: &sink.upstream,
        headers: &headers,
        body: body.as_bytes(),
        timeout: sink.timeout,
    })
    .ok()
}
