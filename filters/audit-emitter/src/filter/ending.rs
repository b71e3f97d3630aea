//! The end of this instance, and what it takes over from the ones before.

use host::{Host, LogLevel, Moment};

use super::AuditEmitter;
use crate::config::Sink;
use crate::handover::{Handover, Parcel};
use crate::queue::{Kind, Priority, QueuedRecord};
use crate::telemetry::{HANDED_OVER, SPILLED};

impl AuditEmitter {
    /// Before the first record: from now on others may leave to this instance what they have.
    pub(super) fn join(&mut self, host: &dyn Host, now: &Moment<'_>) {
        let Some(handover) = &mut self.handover else {
            return;
        };
        if !handover.has_joined() {
            let previous = handover.join(host, now.wall_ms());
            self.recorder.chains.follow(previous);
            self.adopt_handovers(host, now);
        }
    }

    /// Says that this instance lives, and takes over what others could not deliver.
    pub(super) fn adopt_handovers(&mut self, host: &dyn Host, now: &Moment<'_>) {
        let Some(handover) = &mut self.handover else {
            return;
        };
        if !handover.has_joined() {
            return;
        }
        let wall_ms = now.wall_ms();
        handover.renew_lease(host, wall_ms);
        self.recorder
            .chains
            .set_other_emitters(handover.others(host, wall_ms));
        for parcel in handover.fetch_new(host) {
            for (class, head) in parcel.heads {
                self.recorder.chains.inherit(class, head);
            }
            for record in parcel.records {
                self.adopt_record(host, now, record);
            }
        }
    }

    fn adopt_record(&mut self, host: &dyn Host, now: &Moment<'_>, record: QueuedRecord) {
        if record.kind == Kind::Control {
            self.send_to_witness(host, &record);
        }
        if self.config.sink == Sink::HostLog {
            self.host_log.write(host, &record);
            return;
        }
        let priority = match record.kind {
            Kind::Control => Priority::Control,
            Kind::Allowed | Kind::Denied => Priority::High,
        };
        let queued_ns = now.monotonic_ns();
        let record = QueuedRecord {
            queued_ns,
            ..record
        };
        if let Err(record) = self.outbox.push(record, priority) {
            self.write_to_host_log(host, now, &record, "queue_full");
        }
    }

    /// Closes the chains, and leaves what nobody has acknowledged to the instances that go on, or in
    /// the proxy's log, which is the last thing that still works then.
    pub(super) fn end(&mut self, host: &dyn Host) {
        let now = &Moment::of(host);
        let goes_on = self
            .handover
            .as_ref()
            .is_some_and(|handover| handover.has_others(host, now.wall_ms()));
        let reason = if goes_on { "replaced" } else { "shutdown" };
        let closing = self.recorder.chains.close(reason, now.into());
        let heads = self.recorder.chains.heads();
        let mut records = self.outbox.drain();
        records.extend(closing);
        self.telemetry.report(host, now, self.outbox.queue());
        if goes_on && !records.is_empty() {
            let parcel = Parcel { records, heads };
            match Handover::leave(host, &parcel) {
                Ok(()) => {
                    let count = u64::try_from(parcel.records.len()).unwrap_or(u64::MAX);
                    self.telemetry.add(host, HANDED_OVER, &[], count);
                    records = Vec::new();
                }
                Err(status) => {
                    host.log(
                        LogLevel::Warn,
                        &format!(
                            "audit-emitter: records cannot be handed over ({status}); they are in \
                             this log"
                        ),
                    );
                    records = parcel.records;
                }
            }
        }
        if let Some(handover) = self.handover.as_mut().filter(|h| h.has_joined()) {
            // Only now, so that whoever is the last finds what was left just before.
            if handover.resign(host, now.wall_ms()) {
                let left = Handover::fetch(host).into_iter();
                records.extend(left.flat_map(|parcel| parcel.records));
            }
        }
        for record in &records {
            self.host_log.write(host, record);
            if self.config.sink != Sink::HostLog {
                self.telemetry
                    .count(host, SPILLED, &[("reason", "shutdown")]);
            }
        }
    }
}
