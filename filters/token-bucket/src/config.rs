//! The configuration of the filter: limits, services, bypasses and what applies to all of them.

mod bypass;
mod limit;
mod response;
mod service;

pub use bypass::{Bypass, HeaderSecret};
pub use host::key::OnMissingKey;
pub use limit::{Cost, Limit, OnErrors};
pub use service::{Service, Transport};

use std::rc::Rc;

use host::FactSources;
use host::route_config::{RoutePart, RouteSettings};
use policy::client_address::{self, ClientAddress, Prefixes};
use policy::config::{Configuration, Fields, Node};
use policy::mode::Mode;
use policy::refusal::CustomResponse;

/// The checked configuration of the filter.
#[derive(Debug)]
pub struct Config {
    /// The mode of limits that say nothing else.
    pub mode: Mode,
    /// Every limit that matches a request counts it.
    pub limits: Vec<Limit>,
    /// The rate limit services that limits name, each once.
    pub services: Vec<Service>,
    /// Requests that no limit applies to.
    pub bypass: Bypass,
    /// How many buckets each limit has, and where.
    pub table: TableConfig,
    /// What to do where the host shares no data.
    pub scope: Scope,
    /// How full buckets are when the proxy starts, or when a limit is new.
    pub start: Start,
    /// The response headers that tell clients where they stand.
    pub headers: HeaderStyle,
    /// Where identity, consent and the address of the client come from.
    pub sources: Rc<FactSources>,
    /// Which routes have configurations of their own.
    pub routes: RouteSettings,
}

/// How many buckets each limit has, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableConfig {
    /// Buckets in the table of each limit.
    pub slots: u64,
    /// What storage keys begin with: on nginx hosts the zone of shared memory and a slash.
    pub zone: String,
}

/// How far a bucket reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All workers of the process, or each worker alone where the host shares no data.
    Worker,
    /// All workers of the process; a host that shares no data refuses the configuration.
    Process,
}

/// How full buckets are when the proxy starts, or when a limit is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Everybody has a whole burst.
    Full,
    /// Everybody has nothing, and gets it at the rate of the limit.
    Empty,
}

/// The headers that tell clients where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderStyle {
    /// `x-ratelimit-limit`, `-remaining`, `-reset`, as Envoy writes them.
    XRateLimit,
    /// `ratelimit-policy` and `ratelimit` of draft-ietf-httpapi-ratelimit-headers-10.
    Ietf10,
    /// Responses have no rate limit headers.
    None,
}

impl Config {
    /// What may differ by route: the limits, not who gets past them.
    pub const ROUTE_PART: RoutePart = RoutePart::new(&["mode", "limits", "refusal"], |text| {
        Self::check(text).map(drop)
    });
}

impl Configuration for Config {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mode = Mode::of_filter(fields);
        let replicas = fields.or("replicas", 1, |n| n.integer(1..=10_000));
        let response = fields.optional("refusal").map(|n| response::read(&n));
        let mut sources = FactSources::read(fields);
        read_short_form(fields, &mut sources.client_address);
        let mut services = Vec::new();
        let limits = fields
            .required("limits", "an array of limits")
            .and_then(|node| read_limits(&node, mode, replicas, &mut services));
        let config = Self {
            mode,
            limits: Vec::new(),
            services,
            bypass: fields.or("bypass", Bypass::default(), |n| n.object(Bypass::read)),
            table: fields.or("table", TableConfig::default(), |n| {
                n.object(TableConfig::read)
            }),
            scope: fields.or("scope", Scope::Worker, |n| {
                n.one_of(&[("worker", Scope::Worker), ("process", Scope::Process)])
            }),
            start: fields.or("start", Start::Full, |n| {
                n.one_of(&[("full", Start::Full), ("empty", Start::Empty)])
            }),
            headers: fields.or("headers", HeaderStyle::XRateLimit, |n| {
                n.one_of(&[
                    ("x-ratelimit", HeaderStyle::XRateLimit),
                    ("ietf-10", HeaderStyle::Ietf10),
                    ("none", HeaderStyle::None),
                ])
            }),
            sources: Rc::new(sources),
            routes: RouteSettings::read(fields, &Self::ROUTE_PART),
        };
        let response: Option<CustomResponse> = response.flatten();
        let mut limits = limits?;
        for limit in &mut limits {
            if limit.response.is_none() {
                limit.response.clone_from(&response);
            }
        }
        Some(Self { limits, ..config })
    }
}

impl Default for TableConfig {
    fn default() -> Self {
        Self {
            slots: DEFAULT_SLOTS,
            zone: String::new(),
        }
    }
}

impl TableConfig {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            slots: fields.or("slots", DEFAULT_SLOTS, |n| n.integer(16..=16_777_216)),
            zone: fields.or("zone", String::new(), |n| {
                plain_name(&n).map(|zone| format!("{zone}/"))
            }),
        })
    }
}

fn read_limits(
    node: &Node<'_>,
    mode: Mode,
    replicas: u64,
    services: &mut Vec<Service>,
) -> Option<Vec<Limit>> {
    let limits = node
        .clone()
        .at_most(MAX_LIMITS)
        .non_empty_list(|limit| Limit::read(&limit, mode, replicas, services))?;
    for (index, limit) in limits.iter().enumerate() {
        let mut earlier = limits.iter().take(index);
        if earlier.any(|earlier| earlier.name == limit.name) {
            node.reject_unseen(format_args!("two limits are named {:?}", limit.name));
        }
    }
    Some(limits)
}

/// The keys `trusted_hops` and `ip_prefix` at the top level are short for those of
/// `client_address`.
fn read_short_form(fields: &mut Fields<'_>, block: &mut ClientAddress) {
    let has_block = fields.optional("client_address").is_some();
    let hops = fields.optional("trusted_hops");
    let prefixes = fields.optional("ip_prefix");
    for short in [&hops, &prefixes].into_iter().flatten() {
        if has_block {
            short.reject_unseen(format_args!(
                r#"belongs into "client_address": "client_address.{}""#,
                short.path()
            ));
        }
    }
    if let Some(hops) = hops.and_then(|n| client_address::trusted_hops(&n)) {
        *block = ClientAddress::of_hops(hops);
    }
    if let Some(prefixes) = prefixes.and_then(|n| Prefixes::read(&n)) {
        block.prefixes = prefixes;
    }
}

/// A name that appears inside quoted strings of headers and in storage keys, so it is kept plain.
fn plain_name(node: &Node<'_>) -> Option<String> {
    let name = node.name(64)?;
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        node.reject("expected letters, digits, dots, dashes and underscores");
        return None;
    }
    Some(name.to_owned())
}

const DEFAULT_SLOTS: u64 = 65_536;
/// A request costs up to two host calls for each limit that matches.
const MAX_LIMITS: usize = 256;

#[cfg(test)]
mod tests;
