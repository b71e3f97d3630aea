//! From an instance that ends to one that goes on: what waits is left in shared data.
//!
//! An instance that ends cannot tell whether another takes its place or the whole proxy ends, in
//! which case shared data ends with it. So the instances that record requests sign on, and sign off
//! when they end: one that is not the last leaves what it has to the others, and the last, whatever
//! the reason, writes everything into the log.
//!
//! Shared data cannot be listed, nor a value be taken away, so there is a fixed number of places and
//! a count that says when it is worth looking. The proxy keeps it as long as any filter with the
//! same `vm_id` lives.

use audit::{Hash, Head};
use host::{Host, Status, shared_data};
use policy::json::Json;
use serde::Serialize;

use crate::queue::QueuedRecord;

/// What one instance leaves to the next.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parcel {
    /// Records that nobody has acknowledged, oldest first.
    pub records: Vec<QueuedRecord>,
    /// Where its chains ended, by class.
    pub heads: Vec<(String, Head)>,
}

/// Shared data, as one instance of a `vm_id` uses it.
#[derive(Debug)]
pub struct Handover {
    emitter: String,
    config: Hash,
    joined: bool,
    seen: Option<Vec<u8>>,
}

/// The configuration that requests are recorded by, and the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct InForce {
    config: Hash,
    previous: Option<Hash>,
}

/// Who records requests, and when each was last heard of, milliseconds since 1970.
type Members = Vec<(String, u64)>;

impl Handover {
    /// An instance that has recorded nothing yet. Hosts make more of them than ever see a request.
    #[must_use]
    pub const fn new(emitter: String, config: Hash) -> Self {
        Self {
            emitter,
            config,
            joined: false,
            seen: None,
        }
    }

    /// Whether it has recorded something.
    #[must_use]
    pub const fn has_joined(&self) -> bool {
        self.joined
    }

    /// The instance records its first request. Returns the configuration that was in force before,
    /// if it was another.
    pub fn join(&mut self, host: &dyn Host, now_ms: u64) -> Option<Hash> {
        self.joined = true;
        self.renew_lease(host, now_ms);
        let mut previous = None;
        let _ = shared_data::update(host, CONFIG, NOTHING, None, &mut |bytes| {
            let before = InForce::read(&bytes);
            let is_ours = before.is_some_and(|before| before.config == self.config);
            previous = match before {
                Some(before) if is_ours => before.previous,
                other => other.map(|before| before.config),
            };
            let in_force = InForce {
                config: self.config,
                previous,
            };
            (!is_ours).then(|| serde_json::to_vec(&in_force).unwrap_or_default())
        });
        previous
    }

    /// Says that the instance lives; to be said every second or so.
    pub fn renew_lease(&self, host: &dyn Host, now_ms: u64) {
        if self.joined {
            change_members(host, |members| {
                members.retain(|(emitter, last_ms)| {
                    *emitter != self.emitter && now_ms.saturating_sub(*last_ms) < FORGOTTEN_MS
                });
                members.push((self.emitter.clone(), now_ms));
            });
        }
    }

    /// Whether others record requests too.
    #[must_use]
    pub fn has_others(&self, host: &dyn Host, now_ms: u64) -> bool {
        !self.others(host, now_ms).is_empty()
    }

    /// The ids of others that record requests.
    #[must_use]
    pub fn others(&self, host: &dyn Host, now_ms: u64) -> Vec<String> {
        let found = host.shared_data(MEMBERS).map(|value| value.bytes);
        let members = members(&found.unwrap_or_default());
        let others = members.into_iter().filter(|(emitter, last_ms)| {
            *emitter != self.emitter && now_ms.saturating_sub(*last_ms) < ALIVE_MS
        });
        others.map(|(emitter, _)| emitter).collect()
    }

    /// The instance ends. Returns whether it was the last.
    pub fn resign(&mut self, host: &dyn Host, now_ms: u64) -> bool {
        self.joined = false;
        change_members(host, |members| {
            members.retain(|(emitter, _)| *emitter != self.emitter);
        });
        !self.has_others(host, now_ms)
    }

    /// Leaves a parcel.
    ///
    /// # Errors
    /// There is no place for it, or no shared data.
    pub fn leave(host: &dyn Host, parcel: &Parcel) -> Result<(), Status> {
        let text = serde_json::to_vec(parcel).map_err(|_| Status::BadArgument)?;
        for place in 0..PLACES {
            let key = place_key(place);
            let mut is_free = false;
            shared_data::update(host, &key, NOTHING, None, &mut |bytes| {
                is_free = bytes == NOTHING;
                is_free.then(|| text.clone())
            })?;
            if is_free {
                announce_change(host);
                return Ok(());
            }
        }
        Err(Status::InternalFailure)
    }

    /// Fetches what was left since it was last asked.
    pub fn fetch_new(&mut self, host: &dyn Host) -> Vec<Parcel> {
        let count = host.shared_data(COUNT).ok().map(|value| value.bytes);
        if count == self.seen {
            return Vec::new();
        }
        self.seen = count;
        Self::fetch(host)
    }

    /// Takes the parcels that VMs before this one have left in shared data.
    #[must_use]
    pub fn fetch(host: &dyn Host) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for key in (0..PLACES).map(place_key) {
            let get = || host.shared_data(&key);
            let set = |value: &[u8], cas: u32| host.set_shared_data(&key, value, Some(cas));
            let mut taken = None;
            let result = shared_data::update_with(&get, &set, None, &mut |bytes| {
                taken = Some(bytes).filter(|bytes| bytes != NOTHING);
                taken.as_ref().map(|_| NOTHING.to_vec())
            });
            // Whoever takes it away has it.
            if let (Ok(_), Some(bytes)) = (result, taken) {
                parcels.extend(Parcel::read(&bytes));
            }
        }
        parcels
    }
}

/// Counts up, so that others look.
fn announce_change(host: &dyn Host) {
    let _ = shared_data::update(host, COUNT, b"0", None, &mut |bytes| {
        let count: u64 = std::str::from_utf8(&bytes).ok()?.parse().unwrap_or(0);
        Some(count.wrapping_add(1).to_string().into_bytes())
    });
}

fn place_key(place: u32) -> String {
    format!("meshward/audit-emitter/parcel/{place}")
}

/// Changes the list of emitters that record requests.
fn change_members(host: &dyn Host, change: impl Fn(&mut Members)) {
    let _ = shared_data::update(host, MEMBERS, b"[]", None, &mut |bytes| {
        let mut members = members(&bytes);
        change(&mut members);
        serde_json::to_vec(&members).ok()
    });
}

fn members(bytes: &[u8]) -> Members {
    let read = || pairs(&Json::parse(bytes).ok()?, |last_ms| last_ms.as_u64());
    read().unwrap_or_default()
}

// Read by hand: derived readers, with a message for each mistake that no instance makes, are a twentieth of the
// module.
impl InForce {
    fn read(bytes: &[u8]) -> Option<Self> {
        let json = Json::parse(bytes).ok()?;
        Some(Self {
            config: json.member("config").and_then(hash)?,
            previous: json.member("previous").and_then(hash),
        })
    }
}

impl Parcel {
    fn read(bytes: &[u8]) -> Option<Self> {
        let json = Json::parse(bytes).ok()?;
        let records = json.member("records")?.as_array()?;
        let head = |head: &Json| {
            Some(Head {
                chain_uid: head.member("chain_uid")?.as_str()?.to_owned(),
                sequence: head.member("sequence")?.as_u64()?,
                fingerprint: head.member("fingerprint").and_then(hash)?,
            })
        };
        Some(Self {
            records: records
                .iter()
                .map(QueuedRecord::read)
                .collect::<Option<_>>()?,
            heads: pairs(json.member("heads")?, head)?,
        })
    }
}

/// A list of names with something.
fn pairs<T>(json: &Json, read: impl Fn(&Json) -> Option<T>) -> Option<Vec<(String, T)>> {
    let pair = |pair: &Json| match pair.as_array()? {
        [name, value] => Some((name.as_str()?.to_owned(), read(value)?)),
        _ => None,
    };
    json.as_array()?.iter().map(pair).collect()
}

fn hash(json: &Json) -> Option<Hash> {
    Hash::from_hex(json.as_str()?)
}

const CONFIG: &str = "meshward/audit-emitter/config";
const MEMBERS: &str = "meshward/audit-emitter/roll";
const COUNT: &str = "meshward/audit-emitter/parcels";
/// Stands where nothing is; some hosts take an empty value for a deletion.
const NOTHING: &[u8] = b"-";
/// As many as an instance may have workers that end before the next has looked.
const PLACES: u32 = 64;
/// Who was not heard of for this long has trapped.
const ALIVE_MS: u64 = 5_000;
const FORGOTTEN_MS: u64 = 60_000;
