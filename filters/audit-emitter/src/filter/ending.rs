//! The end of this instance, and what it takes over from the ones before.

use host::{Host, LogLevel};

use super::{AuditEmitter, Gauges, HANDED_OVER, SPILLED, now};
use crate::config::Sink;
use crate::handover::{Handover, Parcel};
use crate::queue::{Kind, Priority, QueuedRecord};

impl AuditEmitter {
    /// Takes over what instances before this one could not deliver.
    pub(super) fn adopt(&mut self, host: &dyn Host) {
        let Some(handover) = &mut self.handover else {
            return;
        };
        for parcel in handover.fetch(host) {
            for (class, head) in parcel.heads {
                self.chains.inherit(class, head);
            }
            for record in parcel.records {
                self.adopt_record(host, record);
            }
        }
    }

    fn adopt_record(&mut self, host: &dyn Host, record: QueuedRecord) {
        if record.kind == Kind::Control {
            self.testify(host, &record);
        }
        if self.config.sink == Sink::HostLog {
            self.write_lines(host, &record);
            return;
        }
        let priority = match record.kind {
            Kind::Control => Priority::Control,
            Kind::Allowed | Kind::Denied => Priority::High,
        };
        let queued_ns = host.monotonic_ns();
        let record = QueuedRecord {
            queued_ns,
            ..record
        };
        if let Err(record) = self.queue.push(record, priority) {
            self.write_to_host_log(host, &record, "queue_full");
        }
    }

    /// Closes the chains, and leaves what nobody has acknowledged to the instance that comes after,
    /// or in the proxy's log, which is the last thing that still works then.
    pub(super) fn end(&mut self, host: &dyn Host) {
        let successor = self
            .handover
            .as_ref()
            .is_some_and(|handover| handover.has_successor(host));
        let heads = self.chains.heads();
        let reason = if successor { "replaced" } else { "shutdown" };
        let closing = self.chains.close(reason, now(host));
        let mut records = self.queue.drain();
        records.extend(closing);
        if !successor && let Some(handover) = &mut self.handover {
            // What was left to a successor that never came to fetch it.
            records.extend(
                handover
                    .fetch(host)
                    .into_iter()
                    .flat_map(|left| left.records),
            );
        }
        self.report(host);
        self.reported = Gauges::default();
        if records.is_empty() {
            return;
        }
        let parcel = Parcel { records, heads };
        if successor && self.config.sink != Sink::HostLog {
            match Handover::leave(host, &parcel) {
                Ok(()) => {
                    let count = u64::try_from(parcel.records.len()).unwrap_or(u64::MAX);
                    self.metrics.add(host, HANDED_OVER, &[], count);
                    return;
                }
                Err(status) => host.log(
                    LogLevel::Warn,
                    &format!("audit-emitter: records cannot be handed over ({status}); they are in this log"),
                ),
            }
        }
        for record in &parcel.records {
            self.write_lines(host, record);
            if self.config.sink != Sink::HostLog {
                self.metrics.count(host, SPILLED, &[("reason", "shutdown")]);
            }
        }
    }
}
