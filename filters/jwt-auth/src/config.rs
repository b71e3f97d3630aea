//! The configuration: who may vouch for callers, and who may do what.

use std::time::Duration;

use host::FactSources;
use host::exchange::{IDENTITY_HEADER, IdentitySource};
use policy::claim::ClaimCondition;
use policy::config::{self, Fields, Node, Problems};
use policy::consent::ConsentSources;
use policy::json::Json;
use policy::matching::Match;
use policy::mode::Mode;

use crate::claims::ClaimPolicy;
use crate::jwks::{KeySet, SkippedKey};
use crate::signature::Algorithm;

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// The mode of the whole filter.
    pub mode: Mode,
    /// Who may vouch for callers.
    pub providers: Vec<Provider>,
    /// The first that matches decides.
    pub rules: Vec<Rule>,
    /// What holds where no rule matches.
    pub default: Access,
    /// Where consent signals come from.
    pub sources: FactSources,
}

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

/// Where the keys of a provider come from.
#[derive(Debug)]
pub enum KeySource {
    /// From the configuration, with what had to be left out.
    Inline(KeySet, Vec<SkippedKey>),
    /// Fetched from the provider.
    Remote(RemoteKeys),
}

/// A JWK set to be fetched.
#[derive(Clone, Debug)]
pub struct RemoteKeys {
    /// The cluster (Envoy) or `host[:port]` (nginx hosts) to call.
    pub upstream: String,
    /// `:authority` of the call.
    pub authority: String,
    /// `:path` of the call.
    pub path: String,
    /// How long to wait for the answer.
    pub timeout: Duration,
    /// How long fetched keys count as fresh.
    pub cache_duration: Duration,
    /// How much longer they serve while the provider cannot be reached.
    pub max_stale: Duration,
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

/// Who may do what.
#[derive(Debug)]
pub struct Rule {
    /// Its name, or its place.
    pub name: String,
    /// Which requests it is about.
    pub matches: Match,
    /// What they need.
    pub access: Access,
    /// The mode of this rule.
    pub mode: Mode,
}

/// What a request needs.
#[derive(Debug)]
pub enum Access {
    /// Nothing.
    Anonymous,
    /// Nobody gets through.
    Deny,
    /// A verified token.
    Require(Requirement),
}

/// What a verified token must have.
#[derive(Debug)]
pub struct Requirement {
    /// Indices into [`Config::providers`]: any of them.
    pub providers: Vec<usize>,
    /// All of them.
    pub scopes: Vec<String>,
    /// All must hold.
    pub claims: Vec<ClaimCondition>,
}

impl Config {
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        config::read(text, |node| node.object(Self::read))
    }

    /// Reads the top level; public for the test that compares keys and documentation.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mode = fields.or("mode", Mode::Enforce, |n| Mode::read(&n));
        let mut names = Vec::new();
        let providers = fields
            .required("providers", "an object with a provider for each name")
            .and_then(|node| {
                // A provider with a mistake still has a name that rules may use.
                names = node
                    .named(|_, _| Some(()))?
                    .into_iter()
                    .map(|(name, ())| name)
                    .collect();
                node.named(|name, provider| Provider::read(name, &provider))
            });
        let rules = fields.or("rules", Vec::new(), |n| {
            n.list(|rule| Rule::read(&rule, &names))
        });
        let default = fields.or("default", Access::Deny, |n| {
            match n.one_of(&[("deny", false), ("anonymous", true)])? {
                true => Some(Access::Anonymous),
                false => Some(Access::Deny),
            }
        });
        let sources = FactSources {
            identity: IdentitySource::default(),
            consent: fields.or("consent", ConsentSources::default(), |n| {
                ConsentSources::read(&n)
            }),
        };
        let providers = providers?
            .into_iter()
            .map(|(_, provider)| provider)
            .collect();
        Some(Self {
            mode,
            providers,
            rules,
            default,
            sources,
        })
    }

    /// Headers that only this filter may set, whatever a client sends.
    pub fn managed_headers(&self) -> impl Iterator<Item = &str> {
        let own = self.providers.iter().flat_map(|provider| {
            let claims = provider
                .claims_to_headers
                .iter()
                .map(|mapping| mapping.header.as_str());
            claims.chain(provider.payload_header.as_deref())
        });
        std::iter::once(IDENTITY_HEADER).chain(own)
    }
}

impl Provider {
    fn read(name: &str, node: &Node<'_>) -> Option<Self> {
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

impl KeySource {
    fn read(node: &Node<'_>) -> Option<Self> {
        let (form, inner) = node.variant(&["inline", "remote", "discovery"])?;
        let Some(inner) = inner else {
            node.reject(format_args!("expected an object behind {form:?}"));
            return None;
        };
        match form {
            "remote" => RemoteKeys::read(&inner).map(Self::Remote),
            "inline" => {
                // The set itself, or its text.
                let parsed = match inner.json() {
                    Json::String(text) => Json::parse(text.as_bytes()).map_err(|e| e.to_string()),
                    set => Ok(set.clone()),
                };
                let imported = parsed.and_then(|set| KeySet::import(&set).map_err(str::to_owned));
                match imported {
                    Ok((keys, skipped)) if keys.is_empty() => {
                        let reasons: Vec<String> = skipped
                            .iter()
                            .map(|key| format!("keys[{}]: {}", key.index, key.reason))
                            .collect();
                        inner.reject_unseen(format_args!("no usable key; {}", reasons.join("; ")));
                        None
                    }
                    Ok((keys, skipped)) => Some(Self::Inline(keys, skipped)),
                    Err(error) => {
                        inner.reject_unseen(error);
                        None
                    }
                }
            }
            _ => {
                inner.reject_unseen("not supported yet");
                None
            }
        }
    }
}

impl RemoteKeys {
    fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let uri = fields
                .required("uri", "the address of the JWK set")
                .and_then(|n| n.parsed(split_uri, "an http or https address"));
            let upstream = fields
                .required("cluster", "the cluster that reaches the provider")
                .and_then(|n| n.name(256).map(str::to_owned));
            let remote = |low: Duration, high: Duration| move |n: Node<'_>| n.duration(low..=high);
            let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
            let week = day.saturating_mul(7);
            let timeout = fields.or(
                "timeout",
                Duration::from_secs(5),
                remote(Duration::from_millis(10), Duration::from_secs(60)),
            );
            let cache_duration = fields.or(
                "cache_duration",
                Duration::from_secs(600),
                remote(second, day),
            );
            let max_stale = fields.or(
                "max_stale",
                Duration::from_secs(3600),
                remote(Duration::ZERO, week),
            );
            let (authority, path) = uri?;
            Some(Self {
                upstream: upstream?,
                authority,
                path,
                timeout,
                cache_duration,
                max_stale,
            })
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

    fn read(node: &Node<'_>) -> Option<Self> {
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
    fn read(node: &Node<'_>) -> Option<Self> {
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

impl Rule {
    fn read(node: &Node<'_>, providers: &[String]) -> Option<Self> {
        node.object(|fields| {
            let name = fields.or("name", node.path().to_owned(), |n| {
                n.name(64).map(str::to_owned)
            });
            let matches = fields.or("match", Match::default(), |n| Match::read(&n));
            let mode = fields.or("mode", Mode::Enforce, |n| Mode::read(&n));
            let allow = fields.optional("allow");
            let require = fields.optional("require");
            let access = match (allow, require) {
                (Some(allow), None) => allow
                    .one_of(&[("anonymous", ())])
                    .map(|()| Access::Anonymous),
                (None, Some(require)) => {
                    Requirement::read(&require, providers).map(Access::Require)
                }
                _ => {
                    fields
                        .node()
                        .reject(r#"expected exactly one of "allow" and "require""#);
                    None
                }
            };
            Some(Self {
                name,
                matches,
                access: access?,
                mode,
            })
        })
    }
}

impl Requirement {
    fn read(node: &Node<'_>, providers: &[String]) -> Option<Self> {
        node.object(|fields| {
            let index = |n: &Node<'_>| {
                let words: Vec<(&str, usize)> = providers
                    .iter()
                    .enumerate()
                    .map(|(index, name)| (name.as_str(), index))
                    .collect();
                n.one_of(&words)
            };
            for later in ["all_of", "audiences", "tls", "consent"] {
                fields.not_yet(later);
            }
            let one = fields
                .optional("provider")
                .map(|n| index(&n).map(|index| vec![index]));
            let any = fields
                .optional("any_of")
                .map(|n| n.non_empty_list(|item| index(&item)));
            let providers = match (one, any) {
                (Some(one), None) => one,
                (None, Some(any)) => any,
                _ => {
                    fields
                        .node()
                        .reject(r#"expected exactly one of "provider" and "any_of""#);
                    None
                }
            };
            let scopes = fields.or("scopes", Vec::new(), |n| n.strings());
            let claims = fields.or("claims", Vec::new(), |n| {
                n.non_empty_list(|claim| ClaimCondition::read(&claim))
            });
            Some(Self {
                providers: providers?,
                scopes,
                claims,
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

/// Authority and path of an address.
fn split_uri(uri: &str) -> Result<(String, String), &'static str> {
    const EXPECTED: &str = r#"expected an address such as "https://idp.example.com/jwks""#;
    let rest = uri
        .strip_prefix("https://")
        .or_else(|| uri.strip_prefix("http://"))
        .ok_or(EXPECTED)?;
    let (authority, path) = match rest
        .find('/')
        .and_then(|slash| rest.split_at_checked(slash))
    {
        Some((authority, path)) => (authority, path),
        None => (rest, "/"),
    };
    let printable = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    if authority.is_empty() || authority.contains('@') || !rest.bytes().all(printable) {
        return Err(EXPECTED);
    }
    Ok((authority.to_owned(), path.to_owned()))
}

const DEFAULT_SKEW: Duration = Duration::from_secs(60);
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named() {
        let text = r#"{
            "providers": {
                "a": {"issuer": "", "audiences": [], "jwks": {"inline": {"keys": []}}},
                "b": {"issuer": "i", "jwks": {"remote": {"uri": "ftp://x", "timeout": "5m"}}, "algorithms": ["none"]},
                "c": {"issuer": "i", "audiences": "any", "jwks": {"discovery": {}}, "algorithms": ["EdDSA"], "clock_skew": "1h"},
                "d": {"issuer": "i", "audiences": "all", "jwks": {"inline": {"keys": [{"kty": "oct", "k": "x"}]}},
                      "from": [{"header": "a", "query": "b"}], "payload_header": "Host", "forwards": true},
                "e": {"api_keys": {}}
            },
            "rules": [
                {"match": {"paths": ["/x"]}, "allow": "all"},
                {"require": {"provider": "nobody"}},
                {"require": {"scopes": ["x"]}},
                {"allow": "anonymous", "require": {"provider": "a"}}
            ],
            "default": "allow"
        }"#;
        let problems = Config::parse(text).unwrap_err().to_string();
        for expected in [
            r#"providers.a.issuer: """#,
            "providers.a.audiences: an array: expected at least one item",
            "providers.a.jwks.inline: no usable key",
            "providers.b.audiences: missing",
            r#"providers.b.jwks.remote.uri: "ftp://x": expected an address"#,
            "providers.b.jwks.remote.cluster: missing",
            r#"providers.b.jwks.remote.timeout: "5m": expected from 10ms to 1m"#,
            r#"providers.b.algorithms[0]: "none": expected "RS256" or "ES256""#,
            "providers.c.jwks.discovery: not supported yet",
            r#"providers.c.algorithms[0]: "EdDSA": not supported yet"#,
            r#"providers.c.clock_skew: "1h": expected from 0s to 5m"#,
            r#"providers.d.audiences: "all""#,
            "providers.d.jwks.inline: no usable key; keys[0]: a private or symmetric key",
            "providers.d.from[0]",
            r#"providers.d.payload_header: "Host": this header cannot carry a claim"#,
            r#"providers.d.forwards: unknown key; did you mean "forward"?"#,
            "providers.e.api_keys: not supported yet",
            r#"rules[0].allow: "all": expected "anonymous""#,
            "rules[1].require.provider: \"nobody\"",
            r#"rules[2].require: an object: expected exactly one of "provider" and "any_of""#,
            r#"rules[3]: an object: expected exactly one of "allow" and "require""#,
            r#"default: "allow""#,
        ] {
            assert!(
                problems.contains(expected),
                "{expected} is not in\n{problems}"
            );
        }
    }
}
