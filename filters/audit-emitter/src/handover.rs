//! From the instance that ends to the one that goes on: what waits is left in shared data.
//!
//! Shared data cannot be listed, nor a value be taken away, so there is a fixed number of places and
//! a count that says when it is worth looking. The proxy keeps it as long as any filter with the
//! same `vm_id` lives; at its end nobody comes to fetch anything, and nothing is left.

use audit::{Hash, Head};
use host::{Host, Status};
use serde::{Deserialize, Serialize};

use crate::queue::QueuedRecord;

/// What one instance leaves to the next.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Records that nobody has acknowledged, oldest first.
    pub records: Vec<QueuedRecord>,
    /// Where its chains ended, by class.
    pub heads: Vec<(String, Head)>,
}

/// Shared data, as the instances of one `vm_id` use it.
#[derive(Debug)]
pub struct Handover {
    own: Announcement,
    seen: Option<Vec<u8>>,
}

/// The instance that was configured last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Announcement {
    config: Hash,
    previous: Option<Hash>,
    configured_ms: u64,
}

impl Handover {
    /// Says that there is a new instance. A host configures it in several VMs, each of which says
    /// so.
    #[must_use]
    pub fn announce(host: &dyn Host, config: Hash, now_ms: u64) -> Self {
        let found = host.shared_data(LATEST).ok();
        let before: Option<Announcement> = found
            .as_ref()
            .and_then(|value| serde_json::from_slice(&value.bytes).ok());
        let previous = before.and_then(|before| {
            if before.config == config {
                before.previous
            } else {
                Some(before.config)
            }
        });
        let own = Announcement {
            config,
            previous,
            configured_ms: now_ms,
        };
        let text = serde_json::to_vec(&own).unwrap_or_default();
        let _ = host.set_shared_data(LATEST, &text, found.map(|value| value.cas));
        Self { own, seen: None }
    }

    /// The configuration that this one took the place of.
    #[must_use]
    pub const fn previous_config(&self) -> Option<Hash> {
        self.own.previous
    }

    /// Whether another instance has come after this one, by its configuration, or, where that is
    /// the same, by its time: the VMs of one change are configured at once.
    #[must_use]
    pub fn has_successor(&self, host: &dyn Host) -> bool {
        let Ok(value) = host.shared_data(LATEST) else {
            return false;
        };
        let latest: Option<Announcement> = serde_json::from_slice(&value.bytes).ok();
        latest.is_some_and(|latest| {
            latest.config != self.own.config
                || latest.configured_ms > self.own.configured_ms.saturating_add(ONE_CHANGE_MS)
        })
    }

    /// Leaves a parcel.
    ///
    /// # Errors
    /// There is no place for it, or no shared data.
    pub fn leave(host: &dyn Host, parcel: &Parcel) -> Result<(), Status> {
        let text = serde_json::to_vec(parcel).map_err(|_| Status::BadArgument)?;
        for place in 0..PLACES {
            let key = place_key(place);
            let cas = match host.shared_data(&key) {
                Ok(value) if value.bytes == NOTHING => value.cas,
                Ok(_) => continue,
                // With a number that nobody holds, only one of several that try creates it.
                Err(Status::NotFound) => u32::MAX,
                Err(other) => return Err(other),
            };
            match host.set_shared_data(&key, &text, Some(cas)) {
                Ok(()) => {
                    tell(host);
                    return Ok(());
                }
                Err(Status::CasMismatch) => {}
                Err(other) => return Err(other),
            }
        }
        Err(Status::InternalFailure)
    }

    /// Fetches what was left since it was last asked.
    pub fn fetch(&mut self, host: &dyn Host) -> Vec<Parcel> {
        let count = host.shared_data(COUNT).ok().map(|value| value.bytes);
        if count == self.seen {
            return Vec::new();
        }
        self.seen = count;
        let mut parcels = Vec::new();
        for key in (0..PLACES).map(place_key) {
            let Ok(value) = host.shared_data(&key) else {
                continue;
            };
            if value.bytes == NOTHING {
                continue;
            }
            // Whoever takes it away has it.
            if host.set_shared_data(&key, NOTHING, Some(value.cas)).is_ok() {
                parcels.extend(serde_json::from_slice(&value.bytes).ok());
            }
        }
        parcels
    }
}

/// Counts up, so that others look.
fn tell(host: &dyn Host) {
    for _ in 0..ATTEMPTS {
        let (count, cas) = match host.shared_data(COUNT) {
            Ok(value) => {
                let text = std::str::from_utf8(&value.bytes).unwrap_or_default();
                (text.parse().unwrap_or(0_u64), value.cas)
            }
            Err(_) => (0, u32::MAX),
        };
        let next = count.wrapping_add(1).to_string();
        if host
            .set_shared_data(COUNT, next.as_bytes(), Some(cas))
            .is_ok()
        {
            return;
        }
    }
}

fn place_key(place: u32) -> String {
    format!("meshward.audit-emitter.parcel.{place}")
}

const LATEST: &str = "meshward.audit-emitter.latest";
const COUNT: &str = "meshward.audit-emitter.parcels";
/// Stands where nothing is; some hosts take an empty value for a deletion.
const NOTHING: &[u8] = b"-";
/// As many as an instance may have workers that end before the next has looked.
const PLACES: u32 = 64;
const ATTEMPTS: u32 = 100;
const ONE_CHANGE_MS: u64 = 10_000;
