//! What is sent when, and what the responses of collector and witness mean for requests and chains.

use host::waiting::Call;
use host::{Buffer, ContextId, HeaderMap, Host, LogLevel, Moment, ResponseSizes, header_text};

use super::{AuditEmitter, MAX_RESPONSE_BYTES, NS_PER_MS};
use crate::delivery::{Rejected, receipt, retry_after_s};
use crate::outbox::{BatchOutcome, Delivery};
use crate::queue::QueuedRecord;
use crate::telemetry::{BATCHES, WITNESS_BATCHES};

impl AuditEmitter {
    /// At a tick: sends what has waited long enough.
    pub(super) fn send_if_due(&mut self, host: &dyn Host, now: &Moment<'_>) {
        if !self.outbox.sends() {
            return;
        }
        let now_ns = now.monotonic_ns();
        let mut is_late = false;
        for call in self.calls.take_overdue(now_ns) {
            match call.purpose {
                Delivery::Batch(number) => {
                    self.outbox.retry(number);
                    is_late = true;
                }
                Delivery::Witness => {
                    if let Some(witness) = &mut self.witness {
                        witness.give_up();
                    }
                }
            }
        }
        if is_late {
            self.postpone(host, now, None);
        }
        if let Some(witness) = &mut self.witness {
            witness.send_if_due(host, now_ns, &mut self.calls);
        }
        // Nothing waits to be sent: whatever the chains have to say by themselves.
        if self.outbox.is_idle(now_ns) {
            self.emit_due_checkpoints(host, now, self.config.batch.max_delay);
        }
        if self.outbox.is_due(now_ns) {
            self.send(host, now);
        }
    }

    /// Sends what there is.
    pub(super) fn send(&mut self, host: &dyn Host, now: &Moment<'_>) {
        if !self.outbox.can_send(now.monotonic_ns()) {
            return;
        }
        if !self.outbox.queue().has_undelivered() {
            // The checkpoint goes with the records that it covers.
            self.emit_due_checkpoints(host, now, std::time::Duration::ZERO);
        }
        let emitter = self.recorder.chains.emitter();
        if self.outbox.send(host, now, &mut self.calls, emitter) {
            self.postpone(host, now, None);
        }
    }

    /// The response to a call.
    pub(super) fn on_response(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        call: &Call<Delivery>,
        sizes: ResponseSizes,
    ) {
        let header = |name| header_text(host, HeaderMap::HttpCallResponseHeaders, name);
        let status = header(":status").and_then(|status| status.trim().parse().ok());
        let retry_after = || retry_after_s(&header("retry-after")?, now.wall_ms());
        let now_ns = now.monotonic_ns();
        let number = match call.purpose {
            Delivery::Batch(number) => number,
            Delivery::Witness => {
                let Some(witness) = &mut self.witness else {
                    return;
                };
                let random = self.recorder.random_number(host);
                let receipt = receipt(status, Rejected::NONE);
                let result = witness.settle(receipt, now_ns, retry_after(), random);
                self.telemetry
                    .count(host, WITNESS_BATCHES, &[("result", result)]);
                return;
            }
        };
        let mut body = Vec::new();
        if self.outbox.reads_responses() {
            let size = sizes.body.min(MAX_RESPONSE_BYTES);
            let read = host.buffer(Buffer::HttpCallResponseBody, 0, size);
            body = read.unwrap_or_default();
        }
        let outcome = self.outbox.settle(number, status, &body);
        let took_ms = call.age_ns(now_ns) / NS_PER_MS;
        self.telemetry.record_flush(host, took_ms);
        self.carry_on(host, now, outcome, retry_after());
        self.send_if_due(host, now);
    }

    /// What follows from what became of a batch.
    fn carry_on(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        outcome: BatchOutcome,
        retry_after_s: Option<u64>,
    ) {
        let result = match outcome {
            BatchOutcome::Delivered(records) => {
                self.recorder.chains.note_delivered();
                for waiter in waiters(&records) {
                    self.holding.release(host, waiter);
                }
                "delivered"
            }
            BatchOutcome::Retried => {
                self.postpone(host, now, retry_after_s);
                return;
            }
            BatchOutcome::Split(most) => {
                self.telemetry.log(host, LogLevel::Warn, || {
                    format!("audit-emitter: the collector finds a batch too large; {most} records for now")
                });
                "split"
            }
            BatchOutcome::Rejected(records) => {
                for record in &records {
                    self.write_to_host_log(host, now, record, "rejected");
                }
                for waiter in waiters(&records) {
                    self.holding
                        .give_up(host, &self.telemetry, waiter, "audit_not_acknowledged");
                }
                self.telemetry.log(host, LogLevel::Error, || {
                    "audit-emitter: the collector rejects records; they are in this log".to_owned()
                });
                "rejected"
            }
        };
        self.telemetry.count(host, BATCHES, &[("result", result)]);
    }

    fn postpone(&mut self, host: &dyn Host, now: &Moment<'_>, retry_after_s: Option<u64>) {
        let random = self.recorder.random_number(host);
        self.outbox
            .postpone(now.monotonic_ns(), retry_after_s, random);
        let records = self.outbox.queue().len();
        self.telemetry.log(host, LogLevel::Warn, || {
            format!("audit-emitter: the collector does not respond; {records} records wait")
        });
        self.telemetry
            .count(host, BATCHES, &[("result", "retried")]);
    }
}

/// Requests that wait for records of a batch.
fn waiters(records: &[QueuedRecord]) -> Vec<ContextId> {
    records.iter().filter_map(|record| record.waiter).collect()
}
