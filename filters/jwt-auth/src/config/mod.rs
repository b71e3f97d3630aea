//! The configuration: who may vouch for callers, and who may do what.

mod api_keys;
mod break_glass;
mod deny_list;
mod failures;
mod forward;
mod gpc_status;
mod introspection;
mod key_source;
mod location;
mod objection;
mod provider;
mod refusal_format;
mod remote_list;
mod request_limit;
mod resource_metadata;
mod response_rule;
mod rule;
mod tls;
mod token_provider;
mod warnings;

pub use api_keys::{ApiKeyEntry, ApiKeyHash, ApiKeys};
pub use break_glass::BreakGlass;
pub use deny_list::DenyList;
pub use failures::{FailureKey, FailureLimit, FailureLimits};
pub use forward::{ClaimForm, ClaimHeader, OnTooLarge};
pub(crate) use gpc_status::GPC_PATH;
pub use gpc_status::GpcStatus;
pub use introspection::{ClientAuthentication, Introspection};
pub use key_source::{
    Discovery, DocumentSource, EnvironmentKey, FetchSettings, Holds, InlineKeys, KeySource,
};
pub use location::{CredentialPlace, Location};
pub use objection::Objection;
pub use policy::endpoint::Endpoint;
pub use provider::{Provider, ProviderKind};
pub use refusal_format::{CustomBody, RefusalFormat};
pub use remote_list::RemoteList;
pub use request_limit::RequestLimit;
pub use resource_metadata::ResourceMetadata;
pub(crate) use response_rule::LINK;
pub use response_rule::ResponseRule;
pub use rule::{Access, DefaultRule, Optional, Providers, Requirement, Rule, StepUp};
pub use tls::{Hsts, SanPattern, TlsRequirement, TlsVersion};
pub use token_provider::{ClaimPolicy, Confirmation, TokenProvider, TokenTypes};

use std::rc::Rc;
use std::time::Duration;

use host::FactSources;
use host::exchange::IDENTITY_HEADER;
use host::route_config::{RoutePart, RouteSettings, goes_by_route};
use policy::config::{Configuration, Fields, Node};
use policy::mode::{Mode, OnError};

use crate::enforce::managed_headers::ManagedHeader;

/// The checked configuration of the filter.
#[derive(Debug)]
pub struct Config {
    /// The mode of rules that say nothing else.
    pub mode: Mode,
    /// Who may vouch for callers.
    pub providers: Vec<Rc<Provider>>,
    /// Where all of them look for credentials.
    pub places: Vec<CredentialPlace>,
    /// Headers that only this filter may set, whatever a client sends.
    pub managed: Vec<ManagedHeader>,
    /// A request that brings one is refused; else the header is removed.
    pub refuses_managed: bool,
    /// The first that matches decides.
    pub rules: Vec<Rule>,
    /// What holds where no rule matches.
    pub default: DefaultRule,
    /// What to do when no decision is possible: no keys, no introspection.
    pub on_error: OnError,
    /// What a request with several credentials means.
    pub on_multiple: OnMultiple,
    /// Preflight requests of CORS need no credential.
    pub allows_preflight: bool,
    /// The proxy chooses the route anew, after claims have become headers.
    pub clear_route_cache: bool,
    /// Tokens and subjects that are refused although they are valid.
    pub deny: DenyList,
    /// What people object to, whatever their tokens say; all lists count.
    pub objections: Vec<Objection>,
    /// Verified tokens that are remembered.
    pub cache: CacheSettings,
    /// Requests that wait for keys or for an introspection.
    pub waiting: WaitingSettings,
    /// The form and the text of refusals.
    pub refusals: RefusalFormat,
    /// What is served as metadata of the protected resource (RFC 9728).
    pub resource_metadata: Option<ResourceMetadata>,
    /// Who may break the glass.
    pub break_glass: Option<BreakGlass>,
    /// How much requests may ask for; all that match count.
    pub requests: Vec<RequestLimit>,
    /// What is done to responses; all that match count.
    pub response_rules: Vec<ResponseRule>,
    /// How many failed attempts are tolerated.
    pub failures: Option<FailureLimits>,
    /// What tells people that their opt-out was honoured.
    pub gpc_status: Option<GpcStatus>,
    /// Where consent signals come from.
    pub sources: Rc<FactSources>,
    /// Which routes have configurations of their own.
    pub routes: RouteSettings,
}

/// What a request with several different credentials means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMultiple {
    /// It is refused: which one counts would be anybody's guess (RFC 6750 section 2).
    #[default]
    Deny,
    /// The first counts, in the order of the configuration.
    First,
    /// All must be valid; the first says who the caller is.
    All,
}

/// How many verified tokens each worker remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// How many verified tokens are remembered; 0 turns the cache off.
    pub tokens: usize,
    /// Larger ones are verified each time.
    pub max_token_bytes: usize,
}

/// How many requests wait in each worker, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingSettings {
    /// Each holds a connection and its headers.
    pub max_requests: usize,
    /// After this a request is refused, because nothing could be decided.
    pub timeout: Duration,
}

impl Config {
    /// What may differ by route: who may do what, not who vouches for callers.
    pub const ROUTE_PART: RoutePart = RoutePart {
        keys: &["mode", "rules", "default"],
        check: |text| Self::check(text).map(drop),
        unread: &["providers", "deny", "objections"],
        check_route: |text| RouteConfig::check(text).map(drop),
    };
}

/// What a route decides by, in a configuration that has the names of the providers alone.
pub(crate) struct RouteConfig(pub(crate) Config);

impl Configuration for RouteConfig {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Config::read_for(fields, true).map(Self)
    }
}

impl Configuration for Config {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Self::read_for(fields, false)
    }
}

impl Config {
    fn read_for(fields: &mut Fields<'_>, is_route: bool) -> Option<Self> {
        let mode = Mode::of_filter(fields);
        let mut names = Vec::new();
        // Where rules ask for nothing but the connection, nobody else need vouch for anybody.
        let has_rules = fields.node().json().member("rules").is_some();
        let providers = match fields.optional("providers") {
            Some(node) => {
                // A provider with a mistake still has a name that rules may use.
                let found = node.named(|_, _| Some(()));
                names = found.into_iter().flatten().map(|(name, ())| name).collect();
                match is_route {
                    true => Some(Vec::new()),
                    false => node.named(|name, provider| Provider::read(name, &provider)),
                }
            }
            None => {
                if !has_rules {
                    let missing = "missing; expected an object with a provider for each name";
                    fields.node().reject_at("providers", missing);
                }
                Some(Vec::new())
            }
        };
        let rules = fields.or("rules", Vec::new(), |n| {
            n.list(|rule| Rule::read(&rule, &names, mode))
        });
        let default = DefaultRule::read(fields, mode);
        let on_multiple = fields.or("on_multiple", OnMultiple::Deny, |n| {
            n.one_of(&[
                ("deny", OnMultiple::Deny),
                ("first", OnMultiple::First),
                ("all", OnMultiple::All),
            ])
        });
        let config = Self {
            mode,
            providers: Vec::new(),
            places: Vec::new(),
            managed: Vec::new(),
            refuses_managed: fields.or(
                "managed_headers",
                goes_by_route(fields.node().json()),
                |n| n.one_of(&[("remove", false), ("refuse", true)]),
            ),
            rules,
            default,
            on_error: fields.or("on_error", OnError::Deny, |n| OnError::read(&n)),
            on_multiple,
            allows_preflight: fields.or("cors_preflight", false, |n| {
                n.one_of(&[("check", false), ("allow", true)])
            }),
            clear_route_cache: fields.or("clear_route_cache", false, |n| n.boolean()),
            deny: fields.or("deny", DenyList::default(), |n| match is_route {
                true => None,
                false => DenyList::read(&n),
            }),
            objections: fields.or("objections", Vec::new(), |n| match is_route {
                true => None,
                false => n
                    .at_most(MAX_OBJECTIONS)
                    .non_empty_list(|list| list.object(Objection::read)),
            }),
            cache: fields.or("cache", CacheSettings::default(), |n| {
                CacheSettings::read(&n)
            }),
            waiting: fields.or("waiting", WaitingSettings::default(), |n| {
                WaitingSettings::read(&n)
            }),
            refusals: RefusalFormat::read(fields),
            resource_metadata: fields.or("resource_metadata", None, |n| {
                ResourceMetadata::read(&n).map(Some)
            }),
            break_glass: fields.or("break_glass", None, |n| BreakGlass::read(&n).map(Some)),
            requests: fields.or("requests", Vec::new(), |n| {
                n.list(|limit| RequestLimit::read(&limit))
            }),
            response_rules: fields.or("response_rules", Vec::new(), |n| {
                n.list(|rule| ResponseRule::read(&rule))
            }),
            failures: fields.or("failures", None, |n| FailureLimits::read(&n).map(Some)),
            gpc_status: fields.or("gpc_status", None, |n| GpcStatus::read(&n).map(Some)),
            sources: Rc::new(FactSources::read_without_identity(fields)),
            routes: RouteSettings::read(fields, &Self::ROUTE_PART),
        };
        let providers: Vec<Provider> = providers?
            .into_iter()
            .map(|(_, provider)| provider)
            .collect();
        let own = providers.iter().flat_map(Provider::managed_headers);
        let mut managed = vec![ManagedHeader::new(IDENTITY_HEADER)];
        for name in own {
            let header = ManagedHeader::new(&name);
            if !managed.contains(&header) {
                managed.push(header);
            }
        }
        let locations = providers.iter().flat_map(|provider| &provider.from);
        let config = Self {
            places: CredentialPlace::all(locations),
            managed,
            providers: providers.into_iter().map(Rc::new).collect(),
            ..config
        };
        warnings::warn(fields, &config);
        Some(config)
    }

    /// The mode of what is done to a request whatever rule is about it: as soon as anything enforces, it
    /// does.
    #[must_use]
    pub fn strictest_mode(&self) -> Mode {
        let rules = self.rules.iter().map(|rule| rule.mode);
        Mode::strictest(rules.chain([self.default.mode]))
    }
}

impl CacheSettings {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let defaults = Self::default();
            Some(Self {
                tokens: fields.or("tokens", defaults.tokens, |n| {
                    usize::try_from(n.integer(0..=1_000_000)?).ok()
                }),
                max_token_bytes: fields.or("max_token_size", defaults.max_token_bytes, |n| {
                    usize::try_from(n.size(256..=16_384)?).ok()
                }),
            })
        })
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            tokens: 1024,
            max_token_bytes: 4096,
        }
    }
}

impl WaitingSettings {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let defaults = Self::default();
            Some(Self {
                max_requests: fields.or("max_requests", defaults.max_requests, |n| {
                    usize::try_from(n.integer(0..=100_000)?).ok()
                }),
                timeout: fields.or("timeout", defaults.timeout, |n| {
                    n.duration(Duration::from_millis(100)..=Duration::from_secs(60))
                }),
            })
        })
    }
}

impl Default for WaitingSettings {
    fn default() -> Self {
        Self {
            max_requests: 1000,
            timeout: Duration::from_secs(10),
        }
    }
}

const MAX_OBJECTIONS: usize = 16;

#[cfg(test)]
mod tests;
