//! A bounded cache of texts, shared among workers.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::shared_cells::CellHash;
use crate::{Host, Status, shared_data};

/// A cache with a fixed number of places. A text lies at the place that its hash says, and takes it
/// from whatever lay there before: what is found may be missing, and is never that of another hash.
pub struct SharedCache {
    prefix: String,
    places: u64,
    /// Where the host shares nothing, each worker has a cache of its own.
    own: Option<RefCell<HashMap<u64, Vec<u8>>>>,
}

impl SharedCache {
    /// A cache with so many places. `prefix` tells its keys from all others in shared data.
    #[must_use]
    pub fn new(prefix: impl Into<String>, places: u64, shares_data: bool) -> Self {
        Self {
            prefix: prefix.into(),
            places: places.max(1),
            own: (!shares_data).then(RefCell::default),
        }
    }

    /// The text under a hash, if it is there and good at this time of the monotonic clock, which
    /// workers share.
    #[must_use]
    pub fn get(&self, host: &dyn Host, hash: CellHash, now_ns: u64) -> Option<Vec<u8>> {
        let place = self.place(hash);
        let entry = match &self.own {
            Some(own) => own.borrow().get(&place).cloned()?,
            None => host.shared_data(&self.key(place)).ok()?.bytes,
        };
        let (found, rest) = entry.split_first_chunk::<16>()?;
        let (until_ns, text) = rest.split_first_chunk::<8>()?;
        let is_good = *found == hash && now_ns < u64::from_le_bytes(*until_ns);
        is_good.then(|| text.to_vec())
    }

    /// Puts a text in its place.
    ///
    /// # Errors
    /// The host does not store it.
    pub fn put(
        &self,
        host: &dyn Host,
        hash: CellHash,
        until_ns: u64,
        text: &[u8],
    ) -> Result<(), Status> {
        let place = self.place(hash);
        let mut entry = hash.to_vec();
        entry.extend(until_ns.to_le_bytes());
        entry.extend_from_slice(text);
        match &self.own {
            Some(own) => {
                own.borrow_mut().insert(place, entry);
                Ok(())
            }
            None => shared_data::put(host, &self.key(place), &entry),
        }
    }

    fn place(&self, hash: CellHash) -> u64 {
        let (first, _) = hash.split_at(8);
        let number = first.try_into().map_or(0, u64::from_le_bytes);
        number.checked_rem(self.places).unwrap_or(0)
    }

    fn key(&self, place: u64) -> String {
        format!("{}/{place}", self.prefix)
    }
}

#[cfg(all(test, feature = "fake", not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::fake::{FakeHost, Profile};

    #[test]
    fn a_text_is_found_under_its_hash_and_in_its_time() {
        let profiles = [Profile::Envoy, Profile::Kong, Profile::Apisix];
        for (profile, shares) in profiles
            .into_iter()
            .flat_map(|profile| [(profile, true), (profile, false)])
            .filter(|case| *case != (Profile::Apisix, true))
        {
            let host = FakeHost::new(profile);
            let cache = SharedCache::new("test", 1, shares);
            assert_eq!(cache.get(&host, [1; 16], 0), None);
            cache.put(&host, [1; 16], 100, b"care").unwrap();
            assert_eq!(cache.get(&host, [1; 16], 99), Some(b"care".to_vec()));
            assert_eq!(cache.get(&host, [1; 16], 100), None, "too old");
            assert_eq!(cache.get(&host, [2; 16], 99), None, "of another");
            cache.put(&host, [2; 16], 100, b"").unwrap();
            assert_eq!(cache.get(&host, [1; 16], 99), None, "there is one place");
            assert_eq!(cache.get(&host, [2; 16], 99), Some(Vec::new()));
        }
    }
}
