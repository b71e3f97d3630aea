//! The two storages: shared data of the host, and the memory of one worker where there is none.

use std::cell::RefCell;
use std::collections::HashMap;

use host::{Host, Status, shared_data};

use crate::set::Set;
use crate::table::{Storage, StorageError};

/// Shared data: all workers of the process count together.
pub struct SharedStorage<'h> {
    host: &'h dyn Host,
}

impl<'h> SharedStorage<'h> {
    /// On this host.
    #[must_use]
    pub const fn new(host: &'h dyn Host) -> Self {
        Self { host }
    }
}

impl Storage for SharedStorage<'_> {
    fn load(&self, key: &str) -> Result<(Vec<u8>, u32), StorageError> {
        let value = match self.host.shared_data(key) {
            // Never an empty value: some hosts take that for a deletion.
            Err(Status::NotFound) => {
                shared_data::insert_if_absent(self.host, key, &Set::default().to_bytes())
            }
            found => found,
        };
        value
            .map(|value| (value.bytes, value.cas))
            .map_err(|_| StorageError)
    }

    fn replace(&self, key: &str, value: &[u8], cas: u32) -> Result<bool, StorageError> {
        match self.host.set_shared_data(key, value, Some(cas)) {
            Ok(()) => Ok(true),
            Err(Status::CasMismatch) => Ok(false),
            Err(_) => Err(StorageError),
        }
    }
}

/// The memory of this worker: each worker counts alone.
#[derive(Debug, Default)]
pub struct WorkerStorage {
    values: RefCell<HashMap<String, Vec<u8>>>,
}

impl Storage for WorkerStorage {
    fn load(&self, key: &str) -> Result<(Vec<u8>, u32), StorageError> {
        Ok((
            self.values.borrow().get(key).cloned().unwrap_or_default(),
            0,
        ))
    }

    fn replace(&self, key: &str, value: &[u8], _cas: u32) -> Result<bool, StorageError> {
        self.values
            .borrow_mut()
            .insert(key.to_owned(), value.to_vec());
        Ok(true)
    }
}
