//! Who may vouch for callers.

use policy::config::{Fields, Node};
use policy::http;
use policy::identity::IdentityMapping;

use super::forward::free_header;
use super::{ApiKeys, ClaimHeader, Introspection, Location, OnTooLarge, TokenProvider};

/// Somebody who vouches for callers.
#[derive(Debug)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: String,
    /// Whether its credentials are signed tokens, opaque tokens or API keys.
    pub kind: ProviderKind,
    /// Where its credentials are looked for.
    pub from: Vec<Location>,
    /// Whether the upstream sees the credential.
    pub forward: bool,
    /// Claims that the upstream gets as headers.
    pub claims_to_headers: Vec<ClaimHeader>,
    /// The header in which the upstream gets the verified payload, base64url.
    pub payload_header: Option<String>,
    /// Where in its claims the parts of an identity are.
    pub identity: IdentityMapping,
}

/// What the credentials of a provider are.
#[derive(Debug)]
pub enum ProviderKind {
    /// A provider of signed tokens.
    Token(Box<TokenProvider>),
    /// API keys that the configuration lists.
    ApiKeys(ApiKeys),
    /// Tokens that the issuer is asked about.
    Introspection(Introspection),
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
            let from = fields.optional("from");
            let mut from = from.and_then(|n| Location::read_list(&n));
            let kind = Self::kind(fields, &mut from);
            let forward = fields.or("forward", false, |n| n.boolean());
            let claims_to_headers = fields.or("claims_to_headers", Vec::new(), |n| {
                n.list(|mapping| ClaimHeader::read(&mapping))
            });
            let payload_header =
                fields.or("payload_header", None, |n| free_header(&n).map(Some));
            reject_shared_headers(fields, &claims_to_headers, payload_header.as_deref());
            let identity = fields.or("identity", IdentityMapping::default(), |n| {
                IdentityMapping::read(&n)
            });
            let kind = kind?;
            let from = from.unwrap_or_else(|| match &kind {
                ProviderKind::ApiKeys(_) => Vec::new(),
                _ => vec![Location::authorization()],
            });
            if from.is_empty() && !fields.refused(&["from", "api_keys.from"]) {
                fields.node().reject_unseen(
                    r#"api_keys.from: missing; expected where keys are sent, such as [{"header": "x-api-key"}]"#,
                );
            }
            Some(Self {
                name: name.to_owned(),
                kind,
                from,
                forward,
                claims_to_headers,
                payload_header,
                identity,
            })
        })
    }

    /// Headers that only this filter may set.
    pub fn managed_headers(&self) -> impl Iterator<Item = String> {
        let of_claims = self.claims_to_headers.iter().flat_map(|mapping| {
            let marker = match mapping.on_too_large {
                OnTooLarge::Refuse => None,
                OnTooLarge::Truncate => Some(mapping.truncated_header()),
            };
            [Some(mapping.header.clone()), marker].into_iter().flatten()
        });
        of_claims.chain(self.payload_header.clone())
    }

    /// Whose signed tokens it vouches for.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match &self.kind {
            ProviderKind::Token(token) => Some(&token.claims.issuer),
            ProviderKind::ApiKeys(_) | ProviderKind::Introspection(_) => None,
        }
    }

    fn kind(fields: &mut Fields<'_>, from: &mut Option<Vec<Location>>) -> Option<ProviderKind> {
        let api_keys = fields.optional("api_keys");
        let introspection = fields.optional("introspection");
        match (api_keys, introspection) {
            (None, None) => {
                let tokens = TokenProvider::read(fields)?;
                Some(ProviderKind::Token(Box::new(tokens)))
            }
            (Some(api_keys), None) => {
                let (keys, locations) = ApiKeys::read(&api_keys)?;
                if from.is_none() {
                    *from = locations;
                }
                Some(ProviderKind::ApiKeys(keys))
            }
            (None, Some(introspection)) => {
                let introspection = Introspection::read(&introspection)?;
                Some(ProviderKind::Introspection(introspection))
            }
            (Some(_), Some(_)) => {
                fields.node().reject(
                    r#"expected one of "jwks", "api_keys" and "introspection"; a provider has one kind of credential"#,
                );
                None
            }
        }
    }
}

/// A header has one value: of two claims for it, the upstream would see one.
fn reject_shared_headers(fields: &Fields<'_>, mappings: &[ClaimHeader], payload: Option<&str>) {
    for mapping in mappings {
        let marker = mapping.truncated_header();
        let marks = |header: &str| http::folds_alike(header.as_bytes(), marker.as_bytes());
        let headers = mappings.iter().map(|mapping| mapping.header.as_str());
        if mapping.on_too_large == OnTooLarge::Truncate && headers.chain(payload).any(marks) {
            fields.node().reject_unseen(format_args!(
                "claims_to_headers: {marker:?} says whether {:?} was truncated; it can carry nothing else",
                mapping.header
            ));
        }
    }
    for (index, mapping) in mappings.iter().enumerate() {
        let earlier = mappings.iter().take(index);
        let mut others = earlier
            .map(|mapping| mapping.header.as_str())
            .chain(payload);
        if others.any(|other| http::folds_alike(other.as_bytes(), mapping.header.as_bytes())) {
            fields.node().reject_unseen(format_args!(
                "claims_to_headers: two claims for the header {:?}; it can carry one",
                mapping.header
            ));
        }
    }
}

impl Location {
    pub(super) fn read_list(node: &Node<'_>) -> Option<Vec<Self>> {
        node.non_empty_list(|location| Self::read(&location))
    }
}
