//! Who may vouch for callers, and how their tokens look.

use std::time::Duration;

use host::exchange::IDENTITY_HEADER;
use policy::config::Node;
use policy::json::Json;

use crate::claims::ClaimPolicy;
use crate::signature::Algorithm;

use super::KeySource;

/// An issuer of tokens.
#[derive(Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: String,
    /// What its tokens must claim.
    pub claims: ClaimPolicy,
    /// Where its keys come from.
    pub keys: KeySource,
    /// The algorithms that it may use.
    pub algorithms: Vec<Algorithm>,
    /// Where its tokens are looked for.
    pub from: Vec<Location>,
    /// Whether the upstream sees the token.
    pub forward: bool,
    /// Claims that the upstream gets as headers.
    pub claims_to_headers: Vec<ClaimHeader>,
    /// The header in which the upstream gets the verified payload, base64url.
    pub payload_header: Option<String>,
}

/// Where a token may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a header, behind a prefix such as `Bearer `.
    Header {
        /// Lower-case name.
        name: String,
        /// Compared without regard to case: an authentication scheme is (RFC 9110 section 11.1).
        prefix: String,
    },
    /// In a query parameter.
    Query(String),
    /// In a cookie.
    Cookie(String),
}

/// A claim for the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// Dotted path of the claim.
    pub claim: String,
    /// Lower-case name of the header.
    pub header: String,
}

impl Provider {
    pub(super) fn read(name: &str, node: &Node<'_>) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            node.reject_unseen(
                "the name of a provider has letters, digits, dots, dashes and underscores",
            );
        }
        node.object(|fields| {
            fields.not_yet("api_keys");
            fields.not_yet("introspection");
            let issuer = fields
                .required("issuer", "the exact value of the claim iss")
                .and_then(|n| n.name(1024).map(str::to_owned));
            let audiences = fields
                .required("audiences", r#"an array of audiences, or "any""#)
                .and_then(|n| read_audiences(&n));
            let keys = fields
                .required("jwks", r#"one of "inline" and "remote""#)
                .and_then(|n| KeySource::read(&n));
            let clock_skew = fields.or("clock_skew", DEFAULT_SKEW, |n| {
                n.duration(Duration::ZERO..=Duration::from_secs(300))
            });
            let require_expiration = fields.or("require_expiration", true, |n| n.boolean());
            let max_lifetime = fields.or("max_lifetime", None, |n| {
                n.duration(Duration::from_secs(1)..=MAX_LIFETIME).map(Some)
            });
            let provider = Self {
                name: name.to_owned(),
                algorithms: fields.or("algorithms", Algorithm::ALL.to_vec(), |n| {
                    n.non_empty_list(|item| read_algorithm(&item))
                }),
                from: fields.or("from", vec![Location::authorization()], |n| {
                    n.non_empty_list(|location| Location::read(&location))
                }),
                forward: fields.or("forward", false, |n| n.boolean()),
                claims_to_headers: fields.or("claims_to_headers", Vec::new(), |n| {
                    n.list(|mapping| ClaimHeader::read(&mapping))
                }),
                payload_header: fields.or("payload_header", None, |n| free_header(&n).map(Some)),
                claims: ClaimPolicy {
                    issuer: issuer?,
                    audiences: audiences?,
                    clock_skew,
                    require_expiration,
                    max_lifetime,
                },
                keys: keys?,
            };
            Some(provider)
        })
    }
}

impl Location {
    fn authorization() -> Self {
        Self::Header {
            name: "authorization".to_owned(),
            prefix: "Bearer ".to_owned(),
        }
    }

    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let header = fields.optional("header");
            let query = fields.optional("query");
            let cookie = fields.optional("cookie");
            let prefix = fields.optional("prefix");
            match (header, query, cookie) {
                (Some(header), None, None) => {
                    let prefix = match prefix {
                        Some(prefix) => prefix.string()?.to_owned(),
                        None => String::new(),
                    };
                    Some(Self::Header { name: header.header_name()?, prefix })
                }
                (None, Some(query), None) if prefix.is_none() => {
                    query.name(128).map(|name| Self::Query(name.to_owned()))
                }
                (None, None, Some(cookie)) if prefix.is_none() => {
                    cookie.name(128).map(|name| Self::Cookie(name.to_owned()))
                }
                _ => {
                    fields.node().reject(
                        r#"expected exactly one of "header" (with "prefix" or without), "query" and "cookie""#,
                    );
                    None
                }
            }
        })
    }
}

impl ClaimHeader {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let claim = fields
                .required("claim", "the path of a claim")
                .and_then(|n| n.name(256).map(str::to_owned));
            let header = fields
                .required("header", "the name of a header")
                .and_then(|n| free_header(&n));
            Some(Self {
                claim: claim?,
                header: header?,
            })
        })
    }
}

/// `["a"]` or `"any"`.
fn read_audiences(node: &Node<'_>) -> Option<Option<Vec<String>>> {
    match node.json() {
        Json::String(text) if text == "any" => Some(None),
        Json::Array(_) => node.strings().map(Some),
        _ => {
            node.reject(r#"expected an array of audiences, or "any""#);
            None
        }
    }
}

fn read_algorithm(node: &Node<'_>) -> Option<Algorithm> {
    const LATER: [&str; 10] = [
        "RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512", "EdDSA", "Ed25519", "HS256",
    ];
    let name = node.string()?;
    if LATER.contains(&name) {
        node.reject("not supported yet; use RS256 or ES256");
        return None;
    }
    node.one_of(&[("RS256", Algorithm::Rs256), ("ES256", Algorithm::Es256)])
}

/// A header for the upstream that nothing else depends on.
fn free_header(node: &Node<'_>) -> Option<String> {
    const TAKEN: [&str; 6] = [
        "authorization",
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "cookie",
    ];
    let name = node.header_name()?;
    if TAKEN.contains(&name.as_str()) || name == IDENTITY_HEADER {
        node.reject("this header cannot carry a claim");
        return None;
    }
    Some(name)
}

const DEFAULT_SKEW: Duration = Duration::from_secs(60);
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 86_400);
