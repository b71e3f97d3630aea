//! An issuer that is asked about its tokens (RFC 7662).

use std::time::Duration;

use policy::config::Node;

use super::Endpoint;
use super::token_provider::{audiences, clock_skew, issuer_name};

/// How an issuer is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspection {
    /// The introspection endpoint (RFC 7662).
    pub endpoint: Endpoint,
    /// The client id that introspects tokens.
    pub client_id: String,
    /// The environment variable with the secret of who asks.
    pub client_secret_env: String,
    /// How the filter authenticates to the endpoint.
    pub authentication: ClientAuthentication,
    /// How long to wait for a response.
    pub timeout: Duration,
    /// How far ahead of ours the clock of the issuer may be.
    pub clock_skew: Duration,
    /// How long a response counts, but not beyond the token's own expiry.
    pub cache_duration: Duration,
    /// Responses that each worker remembers.
    pub cache_tokens: usize,
    /// Questions under way in each worker.
    pub max_requests: usize,
    /// `iss` of a response that has one must be this.
    pub issuer: Option<String>,
    /// `aud` of a response must name one of these; `None` accepts any.
    pub audiences: Option<Vec<String>>,
}

/// How a client authenticates (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// In the `Authorization` header (`client_secret_basic`).
    #[default]
    Basic,
    /// In the form (`client_secret_post`).
    Post,
}

impl Introspection {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let endpoint = Endpoint::read(fields, "the address of the introspection endpoint");
            let client_id = fields.name("client_id", "who asks", 256);
            let client_secret_env = fields.name(
                "client_secret_env",
                "the name of an environment variable",
                256,
            );
            let second = Duration::from_secs(1);
            let introspection = Self {
                authentication: fields.or(
                    "client_authentication",
                    ClientAuthentication::Basic,
                    |n| {
                        n.one_of(&[
                            ("basic", ClientAuthentication::Basic),
                            ("post", ClientAuthentication::Post),
                        ])
                    },
                ),
                timeout: fields.or("timeout", second.saturating_mul(5), |n| {
                    n.duration(Duration::from_millis(10)..=Duration::from_secs(60))
                }),
                cache_duration: fields.or("cache_duration", second.saturating_mul(30), |n| {
                    n.duration(Duration::ZERO..=Duration::from_secs(86_400))
                }),
                clock_skew: clock_skew(fields),
                cache_tokens: fields.or("cache_tokens", 1000, |n| {
                    usize::try_from(n.integer(1..=1_000_000)?).ok()
                }),
                max_requests: fields.or("max_requests", 100, |n| {
                    usize::try_from(n.integer(1..=10_000)?).ok()
                }),
                issuer: fields.or("issuer", None, |n| issuer_name(&n).map(Some)),
                audiences: fields.or("audiences", None, |n| audiences(&n)),
                endpoint: endpoint?,
                client_id: client_id?,
                client_secret_env: client_secret_env?,
            };
            Some(introspection)
        })
    }
}
