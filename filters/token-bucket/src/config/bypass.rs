//! The key `bypass`: requests that no limit applies to.

use policy::claim::ClaimCondition;
use policy::client_address::IpRange;
use policy::config::{Fields, Node};

/// The key `bypass`: requests that no limit applies to.
#[derive(Debug, Default)]
pub struct Bypass {
    /// Clients from these ranges.
    pub ips: Vec<IpRange>,
    /// Callers with any of these claims.
    pub claims: Vec<ClaimCondition>,
    /// Requests with any of these headers.
    pub headers: Vec<HeaderSecret>,
}

/// A header with a secret value. The configuration has the hash of the value, or the environment has
/// the value itself.
#[derive(Debug, PartialEq, Eq)]
pub enum HeaderSecret {
    /// By the SHA-256 of the value.
    Hashed {
        /// The lower-case name of the header.
        name: String,
        /// The SHA-256 of the secret value.
        sha256: [u8; 32],
    },
    /// By the environment variable that has the value.
    FromEnvironment {
        /// The lower-case name of the header.
        name: String,
        /// The environment variable that holds the secret value.
        variable: String,
    },
}

impl HeaderSecret {
    /// The lower-case name of the header.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Hashed { name, .. } | Self::FromEnvironment { name, .. } => name,
        }
    }
}

impl Bypass {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            ips: fields.or("ips", Vec::new(), |n| {
                let ranges = n.list(|range| IpRange::read(&range))?;
                if IpRange::cover_nearly_everybody(&ranges) {
                    let message = "these ranges have half of all addresses or more, which no limit \
                                   applies to then";
                    n.warn_unseen("bypass_everybody", message);
                }
                Some(ranges)
            }),
            claims: fields.or("claims", Vec::new(), |n| {
                n.list(|c| ClaimCondition::read(&c))
            }),
            headers: fields.or("headers", Vec::new(), |n| {
                n.list(|h| HeaderSecret::read(&h))
            }),
        })
    }
}

impl HeaderSecret {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let name = fields
                .required("name", "the name of a header")
                .and_then(|n| n.header_name());
            let sha256 = fields.optional("sha256").map(|n| {
                let hash = n.string().and_then(policy::hex::decode);
                if hash.is_none() {
                    n.reject_unseen("expected 64 hexadecimal digits");
                }
                hash
            });
            let variable = fields
                .optional("secret_env")
                .map(|n| n.name(256).map(str::to_owned));
            match (sha256, variable) {
                (Some(sha256), None) => Some(Self::Hashed {
                    name: name?,
                    sha256: sha256?,
                }),
                (None, Some(variable)) => Some(Self::FromEnvironment {
                    name: name?,
                    variable: variable?,
                }),
                _ => {
                    fields
                        .node()
                        .reject_unseen(r#"expected either "sha256" or "secret_env""#);
                    None
                }
            }
        })
    }
}
