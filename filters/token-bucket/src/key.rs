//! Whose bucket a request counts in.

mod spelling;

use host::{Direction, FactSources, Host};
use policy::client_address::Network;
use policy::config::Node;
use policy::facts::Facts as _;
use policy::http;
use policy::identity::Identity;

use crate::lazy::LazyRequest;

/// One part of a limit's key: `"ip"`, `"claim:tenant"`, `"header:x-plan"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// The client's address, cut to the configured prefix.
    Ip,
    /// A header by its lower-case name.
    Header(String),
    /// A query parameter.
    Query(String),
    /// A cookie.
    Cookie(String),
    /// A claim of the verified identity, never of a token that nobody checked.
    Claim(String),
    /// The verified caller: provider and subject.
    Consumer,
    /// The route's name.
    Route,
    /// The host name.
    Host,
    /// The method.
    Method,
    /// The same for everybody.
    Constant,
}

/// A request and what is needed to ask it for a key.
#[derive(Clone, Copy)]
pub struct KeySource<'r> {
    /// The host.
    pub host: &'r dyn Host,
    /// The request.
    pub request: &'r LazyRequest<'r>,
    /// Where identities come from.
    pub facts: &'r FactSources,
}

impl KeySource<'_> {
    /// The part of the client's address that counts.
    fn network(self) -> Option<Network> {
        let rules = &self.facts.client_address;
        let address = self.request.client_address(rules)?;
        Some(Network::of(address, rules.prefixes))
    }
}

impl KeyPart {
    /// Reads one part.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.string()?;
        spelling::parse(text)
            .map_err(|mistake| node.reject(mistake))
            .ok()
    }

    /// The part as a configuration spells it.
    #[must_use]
    pub fn spelled(&self) -> String {
        match self {
            Self::Header(name) => format!("header:{name}"),
            Self::Query(name) => format!("query:{name}"),
            Self::Cookie(name) => format!("cookie:{name}"),
            Self::Claim(path) => format!("claim:{path}"),
            Self::Ip => "ip".to_owned(),
            Self::Consumer => "consumer".to_owned(),
            Self::Route => "route".to_owned(),
            Self::Host => "host".to_owned(),
            Self::Method => "method".to_owned(),
            Self::Constant => "constant".to_owned(),
        }
    }

    /// The entry key by which a rate limit service knows this part, unless the configuration gives
    /// another one.
    #[must_use]
    pub fn entry_key(&self) -> &str {
        match self {
            Self::Ip => "remote_address",
            Self::Header(name) | Self::Query(name) | Self::Cookie(name) | Self::Claim(name) => name,
            Self::Consumer => "consumer",
            Self::Route => "route",
            Self::Host => "host",
            Self::Method => "method",
            Self::Constant => "generic_key",
        }
    }

    /// The part as text; `None` if the request lacks it.
    #[must_use]
    pub fn text(&self, source: KeySource<'_>) -> Option<String> {
        let KeySource { host, request, .. } = source;
        let identity = |of: &dyn Fn(&Identity) -> Option<String>| {
            let facts = request.get().facts(host, source.facts, Direction::Request);
            facts.identity().and_then(of)
        };
        let text = match self {
            Self::Ip => source.network().map(|network| network.to_string()),
            Self::Constant => return Some(String::new()),
            Self::Header(name) => request.get().header(host, name),
            Self::Query(name) => {
                let path = String::from_utf8_lossy(request.get().raw_path());
                http::query_parameters(&path, name).into_iter().next()
            }
            Self::Cookie(name) => request
                .get()
                .header(host, "cookie")
                .and_then(|all| http::cookie(&all, name).map(str::to_owned)),
            Self::Claim(path) => identity(&|identity| identity.claim_text(path)),
            Self::Consumer => identity(&|identity| {
                let subject = identity.subject.as_ref()?;
                Some(format!("{}/{subject}", identity.provider))
            }),
            Self::Route => request.get().route(host).map(str::to_owned),
            Self::Host => Some(request.get().host_name().to_owned()),
            Self::Method => Some(request.get().method().to_owned()),
        };
        text.filter(|text| !text.is_empty())
    }

    /// Writes what makes this part different from every other value of it. Whether it is there.
    fn write(&self, source: KeySource<'_>, key: &mut Vec<u8>) -> bool {
        if matches!(self, Self::Ip) {
            let network = source.network();
            return network.map(|network| network.write(key)).is_some();
        }
        if matches!(self, Self::Consumer) {
            let request = source.request.get();
            let facts = request.facts(source.host, source.facts, Direction::Request);
            let Some((provider, subject)) = facts
                .identity()
                .and_then(|identity| Some((&identity.provider, identity.subject.as_ref()?)))
            else {
                return false;
            };
            // Where the provider ends must not depend on what a subject is called.
            key.extend_from_slice(provider.as_bytes());
            key.push(0);
            key.extend_from_slice(subject.as_bytes());
            return true;
        }
        let text = self.text(source);
        if let Some(text) = &text {
            key.extend_from_slice(text.as_bytes());
        }
        text.is_some()
    }
}

/// The key of a request after `kind`: the parts, each with its length before it, so that no two
/// lists of parts give the same bytes. `None` if a part is missing.
#[must_use]
pub fn composed(kind: u8, parts: &[KeyPart], source: KeySource<'_>) -> Option<Vec<u8>> {
    let mut key = vec![kind];
    for part in parts {
        let before = key.len();
        key.extend([0; LENGTH]);
        if !part.write(source, &mut key) {
            return None;
        }
        let start = before.saturating_add(LENGTH);
        let length = u32::try_from(key.len().saturating_sub(start)).ok()?;
        key.get_mut(before..start)?
            .copy_from_slice(&length.to_le_bytes());
    }
    Some(key)
}

const LENGTH: usize = 4;
