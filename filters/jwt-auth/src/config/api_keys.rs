//! API keys: only their hashes are in the configuration.

use std::collections::HashMap;

use policy::config::Node;
use policy::hex;
use policy::json::Json;
use policy::timestamp::parse_timestamp;

use super::Location;

/// The keys of a provider.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    /// All keys. Several may have one id: the old and the new one while a key is being replaced.
    pub entries: Vec<ApiKeyEntry>,
    /// Which entry has a hash.
    pub by_hash: HashMap<[u8; 32], usize>,
    /// How the keys are hashed.
    pub hash: ApiKeyHash,
}

/// The hash functions that API keys are stored under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiKeyHash {
    /// SHA-256, which is enough for random keys.
    Sha256,
    /// HMAC-SHA-256 with the secret in this environment variable: hashes that leak are of no use
    /// for guessing.
    HmacSha256 {
        /// The name of the variable.
        pepper_env: String,
    },
}

/// One API key and its holder.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKeyEntry {
    /// Whose it is: the subject of the identity.
    pub id: String,
    /// What the key may do.
    pub scopes: Vec<String>,
    /// The roles that the holder has.
    pub roles: Vec<String>,
    /// The customer that the caller belongs to.
    pub tenant: Option<String>,
    /// Further claims of the caller, by name.
    pub claims: Vec<(String, Json)>,
    /// Seconds since 1970 from which the key is valid.
    pub not_before_s: Option<i64>,
    /// Seconds since 1970 from which it no longer is.
    pub expires_s: Option<i64>,
}

impl ApiKeys {
    pub(super) fn read(node: &Node<'_>) -> Option<(Self, Option<Vec<Location>>)> {
        node.object(|fields| {
            let from = fields
                .optional("from")
                .and_then(|n| Location::read_list(&n));
            let pepper = fields.or("pepper_env", None, |n| {
                n.name(256).map(str::to_owned).map(Some)
            });
            let hash = match pepper {
                Some(pepper_env) => ApiKeyHash::HmacSha256 { pepper_env },
                None => ApiKeyHash::Sha256,
            };
            let mut by_hash = HashMap::new();
            let entries = fields
                .required("keys", "an array of keys")
                .and_then(|keys| {
                    let mut entries = Vec::new();
                    keys.at_most(MAX_KEYS).non_empty_list(|key| {
                        let (digest, entry) = ApiKeyEntry::read(&key, &hash)?;
                        if by_hash.insert(digest, entries.len()).is_some() {
                            key.reject_unseen("this key is there twice");
                        }
                        entries.push(entry);
                        Some(())
                    })?;
                    Some(entries)
                });
            let keys = Self {
                entries: entries?,
                by_hash,
                hash,
            };
            Some((keys, from))
        })
    }
}

impl ApiKeyEntry {
    fn read(node: &Node<'_>, hash: &ApiKeyHash) -> Option<([u8; 32], Self)> {
        node.object(|fields| {
            let id = fields.name("id", "whose key it is", 256);
            let (wanted, other) = match hash {
                ApiKeyHash::Sha256 => ("sha256", "hmac_sha256"),
                ApiKeyHash::HmacSha256 { .. } => ("hmac_sha256", "sha256"),
            };
            if let Some(other) = fields.optional(other) {
                other.reject_unseen(format_args!(
                    r#"expected "{wanted}"; keys are hashed with "pepper_env" or without"#
                ));
            }
            let digest = fields
                .required(wanted, "the hash of the key, 64 hexadecimal digits")
                .and_then(|n| digest(&n));
            let mut time = |name| {
                fields.or(name, None, |n: Node<'_>| {
                    n.parsed(parse_timestamp, "a time").map(Some)
                })
            };
            let (not_before_s, expires_s) = (time("not_before"), time("expires"));
            if let (Some(start), Some(end)) = (not_before_s, expires_s)
                && start >= end
            {
                fields
                    .node()
                    .reject("a key that expires before it is valid");
            }
            let entry = Self {
                id: id?,
                scopes: fields.or("scopes", Vec::new(), |n| n.scopes()),
                roles: fields.or("roles", Vec::new(), |n| n.strings()),
                tenant: fields.or("tenant", None, |n| n.name(256).map(str::to_owned).map(Some)),
                claims: fields.or("claims", Vec::new(), |n| claims(&n)),
                not_before_s,
                expires_s,
            };
            Some((digest?, entry))
        })
    }
}

/// Claims that a key carries. Those that have keys of their own are not among them.
fn claims(node: &Node<'_>) -> Option<Vec<(String, Json)>> {
    node.named(|name, value| {
        let own = match name {
            "sub" => Some("id"),
            "scope" | "scp" => Some("scopes"),
            "roles" => Some("roles"),
            "tenant" => Some("tenant"),
            "exp" => Some("expires"),
            "nbf" => Some("not_before"),
            _ => None,
        };
        if let Some(own) = own {
            value.reject(format_args!("the key {own:?} says this"));
        }
        Some(value.json().clone())
    })
}

fn digest(node: &Node<'_>) -> Option<[u8; 32]> {
    let digest = hex::decode(node.string()?);
    if digest.is_none() {
        // Somebody may have put the key itself here.
        node.reject_unseen("expected the hash of the key, 64 hexadecimal digits");
    }
    digest
}

const MAX_KEYS: usize = 100_000;
