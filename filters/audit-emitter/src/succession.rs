//! What an instance takes over from those before it, and leaves to those that go on.
//!
//! What a plugin sends at its end is lost or worse; so at the end, records go to the instance that
//! comes after, or to the proxy's log.

use std::rc::Rc;

use host::{Host, LogLevel, Moment};

use crate::handover::{Handover, Parcel};
use crate::queue::QueuedRecord;
use crate::telemetry::{HANDED_OVER, Telemetry};
use crate::trail::Trail;

/// The place of one instance among those that record the requests of a proxy.
pub(crate) struct Succession {
    /// None where the host has no data that outlives an instance, or no record waits for a collector.
    handover: Option<Handover>,
    /// Ticks are short while requests have their turns.
    next_look_ns: u64,
    telemetry: Rc<Telemetry>,
}

impl Succession {
    pub(crate) const fn new(handover: Option<Handover>, telemetry: Rc<Telemetry>) -> Self {
        Self {
            handover,
            next_look_ns: 0,
            telemetry,
        }
    }

    /// Before the first record: from now on others may leave to this instance what they have.
    pub(crate) fn join(&mut self, host: &dyn Host, now: &Moment<'_>, trail: &mut Trail) {
        if let Some(handover) = self.handover.as_mut().filter(|own| !own.has_joined()) {
            let previous = handover.join(host, now.wall_ms());
            trail.chains().follow(previous);
            self.adopt(host, now, trail);
        }
    }

    /// At a tick: once a second, looks at what others have left.
    pub(crate) fn tick(&mut self, host: &dyn Host, now: &Moment<'_>, trail: &mut Trail) {
        let now_ns = now.monotonic_ns();
        if now_ns >= self.next_look_ns {
            self.next_look_ns = now_ns.saturating_add(NS_BETWEEN_LOOKS);
            self.adopt(host, now, trail);
        }
    }

    /// Says that this instance lives, and takes over what others could not deliver.
    fn adopt(&mut self, host: &dyn Host, now: &Moment<'_>, trail: &mut Trail) {
        let Some(handover) = self.handover.as_mut().filter(|own| own.has_joined()) else {
            return;
        };
        let wall_ms = now.wall_ms();
        handover.renew_lease(host, wall_ms);
        let others = handover.others(host, wall_ms);
        trail.chains().set_other_emitters(others);
        for parcel in handover.fetch_new(host) {
            trail.adopt(host, now, parcel);
        }
    }

    /// Ends the chains, and leaves what nobody has acknowledged to the instances that go on, or in the
    /// proxy's log, which is the last thing that still works then.
    pub(crate) fn end(&mut self, host: &dyn Host, now: &Moment<'_>, trail: &mut Trail) {
        let goes_on = self
            .handover
            .as_ref()
            .is_some_and(|handover| handover.has_others(host, now.wall_ms()));
        let reason = if goes_on { "replaced" } else { "shutdown" };
        let parcel = trail.close(host, now, reason);
        let mut records = if goes_on && !parcel.records.is_empty() {
            self.leave(host, parcel)
        } else {
            parcel.records
        };
        if let Some(handover) = self.handover.as_mut().filter(|own| own.has_joined()) {
            // Only now, so that whoever is the last finds what was left just before.
            if handover.resign(host, now.wall_ms()) {
                let left = Handover::fetch(host).into_iter();
                records.extend(left.flat_map(|parcel| parcel.records));
            }
        }
        trail.write_last(host, &records);
    }

    /// Leaves records to the instances that go on. Returns those that could not be left.
    fn leave(&self, host: &dyn Host, parcel: Parcel) -> Vec<QueuedRecord> {
        let Err(status) = Handover::leave(host, &parcel) else {
            let count = u64::try_from(parcel.records.len()).unwrap_or(u64::MAX);
            self.telemetry.add(host, HANDED_OVER, &[], count);
            return Vec::new();
        };
        let line = format!(
            "audit-emitter: records cannot be handed over ({status}); they are in this log"
        );
        host.log(LogLevel::Warn, &line);
        parcel.records
    }
}

/// How often it looks at what others have left.
const NS_BETWEEN_LOOKS: u64 = 1_000_000_000;
