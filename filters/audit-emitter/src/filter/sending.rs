//! What is sent when, and what the responses of collector and witness mean for requests and chains.

use host::{CallToken, ContextId, HeaderMap, Host, LogLevel, header_text};

use super::{AuditEmitter, NS_PER_MS, PATIENCE, nanoseconds};
use crate::delivery::{retry_after_s, verdict};
use crate::outbox::BatchOutcome;
use crate::queue::QueuedRecord;
use crate::telemetry::{BATCHES, WITNESS_BATCHES};

impl AuditEmitter {
    /// At a tick: sends what has waited long enough.
    pub(super) fn send_if_due(&mut self, host: &dyn Host) {
        if !self.outbox.sends() {
            return;
        }
        let now_ns = host.monotonic_ns();
        let patience_ns = nanoseconds(self.outbox.timeout()).saturating_add(nanoseconds(PATIENCE));
        let too_early_ns = now_ns.saturating_sub(patience_ns);
        if self.outbox.give_up_calls_before(too_early_ns) {
            self.postpone(host, None);
        }
        if let Some(witness) = &mut self.witness {
            witness.send_if_due(host, now_ns, patience_ns);
        }
        // Nothing waits to be sent: whatever the chains have to say by themselves.
        if self.outbox.is_idle(now_ns) {
            self.emit_due_checkpoints(host, self.config.batch.max_delay);
        }
        if self.outbox.is_due(now_ns) {
            self.send(host);
        }
    }

    /// Sends what there is.
    pub(super) fn send(&mut self, host: &dyn Host) {
        if !self.outbox.can_send(host.monotonic_ns()) {
            return;
        }
        if !self.outbox.queue().has_undelivered() {
            // The checkpoint goes with the records that it covers.
            self.emit_due_checkpoints(host, std::time::Duration::ZERO);
        }
        let emitter = self.recorder.chains.emitter();
        if self.outbox.send(host, emitter) {
            self.postpone(host, None);
        }
    }

    /// The response to a call.
    pub(super) fn on_response(&mut self, host: &dyn Host, token: CallToken, body: &[u8]) {
        let header = |name| header_text(host, HeaderMap::HttpCallResponseHeaders, name);
        let status = header(":status").and_then(|status| status.trim().parse().ok());
        let now_ms = host.wall_clock_ns() / NS_PER_MS;
        let retry_after = header("retry-after").and_then(|value| retry_after_s(&value, now_ms));
        let now_ns = host.monotonic_ns();
        if let Some(witness) = self.witness.as_mut().filter(|witness| witness.sent(token)) {
            let random = self.recorder.random_number(host);
            let result = witness.settle(verdict(status, b""), now_ns, retry_after, random);
            self.telemetry
                .count(host, WITNESS_BATCHES, &[("result", result)]);
            return;
        }
        let Some(settled) = self.outbox.settle(token, status, body, now_ns) else {
            return;
        };
        if let Some(took_ns) = settled.took_ns {
            self.telemetry.record_flush(host, took_ns / NS_PER_MS);
        }
        self.carry_on(host, settled.outcome, retry_after);
        self.send_if_due(host);
    }

    /// What follows from what became of a batch.
    fn carry_on(&mut self, host: &dyn Host, outcome: BatchOutcome, retry_after_s: Option<u64>) {
        let result = match outcome {
            BatchOutcome::Delivered(records) => {
                self.recorder.chains.note_delivered();
                for waiter in waiters(&records) {
                    self.release(host, waiter);
                }
                "delivered"
            }
            BatchOutcome::Retried => {
                self.postpone(host, retry_after_s);
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
                    self.write_to_host_log(host, record, "rejected");
                }
                for waiter in waiters(&records) {
                    self.give_up(host, waiter, "audit_not_acknowledged");
                }
                self.telemetry.log(host, LogLevel::Error, || {
                    "audit-emitter: the collector rejects records; they are in this log".to_owned()
                });
                "rejected"
            }
        };
        self.telemetry.count(host, BATCHES, &[("result", result)]);
    }

    fn postpone(&mut self, host: &dyn Host, retry_after_s: Option<u64>) {
        let random = self.recorder.random_number(host);
        self.outbox
            .postpone(host.monotonic_ns(), retry_after_s, random);
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
