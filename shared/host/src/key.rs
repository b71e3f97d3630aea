//! The key of a bucket: what tells the clients of a limit or of a budget apart.

mod spelling;

use policy::client_address::{Network, Prefixes};
use policy::config::Node;
use policy::facts::Facts as _;
use policy::identity::Identity;
use policy::values::Values;

use crate::{Direction, Host, Request};

/// One part of a limit's key: `"ip"`, `"claim:tenant"`, `"header:x-plan"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// The client's address, cut to the configured prefix.
    Ip,
    /// A header by its lower-case name.
    Header(String),
    /// A query parameter, by name.
    Query(String),
    /// A cookie of this name.
    Cookie(String),
    /// A claim of the verified identity, never of a token that nobody checked.
    Claim(String),
    /// The verified caller: provider and subject.
    Consumer,
    /// The name of the route.
    Route,
    /// The host name that the request asks for, without a port.
    Host,
    /// The request method, in upper case; `HEAD` is `GET`.
    Method,
    /// Nothing: all requests share one key.
    Constant,
}

/// What happens to a request that lacks a part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnMissingKey {
    /// The request is not counted.
    Skip,
    /// The request is refused.
    Deny,
    /// All such requests share one bucket.
    Shared,
    /// The request is counted by another key.
    Fallback(Vec<KeyPart>),
}

impl OnMissingKey {
    /// Reads `"skip"`, `"deny"`, `"shared"` or `{ "fallback": ["ip"] }`.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        match node.variant(&["skip", "deny", "shared", "fallback"])? {
            ("skip", None) => Some(Self::Skip),
            ("deny", None) => Some(Self::Deny),
            ("shared", None) => Some(Self::Shared),
            ("fallback", Some(parts)) => KeyPart::read_all(parts).map(Self::Fallback),
            _ => {
                node.reject(r#"expected "skip", "deny", "shared" or { "fallback": ["ip"] }"#);
                None
            }
        }
    }
}

/// A request and what is needed to ask it for a key.
#[derive(Clone, Copy)]
pub struct KeySource<'r> {
    /// The host to read the request from.
    pub host: &'r dyn Host,
    /// The request whose key is derived.
    pub request: &'r Request,
    /// How much of an address counts.
    pub prefixes: Prefixes,
}

impl KeySource<'_> {
    /// The part of the client's address that counts.
    fn network(self) -> Option<Network> {
        let address = self.request.client_address(self.host)?;
        Some(Network::of(address, self.prefixes))
    }
}

impl KeyPart {
    /// Reads one part of a key from the configuration, such as `header:x-api-key`.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        let text = node.string()?;
        spelling::parse(text)
            .map_err(|mistake| node.reject(mistake))
            .ok()
    }

    /// Reads the parts of a key, each once.
    #[must_use]
    pub fn read_all(node: Node<'_>) -> Option<Vec<Self>> {
        let node = node.at_most(MAX_KEY_PARTS);
        let parts = node.non_empty_list(|part| Self::read(&part))?;
        for (place, part) in parts.iter().enumerate() {
            if parts.iter().take(place).any(|earlier| earlier == part) {
                node.reject_unseen(format_args!("{:?} is there twice", part.spelled()));
                return None;
            }
        }
        Some(parts)
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

    /// Every value that some server may read, as bytes.
    fn values(&self, source: KeySource<'_>) -> Values {
        let KeySource { host, request, .. } = source;
        let identity = |of: &dyn Fn(&Identity) -> Option<Vec<u8>>| {
            let facts = request.facts(host, Direction::Request);
            Values::single(facts.identity().and_then(of))
        };
        // Of a name that a host does not list it gives the first line only, and nobody knows which
        // other names there are.
        let is_cut = || !request.has_all_headers(host);
        match self {
            Self::Header(_) | Self::Cookie(_) | Self::Host | Self::Method if is_cut() => {
                Values::TooMany
            }
            Self::Ip => Values::single(source.network().map(|network| {
                let mut bytes = Vec::new();
                network.write(&mut bytes);
                bytes
            })),
            Self::Constant => Values::Some(vec![Vec::new()]),
            Self::Header(name) => {
                let lines = request.header_lines(host, name);
                // To some upstreams `x_api_key` is `x-api-key`: it counts like a further line.
                let folded = request.folded_lines(host, name);
                Values::of_lines(lines.iter().map(AsRef::as_ref).chain(folded))
            }
            Self::Query(name) => match request.queries(host) {
                Some(queries) => Values::of_parameter(&queries, name),
                None => Values::TooMany,
            },
            Self::Cookie(name) => Values::of_cookie(request.cookies(host), name),
            Self::Claim(path) => {
                identity(&|identity| identity.claim_key(path).map(String::into_bytes))
            }
            // Where the provider ends must not depend on what a subject is called.
            Self::Consumer => identity(&|identity| {
                let subject = identity.subject.as_ref()?;
                Some([identity.provider.as_bytes(), b"\0", subject.as_bytes()].concat())
            }),
            Self::Route if !request.is_on_route(host) => Values::TooMany,
            Self::Route => Values::of_texts(request.route(host)),
            Self::Host => {
                let facts = request.facts(host, Direction::Request);
                let others = facts.other_hosts();
                if others.is_any {
                    return Values::TooMany;
                }
                let others = others.names.iter().map(String::as_str);
                Values::of_texts(std::iter::once(facts.host()).chain(others))
            }
            // Upstreams that do not tell `post` from `POST` take both.
            Self::Method => {
                let facts = request.facts(host, Direction::Request);
                let others = facts.method_overrides().iter().map(String::as_str);
                let methods = std::iter::once(facts.method()).chain(others);
                let upper = methods.map(str::to_ascii_uppercase);
                // Servers answer `HEAD` with what they have for `GET`: it is no other request.
                let upper: Vec<String> = upper
                    .map(|method| match method.as_str() {
                        "HEAD" => "GET".to_owned(),
                        _ => method,
                    })
                    .collect();
                Values::of_texts(upper.iter().map(String::as_str))
            }
        }
    }

    /// A value as a rate limit service gets it.
    fn entry_value(&self, value: &[u8], source: KeySource<'_>) -> String {
        match self {
            Self::Ip => source
                .network()
                .map(|network| network.to_string())
                .unwrap_or_default(),
            Self::Consumer => {
                let mut parts = value.splitn(2, |byte| *byte == 0);
                let provider = parts.next().unwrap_or_default();
                let subject = parts.next().unwrap_or_default();
                bounded(&[provider, b"/", subject].concat())
            }
            _ => bounded(value),
        }
    }
}

/// What clients choose becomes a key in the store of the service: a long value goes as its hash, and
/// so does one that is no text.
fn bounded(value: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};

    if let Ok(text) = std::str::from_utf8(value)
        && text.len() <= MAX_ENTRY_BYTES
    {
        return text.to_owned();
    }
    format!("sha256:{}", policy::hex::encode(&Sha256::digest(value)))
}

/// The key of a request: a value for each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What tells it from every other key: the kind, then the values, each with its length before
    /// it, so that no two lists of values give the same bytes.
    bytes: Vec<u8>,
    values: Vec<Vec<u8>>,
}

/// The keys of a request under one list of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// A part of the key is missing in the request.
    Missing,
    /// One, or several where the request names a part more than once. All of them count.
    Some(Vec<Key>),
    /// The request has more than [`MAX_KEYS`] readings of the key.
    TooMany,
}

impl Key {
    /// Makes a key that has no parts yet.
    #[must_use]
    pub fn of_kind(kind: u8) -> Self {
        Self {
            bytes: vec![kind],
            values: Vec::new(),
        }
    }

    /// The bytes that tell it from every other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The values of the parts as a rate limit service gets them.
    #[must_use]
    pub fn entry_values(&self, parts: &[KeyPart], source: KeySource<'_>) -> Vec<String> {
        let pairs = parts.iter().zip(&self.values);
        pairs
            .map(|(part, value)| part.entry_value(value, source))
            .collect()
    }

    /// Appends bytes to those that tell it from others.
    pub fn tell_apart(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn push(&mut self, value: Vec<u8>) {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.bytes.reserve(value.len().saturating_add(4));
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend_from_slice(&value);
        self.values.push(value);
    }
}

/// The keys of a request of this kind, under a list of parts.
#[must_use]
pub fn keys(kind: u8, parts: &[KeyPart], source: KeySource<'_>) -> Keys {
    let mut keys = vec![Key::of_kind(kind)];
    for part in parts {
        let mut values = match part.values(source) {
            Values::Missing => return Keys::Missing,
            Values::TooMany => return Keys::TooMany,
            Values::Some(values) => values,
        };
        if keys.len().saturating_mul(values.len()) > MAX_KEYS {
            return Keys::TooMany;
        }
        // Nearly every request has one value, and needs no copies.
        if let [value] = values.as_mut_slice() {
            let value = std::mem::take(value);
            let Some((last, others)) = keys.split_last_mut() else {
                continue;
            };
            for key in others {
                key.push(value.clone());
            }
            last.push(value);
            continue;
        }
        let shorter = std::mem::take(&mut keys);
        for value in values {
            keys.extend(shorter.iter().cloned().map(|mut key| {
                key.push(value.clone());
                key
            }));
        }
    }
    Keys::Some(keys)
}

/// The keys of a request under the parts that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<'l> {
    /// The parts; none where all requests without the key share one bucket.
    pub parts: &'l [KeyPart],
    /// The keys. All of them count.
    pub keys: Vec<Key>,
    /// The parts are those of the key itself, not those of a fallback.
    pub is_own: bool,
}

impl Chosen<'_> {
    /// Whether this is the bucket of all that lack the key.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.parts.is_empty()
    }

    /// The keys as people read them: `claim:sub=alice`.
    #[must_use]
    pub fn told(&self, source: KeySource<'_>) -> String {
        if self.is_shared() {
            return "all that lack the key".to_owned();
        }
        let each = self.keys.iter().map(|key| {
            let values = key.entry_values(self.parts, source);
            let parts = self.parts.iter().zip(values);
            let parts: Vec<String> = parts
                .map(|(part, value)| match part {
                    KeyPart::Constant => part.spelled(),
                    _ => format!("{}={value}", part.spelled()),
                })
                .collect();
            parts.join(" ")
        });
        each.collect::<Vec<String>>().join(", ")
    }

    fn shared() -> Self {
        Self {
            parts: &[],
            keys: vec![Key::of_kind(SHARED)],
            is_own: false,
        }
    }
}

/// Why a request has no key that could count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It lacks a part, and [`OnMissingKey::Deny`] refuses it.
    Missing,
    /// It names a part too many times.
    Ambiguous,
}

/// The keys of a request, by `own` parts or by what it has for requests that lack one. `None` where
/// it is not counted.
///
/// # Errors
/// The request has no key that could count it.
pub fn choose<'l>(
    own: &'l [KeyPart],
    on_missing_key: &'l OnMissingKey,
    source: KeySource<'_>,
) -> Result<Option<Chosen<'l>>, KeyError> {
    // The first byte keeps the kinds of keys apart: a fallback never meets a real one.
    match keys(OWN, own, source) {
        Keys::TooMany => return Err(KeyError::Ambiguous),
        Keys::Some(keys) => {
            return Ok(Some(Chosen {
                parts: own,
                keys,
                is_own: true,
            }));
        }
        Keys::Missing => {}
    }
    match on_missing_key {
        OnMissingKey::Skip => Ok(None),
        OnMissingKey::Deny => Err(KeyError::Missing),
        OnMissingKey::Shared => Ok(Some(Chosen::shared())),
        OnMissingKey::Fallback(parts) => match keys(FALLBACK, parts, source) {
            Keys::TooMany => Err(KeyError::Ambiguous),
            Keys::Missing => Ok(Some(Chosen::shared())),
            Keys::Some(mut keys) => {
                // The parts of the own key are in the name of the table; these are not.
                for key in &mut keys {
                    for part in parts {
                        key.tell_apart(part.spelled().as_bytes());
                    }
                }
                Ok(Some(Chosen {
                    parts,
                    keys,
                    is_own: false,
                }))
            }
        },
    }
}

const OWN: u8 = b'k';
const FALLBACK: u8 = b'f';
const SHARED: u8 = b's';
/// The most parts of a key.
pub const MAX_KEY_PARTS: usize = 16;
/// The most keys of one request under one limit: each is a bucket that is read and written.
pub const MAX_KEYS: usize = policy::values::MAX_VALUES;
const MAX_ENTRY_BYTES: usize = 256;
