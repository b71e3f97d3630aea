//! Requests that no limit applies to: from an address, with a claim, or with a secret header.

use host::{Direction, Host, Request};
use policy::claim::ClaimCondition;
use policy::config::{Problem, Problems};
use policy::facts::Facts as _;
use policy::secret::{Secret, SecretKind};
use sha2::{Digest as _, Sha256};

use crate::config::{Config, HeaderSecret};

/// A header and the hash of the value that lets a request pass. The value itself is not kept, and
/// comparing hashes takes no time that tells how much of a guess was right.
#[derive(Debug)]
pub struct PassHeader {
    name: String,
    sha256: [u8; 32],
}

impl PassHeader {
    /// From the configuration and the environment.
    ///
    /// # Errors
    /// A variable is missing or too short to be a secret.
    pub fn all(host: &dyn Host, secrets: &[HeaderSecret]) -> Result<Vec<Self>, Problems> {
        let resolve = |secret: &HeaderSecret| match secret {
            HeaderSecret::Hashed { name, sha256 } => Ok(Self {
                name: name.clone(),
                sha256: *sha256,
            }),
            HeaderSecret::FromEnvironment { name, variable } => {
                let kind = SecretKind::Key {
                    min_bytes: MIN_SECRET_BYTES,
                };
                let value = host.environment_variable(variable);
                let value = Secret::from_environment(variable, value, kind)
                    .map_err(|error| Problem::new("bypass.headers", error.to_string()))?;
                Ok(Self {
                    name: name.clone(),
                    sha256: Sha256::digest(value.expose()).into(),
                })
            }
        };
        secrets.iter().map(resolve).collect()
    }

    /// The lower-case name of the header.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn opens(&self, host: &dyn Host, request: &Request) -> bool {
        let value = request.header_bytes(host, &self.name);
        value.is_some_and(|value| <[u8; 32]>::from(Sha256::digest(&*value)) == self.sha256)
    }
}

/// Whether no limit applies to this request.
#[must_use]
pub fn bypasses(
    config: &Config,
    headers: &[PassHeader],
    host: &dyn Host,
    request: &Request,
) -> bool {
    let bypass = &config.bypass;
    let from_range = || {
        request
            .client_address(host)
            .is_some_and(|ip| bypass.ips.iter().any(|range| range.contains(ip)))
    };
    let claimed = |claim: &ClaimCondition| {
        let facts = request.facts(host, Direction::Request);
        claim.holds(facts.identity(), &facts)
    };
    headers.iter().any(|header| header.opens(host, request))
        || (!bypass.ips.is_empty() && from_range())
        || bypass.claims.iter().any(claimed)
}

const MIN_SECRET_BYTES: usize = 16;
