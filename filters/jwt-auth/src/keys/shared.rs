//! Where the VMs of a proxy meet about a key set.

use host::{Host, SharedValue, Status, shared_data};
use policy::hex;

use super::schedule::Schedule;
use crate::config::DocumentSource;
use crate::jose::sha256;

/// The names of the shared values. They come from the address: two configurations that fetch the
/// same key set share it, also across a reload and whatever they make of it.
pub(super) struct SharedDocument {
    schedule: String,
    body: String,
}

impl SharedDocument {
    pub(super) fn of(source: &DocumentSource) -> Self {
        let digest = sha256(source.address().join("\0").as_bytes());
        let (half, _) = digest.split_at(16);
        let name = hex::encode(half);
        Self {
            schedule: format!("meshward/jwt-auth/{name}/schedule"),
            body: format!("meshward/jwt-auth/{name}/keys"),
        }
    }

    /// What is there, if it can be read.
    pub(super) fn schedule(&self, host: &dyn Host) -> Option<(Schedule, u32)> {
        let value = host.shared_data(&self.schedule).ok()?;
        Some((Schedule::from_bytes(&value.bytes)?, value.cas))
    }

    /// What is there, or a new one. Something that cannot be read is as good as new: whoever takes
    /// its place first begins.
    pub(super) fn schedule_or_new(&self, host: &dyn Host) -> Result<(Schedule, u32), Status> {
        let new = Schedule::default();
        let SharedValue { bytes, cas } =
            shared_data::insert_if_absent(host, &self.schedule, &new.to_bytes())?;
        Ok((Schedule::from_bytes(&bytes).unwrap_or(new), cas))
    }

    /// Replaces what is there by what `change` makes of it, in one step among all VMs. What stands
    /// there then; `None` if nothing was changed.
    pub(super) fn update_schedule(
        &self,
        host: &dyn Host,
        change: &mut dyn FnMut(Schedule) -> Option<Schedule>,
    ) -> Option<Schedule> {
        let get = || host.shared_data(&self.schedule);
        let set = |bytes: &[u8], cas: u32| host.set_shared_data(&self.schedule, bytes, Some(cas));
        let mut changed = None;
        let result = shared_data::update_with(&get, &set, None, &mut |bytes| {
            changed = change(Schedule::from_bytes(&bytes)?);
            changed.map(Schedule::to_bytes)
        });
        result.ok().and(changed)
    }

    pub(super) fn write_schedule(
        &self,
        host: &dyn Host,
        schedule: Schedule,
        cas: Option<u32>,
    ) -> Result<(), Status> {
        let bytes = schedule.to_bytes();
        match cas {
            Some(_) => host.set_shared_data(&self.schedule, &bytes, cas),
            None => shared_data::put(host, &self.schedule, &bytes),
        }
    }

    /// The generation of the key set, and its bytes.
    pub(super) fn body(&self, host: &dyn Host) -> Option<(u64, Vec<u8>)> {
        let bytes = host.shared_data(&self.body).ok()?.bytes;
        let (generation, body) = bytes.split_first_chunk::<8>()?;
        Some((u64::from_le_bytes(*generation), body.to_vec()))
    }

    pub(super) fn write_body(
        &self,
        host: &dyn Host,
        generation: u64,
        body: &[u8],
    ) -> Result<(), Status> {
        let mut bytes = generation.to_le_bytes().to_vec();
        bytes.extend_from_slice(body);
        shared_data::put(host, &self.body, &bytes)
    }
}
