//! Creating shared values, which every host does in its own way.

use crate::{Host, SharedValue, Status};

/// The value under `key`, created as `initial` if nobody has written it before; of several workers
/// that try at once, all get the value of the one that won.
///
/// The obvious "write if absent, with cas 0" overwrites on Envoy, and a write with any other cas on
/// an absent key creates on Envoy and is refused on nginx. Writing with a cas that nobody holds
/// first, and with cas 0 only where the value is still absent after that, is right on all.
///
/// # Errors
/// The host has no shared data, or refuses to store.
pub fn insert_if_absent(host: &dyn Host, key: &str, initial: &[u8]) -> Result<SharedValue, Status> {
    match host.shared_data(key) {
        Err(Status::NotFound) => {}
        found => return found,
    }
    create(host, key, initial, CAS_THAT_NOBODY_HOLDS)?;
    match host.shared_data(key) {
        Err(Status::NotFound) => {}
        found => return found,
    }
    create(host, key, initial, 0)?;
    host.shared_data(key)
}

fn create(host: &dyn Host, key: &str, initial: &[u8], cas: u32) -> Result<(), Status> {
    match host.set_shared_data(key, initial, Some(cas)) {
        // Somebody else was faster, or this host creates with another cas: reading tells.
        Ok(()) | Err(Status::CasMismatch) => Ok(()),
        Err(other) => Err(other),
    }
}

const CAS_THAT_NOBODY_HOLDS: u32 = u32::MAX;
