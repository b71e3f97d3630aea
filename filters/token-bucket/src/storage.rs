//! Where sets are kept: shared data of the host, or the memory of one worker where there is none.

use std::cell::RefCell;
use std::collections::HashMap;

use host::{Host, SharedValue, Status, shared_data};

/// A store of encoded bucket sets, by key.
pub trait Storage {
    /// The value of a key, created as `initial` if it is absent, and the number to replace it with.
    ///
    /// # Errors
    /// The storage cannot be read.
    fn load(&self, key: &str, initial: &[u8]) -> Result<(Vec<u8>, u32), StorageError>;

    /// Replaces a value if nobody else has since it was read; whether it did.
    ///
    /// # Errors
    /// The storage cannot be written.
    fn replace(&self, key: &str, value: &[u8], cas: u32) -> Result<bool, StorageError>;

    /// Replaces a value in one atomic step, see [`shared_data::update`].
    ///
    /// # Errors
    /// The storage fails, or others were faster every time.
    fn update(
        &self,
        key: &str,
        initial: &[u8],
        known: Option<SharedValue>,
        change: &mut dyn FnMut(Vec<u8>) -> Option<Vec<u8>>,
    ) -> Result<u32, StorageError> {
        let get = || match self.load(key, initial) {
            Ok((bytes, cas)) => Ok(SharedValue { bytes, cas }),
            Err(StorageError) => Err(Status::InternalFailure),
        };
        let set = |value: &[u8], cas: u32| match self.replace(key, value, cas) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Status::CasMismatch),
            Err(StorageError) => Err(Status::InternalFailure),
        };
        shared_data::update_with(&get, &set, known, change).map_err(|_| StorageError)
    }
}

/// The storage does not respond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageError;

/// Shared data: all workers of the process count together.
pub struct SharedStorage<'h> {
    host: &'h dyn Host,
}

impl<'h> SharedStorage<'h> {
    /// Makes a store in the shared data of this host.
    #[must_use]
    pub const fn new(host: &'h dyn Host) -> Self {
        Self { host }
    }
}

impl Storage for SharedStorage<'_> {
    fn load(&self, key: &str, initial: &[u8]) -> Result<(Vec<u8>, u32), StorageError> {
        let value = match self.host.shared_data(key) {
            // Never an empty value: some hosts take that for a deletion.
            Err(Status::NotFound) => shared_data::insert_if_absent(self.host, key, initial),
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

/// The memory of this worker: each worker counts alone. The keys are those of the tables, so their
/// number is as fixed here as in shared data.
#[derive(Debug, Default)]
pub struct WorkerStorage {
    values: RefCell<HashMap<String, Vec<u8>>>,
}

impl WorkerStorage {
    /// How many bytes the stored values have.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values.borrow().values().map(Vec::len).sum()
    }
}

impl Storage for WorkerStorage {
    fn load(&self, key: &str, initial: &[u8]) -> Result<(Vec<u8>, u32), StorageError> {
        let known = self.values.borrow().get(key).cloned();
        Ok((known.unwrap_or_else(|| initial.to_vec()), 0))
    }

    fn replace(&self, key: &str, value: &[u8], _cas: u32) -> Result<bool, StorageError> {
        self.values
            .borrow_mut()
            .insert(key.to_owned(), value.to_vec());
        Ok(true)
    }
}
