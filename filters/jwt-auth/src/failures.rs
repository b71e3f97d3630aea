//! Failed attempts to authenticate, and who may not try any more.
//!
//! A limit is a bucket of failures for each key: every failure takes one, and they come back at the
//! rate of the limit. Where the bucket is empty, an attempt is refused before anything is verified, so
//! that a right guess tells nothing. Failures are charged when they are found, and one that finds the
//! bucket empty by then, because another worker was faster, is told no more than that.
//!
//! Whoever is refused by a limit without the address must have failed from that address as well:
//! otherwise anybody could lock anybody else out, by failing in their name.

use hmac::{Hmac, KeyInit as _, Mac as _};
use host::shared_cells::{CellHash, SharedCells};
use host::{Capabilities, Host, Metrics, shared_data};
use policy::client_address::Network;
use policy::config::Problems;
use sha2::Sha256;

use crate::config::{Config, FailureKey, FailureLimit, FailureLimits};
use crate::credential::Credential;
use crate::keys::NS_PER_S;
use crate::reason::Reason;
use crate::token::{KnownHeaders, Token};
use crate::verify::context::VerifyContext;

/// The failures of all clients.
pub(crate) struct Failures {
    settings: FailureLimits,
    cells: SharedCells,
    seed: [u8; 16],
    prefixes: policy::client_address::Prefixes,
    metrics: Metrics,
}

/// The bucket of one limit for one attempt.
pub(crate) struct Attempt {
    bucket: Bucket,
    hash: CellHash,
    /// Where it is remembered that this address has failed, for a limit without the address.
    from_here: Option<CellHash>,
}

/// A bucket of failures: as many as the burst, of which one comes back with every interval.
#[derive(Clone, Copy)]
struct Bucket {
    interval_ns: u64,
    capacity_ns: u64,
}

impl Bucket {
    fn of(limit: &FailureLimit) -> Self {
        let period_ns = u64::try_from(limit.rate.period.as_nanos()).unwrap_or(u64::MAX);
        let interval_ns = period_ns.div_ceil(limit.rate.count.max(1));
        Self {
            interval_ns,
            capacity_ns: interval_ns.saturating_mul(limit.burst),
        }
    }

    /// The state after one more failure, or how long until there is room for one.
    fn charge(self, full_at_ns: u64, now_ns: u64) -> Result<u64, u64> {
        let charged = full_at_ns.max(now_ns).saturating_add(self.interval_ns);
        match charged.saturating_sub(now_ns.saturating_add(self.capacity_ns)) {
            0 => Ok(charged),
            wait_ns => Err(wait_ns),
        }
    }
}

impl Failures {
    /// `None` where nothing is limited.
    ///
    /// # Errors
    /// Shared data does not work.
    pub(crate) fn new(
        host: &dyn Host,
        capabilities: &Capabilities,
        config: &Config,
        filter: &'static str,
    ) -> Result<Option<Self>, Problems> {
        let Some(settings) = config.failures.clone() else {
            return Ok(None);
        };
        let key = "meshward/jwt-auth/failures/seed";
        let (seed, shares) = shared_data::seed(host, key, capabilities.shares_data())?;
        Ok(Some(Self {
            cells: SharedCells::new("meshward/jwt-auth/failures", settings.cells, shares),
            settings,
            seed,
            prefixes: config.sources.client_address.prefixes,
            metrics: Metrics::new(filter),
        }))
    }

    /// The buckets that an attempt with these credentials counts in.
    pub(crate) fn attempts(
        &self,
        context: VerifyContext<'_>,
        credentials: &[Credential<'_>],
        headers: &KnownHeaders,
    ) -> Vec<Attempt> {
        let address = context.request.client_address(context.host).map(|address| {
            let mut bytes = Vec::new();
            Network::of(address, self.prefixes).write(&mut bytes);
            bytes
        });
        let mut attempts = Vec::new();
        for credential in credentials {
            let asks_token = |part: &FailureKey| *part != FailureKey::Ip;
            let mut limits = self.settings.limits.iter();
            let token = match limits.any(|limit| limit.key.iter().any(asks_token)) {
                true => Token::parse(&credential.text, headers).ok(),
                false => None,
            };
            for (place, limit) in self.settings.limits.iter().enumerate() {
                let part = |part: &FailureKey| match part {
                    FailureKey::Ip => address.clone(),
                    FailureKey::KeyId => {
                        let key_id = token.as_ref()?.header.key_id.as_ref()?;
                        Some(key_id.as_bytes().to_vec())
                    }
                    FailureKey::Subject => {
                        let subject = token.as_ref()?.claims.member("sub")?;
                        subject.as_str().map(|text| text.as_bytes().to_vec())
                    }
                };
                let Some(parts) = limit.key.iter().map(part).collect::<Option<Vec<_>>>() else {
                    continue;
                };
                let hash = self.hash(place, &parts, None);
                let from_here = address.as_ref().filter(|_| !limit.is_by_address());
                attempts.push(Attempt {
                    bucket: Bucket::of(limit),
                    hash,
                    from_here: from_here.map(|address| self.hash(place, &parts, Some(address))),
                });
            }
        }
        attempts
    }

    /// Seconds until another attempt may be made, if none may be made now. Where the table cannot be
    /// read, the credential is verified as ever.
    pub(crate) fn refuses(
        &self,
        host: &dyn Host,
        attempts: &[Attempt],
        now_ns: u64,
    ) -> Option<u64> {
        let waits = attempts.iter().filter_map(|attempt| {
            let full_at_ns = self.get(host, attempt.hash)?;
            let wait_ns = attempt.bucket.charge(full_at_ns, now_ns).err()?;
            if let Some(from_here) = attempt.from_here {
                self.get(host, from_here).filter(|until| *until > now_ns)?;
            }
            Some(wait_ns)
        });
        waits.max().map(seconds_up)
    }

    /// Charges a failure. Seconds until another attempt may be made, if this one was one too many.
    pub(crate) fn charge(&self, host: &dyn Host, attempts: &[Attempt], now_ns: u64) -> Option<u64> {
        let mut wait_ns = None;
        for attempt in attempts {
            let bucket = attempt.bucket;
            self.update(host, attempt.hash, &mut |full_at_ns| match bucket
                .charge(full_at_ns.unwrap_or(0), now_ns)
            {
                Ok(charged) => Some(charged),
                Err(longer_ns) => {
                    wait_ns = wait_ns.max(Some(longer_ns));
                    None
                }
            });
            if let Some(from_here) = attempt.from_here {
                let until_ns = now_ns.saturating_add(bucket.capacity_ns);
                self.update(host, from_here, &mut |_| Some(until_ns));
            }
        }
        wait_ns.map(seconds_up)
    }

    fn get(&self, host: &dyn Host, hash: CellHash) -> Option<u64> {
        let found = self.cells.get(host, hash);
        if found.is_err() {
            self.metrics.count(host, "failure_limit_errors_total", &[]);
        }
        found.ok().flatten()
    }

    fn update(
        &self,
        host: &dyn Host,
        hash: CellHash,
        change: &mut dyn FnMut(Option<u64>) -> Option<u64>,
    ) {
        match self.cells.update(host, hash, change) {
            Ok(changed) if changed.evicted => {
                self.metrics.count(host, "failure_evictions_total", &[]);
            }
            Ok(_) => {}
            Err(_) => self.metrics.count(host, "failure_limit_errors_total", &[]),
        }
    }

    fn hash(&self, limit: usize, parts: &[Vec<u8>], from: Option<&Vec<u8>>) -> CellHash {
        let mut place = vec![u8::from(from.is_some())];
        place.extend(limit.to_le_bytes());
        let parts = parts.iter().chain(from).map(Vec::as_slice);
        keyed_hash(self.seed, std::iter::once(place.as_slice()).chain(parts))
    }
}

/// The keyed hash of some texts, each with its length before it.
pub(crate) fn keyed_hash<'p>(seed: [u8; 16], parts: impl Iterator<Item = &'p [u8]>) -> CellHash {
    let mut block = [0; 64];
    if let Some(start) = block.first_chunk_mut::<16>() {
        *start = seed;
    }
    let mut keyed = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        keyed.update(&length.to_le_bytes());
        keyed.update(part);
    }
    let digest: [u8; 32] = keyed.finalize().into_bytes().into();
    let mut hash = [0; 16];
    if let Some(first) = digest.first_chunk::<16>() {
        hash = *first;
    }
    hash
}

/// Whether a failure is one that somebody has who guesses or forges. An old token of the right
/// caller is none, nor is a request without any.
pub(crate) const fn is_guess(reason: Reason) -> bool {
    reason.status() == 401
        && !matches!(
            reason,
            Reason::CredentialMissing
                | Reason::CredentialsMultiple
                | Reason::TokenExpired
                | Reason::TokenNotYetValid
                | Reason::TokenTooOld
                | Reason::LifetimeTooLong
                | Reason::InsufficientAuthentication
        )
}

const fn seconds_up(ns: u64) -> u64 {
    ns.div_ceil(NS_PER_S)
}
