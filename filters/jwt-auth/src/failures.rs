//! Failed attempts to authenticate, and who may not try any more.
//!
//! A limit is a bucket of failures for each key: every failure takes one, and they come back at the
//! rate of the limit. Where the bucket is empty, an attempt is refused before anything is verified, so
//! that a right guess tells nothing. Failures are charged when they are found, and one that finds the
//! bucket empty by then, because another worker was faster, is told no more than that.
//!
//! Whoever is refused by a limit without the address before anything is verified must have failed from
//! that address as well: otherwise anybody could lock anybody else out, by failing in their name. Where
//! nobody knows the address, nobody is refused so: the right credential passes, a wrong one is told that
//! it was one too many.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use host::shared_cells::{CellHash, SharedCells, keyed_hash};
use host::{Capabilities, Host, Metrics, shared_data};
use policy::config::Problems;
use policy::gcra::{Decision, Gcra};

use crate::config::{Config, FailureKey, FailureLimits};
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
    metrics: Metrics,
}

/// The bucket of one limit for one credential.
pub(crate) struct Attempt {
    /// The place of the credential among those that are tried.
    credential: usize,
    bucket: Gcra,
    hash: CellHash,
    refuses: Refuses,
}

/// Whom an empty bucket refuses before their credential is verified.
enum Refuses {
    /// Everybody who counts in it.
    All,
    /// Who has failed from this address as well, which is remembered in this cell.
    FromHere(CellHash),
    /// Nobody: it is not known from where they come.
    Nobody,
}

/// The state after one more failure, or how long until there is room for one.
fn charge(bucket: Gcra, full_at_ns: u64, now_ns: u64) -> Result<u64, u64> {
    match bucket.decide(full_at_ns.into(), now_ns, 1) {
        Decision::Admit { tat } => Ok(u64::try_from(tat).unwrap_or(u64::MAX)),
        Decision::Refuse { wait } => {
            let wait_ns = wait.map_or(u128::MAX, |wait| wait.as_nanos());
            Err(u64::try_from(wait_ns).unwrap_or(u64::MAX))
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
        // Plugins of one VM that say the same count apart.
        let plugin = ["plugin_name", "plugin_root_id"];
        let plugin = plugin.map(|name| host.property(&[name]).unwrap_or_default());
        let seed = keyed_hash(seed, plugin.iter().map(Vec::as_slice));
        Ok(Some(Self {
            cells: SharedCells::new("meshward/jwt-auth/failures", settings.cells, shares),
            settings,
            seed,
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
        // All whose address is not known are one client: each for himself, they could guess for ever.
        let mut address = Vec::new();
        let known = context.request.client_network(context.host);
        match known {
            Some(network) => network.write(&mut address),
            None => {
                let name = "failure_address_unknown_total";
                self.metrics.count(context.host, name, &[]);
            }
        }
        let mut attempts = Vec::new();
        for (tried, credential) in credentials.iter().enumerate() {
            let asks_token = |part: &FailureKey| *part != FailureKey::Ip;
            let mut limits = self.settings.limits.iter();
            let token = match limits.any(|limit| limit.key.iter().any(asks_token)) {
                true => Token::parse(&credential.text, headers).ok(),
                false => None,
            };
            for (place, limit) in self.settings.limits.iter().enumerate() {
                let part = |part: &FailureKey| match part {
                    FailureKey::Ip => Some(address.clone()),
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
                let mut hasher = DefaultHasher::new();
                // Failures under rules that only report must refuse nobody under those that enforce.
                (place, limit, context.mode.enforces()).hash(&mut hasher);
                let limit_hash = hasher.finish();
                attempts.push(Attempt {
                    credential: tried,
                    bucket: limit.bucket,
                    hash: self.hash(limit_hash, &parts, None),
                    refuses: match (limit.is_by_address(), known) {
                        (true, _) => Refuses::All,
                        (false, Some(_)) => {
                            Refuses::FromHere(self.hash(limit_hash, &parts, Some(&address)))
                        }
                        (false, None) => Refuses::Nobody,
                    },
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
            if matches!(attempt.refuses, Refuses::Nobody) {
                return None;
            }
            let full_at_ns = self.get(host, attempt.hash)?;
            let wait_ns = charge(attempt.bucket, full_at_ns, now_ns).err()?;
            if let Refuses::FromHere(cell) = attempt.refuses {
                self.get(host, cell).filter(|until| *until > now_ns)?;
            }
            Some(wait_ns)
        });
        waits.max().map(seconds_up)
    }

    /// Charges the failure of one credential of those that were tried. Seconds until another attempt may
    /// be made, if this one was one too many.
    pub(crate) fn charge(
        &self,
        host: &dyn Host,
        attempts: &[Attempt],
        credential: usize,
        now_ns: u64,
    ) -> Option<u64> {
        let mut wait_ns = None;
        let failed = attempts
            .iter()
            .filter(|attempt| attempt.credential == credential);
        for attempt in failed {
            let bucket = attempt.bucket;
            self.update(host, attempt.hash, &mut |full_at_ns| match charge(
                bucket,
                full_at_ns.unwrap_or(0),
                now_ns,
            ) {
                Ok(charged) => Some(charged),
                Err(longer_ns) => {
                    wait_ns = wait_ns.max(Some(longer_ns));
                    None
                }
            });
            if let Refuses::FromHere(cell) = attempt.refuses {
                let until_ns = u64::try_from(bucket.empty(now_ns)).unwrap_or(u64::MAX);
                self.update(host, cell, &mut |_| Some(until_ns));
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

    /// The cell of a limit: plugins of one VM share the table, and one may have other limits than the
    /// other.
    fn hash(&self, limit: u64, parts: &[Vec<u8>], from: Option<&Vec<u8>>) -> CellHash {
        let mut place = vec![u8::from(from.is_some())];
        place.extend(limit.to_le_bytes());
        let parts = parts.iter().chain(from).map(Vec::as_slice);
        keyed_hash(self.seed, std::iter::once(place.as_slice()).chain(parts))
    }
}

/// Whether a failure is one that somebody has who guesses or forges. Whoever sends a genuine credential
/// that is too old or revoked, or a token that is meant for somebody else, guesses nothing, nor does who
/// sends none: a client that is out of date must not use up the attempts of everybody behind its address.
pub(crate) const fn is_guess(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::TokenMalformed
            | Reason::TokenTooLarge
            | Reason::TokenExtension
            | Reason::AlgorithmNotAllowed
            | Reason::IssuerUnknown
            | Reason::TokenInactive
            | Reason::ApiKeyUnknown
            | Reason::BindingMismatch
            | Reason::KeyUnknown
            | Reason::SignatureInvalid
    )
}

const fn seconds_up(ns: u64) -> u64 {
    ns.div_ceil(NS_PER_S)
}
