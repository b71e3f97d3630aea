//! Records on their way to the collector: the queue, when it may send, and how much at once.

use std::time::Duration;

use host::waiting::Calls;
use host::{Host, Moment};

use crate::config::{BatchLimits, Config, Envelope};
use crate::delivery::{BatchSize, Receipt, Rejected, Schedule, receipt};
use crate::destination::Destination;
use crate::queue::{Priority, Queue, QueuedRecord};
use crate::sink;

/// The queue of one instance and the collector that it goes to.
pub(crate) struct Outbox {
    /// None is the proxy's log, to which nothing is sent.
    destination: Option<Destination>,
    queue: Queue,
    schedule: Schedule,
    batch_size: BatchSize,
    limits: BatchLimits,
}

/// What a call was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The batch of this number, to the collector.
    Batch(u64),
    /// What is signed, to the witness.
    Witness,
}

/// The outcome of a batch.
pub(crate) enum BatchOutcome {
    /// The collector has all of it.
    Delivered(Vec<QueuedRecord>),
    /// The collector will never take all of it, and does not say which records it is that it does
    /// not want.
    Rejected(Vec<QueuedRecord>),
    /// It is sent again as it is.
    Retried,
    /// It is sent again in halves, and later ones have at most so many records.
    Split(usize),
}

impl Outbox {
    pub(crate) fn new(config: &Config, credentials: Vec<(String, String)>) -> Self {
        Self {
            destination: config.sink.http().map(|sink| Destination {
                sink: sink.clone(),
                credentials,
            }),
            queue: Queue::new(config.queue),
            schedule: Schedule::default(),
            batch_size: BatchSize::new(config.batch.max_records),
            limits: config.batch,
        }
    }

    pub(crate) const fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Whether anything is ever sent.
    pub(crate) const fn sends(&self) -> bool {
        self.destination.is_some()
    }

    /// How long the collector has for a response.
    pub(crate) fn timeout(&self) -> Duration {
        let destination = self.destination.as_ref();
        destination.map_or(Duration::ZERO, |to| to.sink.timeout)
    }

    /// Adds a record at the end.
    ///
    /// # Errors
    /// There is no room for it; it comes back.
    pub(crate) fn push(
        &mut self,
        record: QueuedRecord,
        priority: Priority,
    ) -> Result<(), QueuedRecord> {
        self.queue.push(record, priority)
    }

    /// Everything, because the end is near.
    pub(crate) fn drain(&mut self) -> Vec<QueuedRecord> {
        self.queue.drain()
    }

    /// Whether something has waited long enough, is enough for a batch, or was not delivered.
    pub(crate) fn is_due(&self, now_ns: u64) -> bool {
        let oldest_ns = self.queue.oldest_waiting_ns();
        let max_delay_ns = nanoseconds(self.limits.max_delay);
        let waited = oldest_ns.is_some_and(|oldest| now_ns.saturating_sub(oldest) >= max_delay_ns);
        waited
            || self.queue.waiting() >= self.batch_size.records()
            || self.queue.waiting_bytes() >= self.limits.max_bytes
            || self.queue.has_undelivered()
    }

    /// Whether a batch can go out now.
    pub(crate) fn can_send(&self, now_ns: u64) -> bool {
        self.sends() && self.schedule.admits(now_ns) && self.queue.can_send()
    }

    /// Whether nothing waits, and the collector would take something.
    pub(crate) fn is_idle(&self, now_ns: u64) -> bool {
        self.queue.waiting() == 0 && self.schedule.admits(now_ns)
    }

    /// Sends what can be sent. Returns whether a call could not be started.
    pub(crate) fn send(
        &mut self,
        host: &dyn Host,
        now: &Moment<'_>,
        calls: &mut Calls<Delivery>,
        emitter: &str,
    ) -> bool {
        let now_ns = now.monotonic_ns();
        let Some(destination) = &self.destination else {
            return false;
        };
        while self.schedule.admits(now_ns) && self.queue.can_send() {
            // While it fails, one call at a time finds out whether it still does.
            if self.schedule.is_failing() && self.queue.under_way() > 0 {
                return false;
            }
            let most = self.batch_size.records();
            let Some(batch) = self
                .queue
                .next_batch(most, self.limits.max_bytes, now.wall_ns())
            else {
                return false;
            };
            let body = sink::body(destination.envelope(), &batch.records, batch.formed_ns);
            // The same for the same records, so that whoever has them already can tell.
            let key = format!("\"{emitter}-{}\"", batch.number);
            let purpose = Delivery::Batch(batch.number);
            match destination.post(host, calls, now_ns, &body, Some(&key), purpose) {
                Ok(()) => batch.is_under_way = true,
                // No such cluster, no endpoint: the collector may come yet.
                Err(_) => return true,
            }
        }
        false
    }

    /// The host has said nothing about a batch for too long: it waits again.
    pub(crate) fn retry(&mut self, number: u64) {
        self.queue.retry(number);
    }

    /// The last batch has to be sent again, later.
    pub(crate) fn postpone(&mut self, now_ns: u64, retry_after_s: Option<u64>, random: u32) {
        self.schedule.failed(now_ns, retry_after_s, random);
    }

    /// Settles a batch by the response to the call that has sent it.
    pub(crate) fn settle(&mut self, number: u64, status: Option<u16>, body: &[u8]) -> BatchOutcome {
        let rejected = match self.envelope() {
            Some(Envelope::OtlpProtobuf) => Rejected::in_protobuf(body),
            Some(Envelope::OtlpJson) => Rejected::in_json(body),
            _ => Rejected::NONE,
        };
        match receipt(status, rejected) {
            Receipt::Delivered => {
                self.schedule.settled();
                self.batch_size.note_delivered();
                BatchOutcome::Delivered(self.queue.finish(number))
            }
            Receipt::Retry => {
                self.queue.retry(number);
                BatchOutcome::Retried
            }
            Receipt::TooLarge if self.queue.split(number) => {
                self.batch_size.shrink();
                BatchOutcome::Split(self.batch_size.records())
            }
            Receipt::PartlyRejected { .. } | Receipt::Rejected | Receipt::TooLarge => {
                self.schedule.settled();
                BatchOutcome::Rejected(self.queue.finish(number))
            }
        }
    }

    /// Whether responses say in their body that a part was not taken: only those of OTLP do.
    pub(crate) fn reads_responses(&self) -> bool {
        let envelope = self.envelope();
        matches!(envelope, Some(Envelope::OtlpProtobuf | Envelope::OtlpJson))
    }

    fn envelope(&self) -> Option<Envelope> {
        self.destination.as_ref().map(Destination::envelope)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
