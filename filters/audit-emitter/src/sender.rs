//! What is on its way to the collector and to the witness, and the calls that carry it.

use std::rc::Rc;

use host::waiting::{CallId, Calls};
use host::{
    Buffer, CallToken, Capabilities, HeaderMap, Host, LogLevel, Moment, ResponseSizes, header_text,
};

use crate::delivery::{Rejected, receipt, retry_after_s};
use crate::outbox::{BatchOutcome, Delivery, Outbox};
use crate::queue::{Priority, Queue, QueuedRecord};
use crate::random::Random;
use crate::telemetry::{BATCHES, Telemetry, WITNESS_BATCHES, WITNESS_LOST};
use crate::witness::WitnessQueue;

/// Sends what waits, and reads what is said to it.
pub(crate) struct Sender {
    outbox: Outbox,
    witness: Option<WitnessQueue>,
    calls: Calls<Delivery>,
    telemetry: Rc<Telemetry>,
}

impl Sender {
    pub(crate) const fn new(
        capabilities: Capabilities,
        outbox: Outbox,
        witness: Option<WitnessQueue>,
        telemetry: Rc<Telemetry>,
    ) -> Self {
        Self {
            outbox,
            witness,
            calls: Calls::new(capabilities, MAX_CALLS),
            telemetry,
        }
    }

    pub(crate) const fn queue(&self) -> &Queue {
        self.outbox.queue()
    }

    /// Records for the collector, when they may go and how many at once.
    pub(crate) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Adds a record for the collector.
    ///
    /// # Errors
    /// There is no room for it; it comes back.
    pub(crate) fn push(
        &mut self,
        record: QueuedRecord,
        priority: Priority,
    ) -> Result<(), QueuedRecord> {
        self.outbox.push(record, priority)
    }

    /// All that no collector has acknowledged, because the end is near.
    pub(crate) fn drain(&mut self) -> Vec<QueuedRecord> {
        self.outbox.drain()
    }

    /// Adds a signed record for the witness. Returns false where there is none to send to.
    pub(crate) fn push_to_witness(&mut self, host: &dyn Host, record: &QueuedRecord) -> bool {
        let Some(witness) = &mut self.witness else {
            return false;
        };
        let dropped = witness.push(&record.json);
        if dropped > 0 {
            self.telemetry.add(host, WITNESS_LOST, &[], dropped);
        }
        true
    }

    /// At a tick: what has had no response for too long waits again, and the witness gets its own.
    pub(crate) fn begin_tick(&mut self, host: &dyn Host, now: &Moment<'_>, random: &mut Random) {
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
            self.postpone(host, now, None, random);
        }
        if let Some(witness) = &mut self.witness {
            witness.send_if_due(host, now_ns, &mut self.calls);
        }
    }

    /// Sends what can be sent to the collector.
    pub(crate) fn send(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        emitter: &str,
        random: &mut Random,
    ) {
        if self.outbox.send(host, now, &mut self.calls, emitter) {
            self.postpone(host, now, None, random);
        }
    }

    /// The response to a call. Returns the outcome of its batch, or `None` if it was for no batch.
    pub(crate) fn settle(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        token: CallToken,
        sizes: ResponseSizes,
        random: &mut Random,
    ) -> Option<BatchOutcome> {
        let call = self.calls.end(CallId::Http(token))?;
        let header = |name| header_text(host, HeaderMap::HttpCallResponseHeaders, name);
        let status = header(":status").and_then(|status| status.trim().parse().ok());
        let retry_after = || retry_after_s(&header("retry-after")?, now.wall_ms());
        let now_ns = now.monotonic_ns();
        let number = match call.purpose {
            Delivery::Batch(number) => number,
            Delivery::Witness => {
                let witness = self.witness.as_mut()?;
                let receipt = receipt(status, Rejected::NONE);
                let result = witness.settle(receipt, now_ns, retry_after(), random.number(host));
                let labels = [("result", result)];
                self.telemetry.count(host, WITNESS_BATCHES, &labels);
                return None;
            }
        };
        let mut body = Vec::new();
        if self.outbox.reads_responses() {
            let size = sizes.body.min(MAX_RESPONSE_BYTES);
            let read = host.buffer(Buffer::HttpCallResponseBody, 0, size);
            body = read.unwrap_or_default();
        }
        let outcome = self.outbox.settle(number, status, &body);
        self.telemetry
            .record_flush(host, call.age_ns(now_ns) / NS_PER_MS);
        let result = match outcome {
            BatchOutcome::Delivered(_) => "delivered",
            BatchOutcome::Rejected(_) => "rejected",
            BatchOutcome::Split(most) => {
                self.telemetry.log(host, LogLevel::Warn, || {
                    format!("audit-emitter: the collector finds a batch too large; {most} records for now")
                });
                "split"
            }
            BatchOutcome::Retried => {
                self.postpone(host, now, retry_after(), random);
                return Some(outcome);
            }
        };
        self.telemetry.count(host, BATCHES, &[("result", result)]);
        Some(outcome)
    }

    fn postpone(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        retry_after_s: Option<u64>,
        random: &mut Random,
    ) {
        let random = random.number(host);
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

const NS_PER_MS: u64 = 1_000_000;
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// Batches and the witness; the queue makes fewer.
const MAX_CALLS: usize = 16;
