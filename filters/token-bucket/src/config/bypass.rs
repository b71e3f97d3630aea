//! The key `bypass`: requests that no limit applies to.

use policy::claim::ClaimCondition;
use policy::client_address::IpRange;
use policy::config::{Fields, Node};

/// The key `bypass`: requests that no limit applies to.
#[derive(Debug, Default)]
pub struct Bypass {
    /// Ranges of client addresses that no limit counts.
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

/// SHA-256 of the empty text, as a variable that is not set leaves it in a pipe.
const OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

impl HeaderSecret {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let name = fields
                .required("name", "the name of a header")
                .and_then(|n| n.header_name());
            let sha256 = fields.optional("sha256").map(|n| {
                let hash = n.string().and_then(policy::hex::decode);
                match hash {
                    None => n.reject_unseen("expected 64 hexadecimal digits"),
                    Some(OF_NOTHING) => {
                        n.reject_unseen("the hash of no text at all: an empty header would do");
                    }
                    Some(_) => {}
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
