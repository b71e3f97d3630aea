//! Random bytes for ids and salts, asked for in larger pieces.

use audit::{Hash, Salts};
use host::{Host, Status};

/// Random bytes of the host.
pub(crate) struct Random {
    pool: Vec<u8>,
    /// What goes on when the host's source fails for once: hashes of what it gave before.
    last: Hash,
}

impl Random {
    /// Asks the host for the first.
    ///
    /// # Errors
    /// The host has no random source.
    pub(crate) fn new(host: &dyn Host) -> Result<Self, Status> {
        let mut seed = [0; 32];
        host.random(&mut seed)?;
        if audit::keys::looks_guessable(&seed) {
            return Err(Status::Unimplemented);
        }
        Ok(Self {
            pool: Vec::new(),
            last: Hash(seed),
        })
    }

    pub(crate) fn bytes<const N: usize>(&mut self, host: &dyn Host) -> [u8; N] {
        if self.pool.len() < N {
            self.refill(host);
        }
        let mut bytes = [0; N];
        let rest = self.pool.split_off(self.pool.len().saturating_sub(N));
        for (byte, random) in bytes.iter_mut().zip(rest) {
            *byte = random;
        }
        bytes
    }

    pub(crate) fn number(&mut self, host: &dyn Host) -> u32 {
        u32::from_le_bytes(self.bytes(host))
    }

    /// A salt for each group; one for the data subject only where the record has one.
    pub(crate) fn salts(&mut self, host: &dyn Host, has_data_subject: bool) -> Salts {
        let bytes: [u8; 64] = self.bytes(host);
        let mut salts = [[0; 16]; 4];
        for (salt, bytes) in salts.iter_mut().zip(bytes.chunks_exact(16)) {
            salt.copy_from_slice(bytes);
        }
        let [consent, source, subject, url] = salts;
        let data_subject = if has_data_subject {
            self.bytes(host)
        } else {
            [0; 16]
        };
        [consent, data_subject, source, subject, url]
    }

    fn refill(&mut self, host: &dyn Host) {
        let mut pool = vec![0; POOL_BYTES];
        if host.random(&mut pool).is_err() {
            let clock = host.monotonic_ns().to_le_bytes();
            for piece in pool.chunks_exact_mut(32) {
                let input = [self.last.0.as_slice(), &clock].concat();
                self.last = Hash::plain(&input);
                piece.copy_from_slice(&Hash::plain(&self.last.0).0);
            }
        }
        self.pool = pool;
    }
}

const POOL_BYTES: usize = 4096;
