//! Where the keys of a provider come from.

use std::time::Duration;

use policy::config::{Fields, Node};
use policy::json::Json;

use crate::jose::{Algorithm, KeyRules, KeySet, PEM_INSTEAD_OF_JWK, SkippedKey, is_pem};
use crate::keys::schedule::Pace;

use super::Endpoint;
use policy::endpoint::Address;

/// Where the keys of a provider come from.
#[derive(Debug)]
pub enum KeySource {
    /// Keys that the configuration holds.
    Inline(InlineKeys),
    /// Keys that are fetched from the provider.
    Fetched(DocumentSource),
}

/// Keys that the configuration holds.
#[derive(Clone, Debug, Default)]
pub struct InlineKeys {
    /// Those that can be used.
    pub set: KeySet,
    /// Those that had to be left out.
    pub skipped: Vec<SkippedKey>,
    /// Those whose secret is in the environment.
    pub from_environment: Vec<EnvironmentKey>,
}

/// A shared secret in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentKey {
    /// The path of the key in the configuration, for errors.
    pub path: String,
    /// The key's id, `kid`.
    pub id: Option<String>,
    /// The algorithm of its signatures, `alg`.
    pub algorithm: Algorithm,
    /// The name of the variable.
    pub variable: String,
}

/// Where a document is fetched from, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentSource {
    /// Whom to ask: for the document, or for the metadata that say where it is.
    pub endpoint: Endpoint,
    /// With discovery: what its response must fit.
    pub discovery: Option<Discovery>,
    /// When and how it is fetched.
    pub settings: FetchSettings,
    /// What it is read as.
    pub holds: Holds,
    /// The environment variable with the bearer token that is sent for it.
    pub token_env: Option<String>,
}

/// What a document is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The document is a JWK set (RFC 7517, section 5).
    Keys,
    /// Tokens and subjects that are refused.
    DenyList,
    /// The document lists people who object to processing.
    Objections,
}

/// The settings of OpenID Connect Discovery 1.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The issuer, which the metadata must name.
    pub issuer: String,
    /// The cluster that reaches the key set, where it is not on the host of the metadata.
    pub jwks_cluster: Option<String>,
    /// Whether the key set may be fetched without TLS.
    pub plain_http: bool,
}

/// How keys and lists are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchSettings {
    /// How long to wait for a response.
    pub timeout: Duration,
    /// How long what was fetched counts as fresh.
    pub cache_duration: Duration,
    /// How much longer it serves while nothing newer can be fetched.
    pub max_stale: Duration,
    /// After a few fetches for the sake of unknown keys, the time to the next one.
    pub min_refresh: Duration,
}

impl DocumentSource {
    /// Where the document is: whatever differs in one of these is another one.
    #[must_use]
    pub fn address(&self) -> [&str; 8] {
        let place = &self.endpoint;
        let discovery = self.discovery.as_ref();
        let plain_http = discovery.is_some_and(|discovery| discovery.plain_http);
        [
            &place.upstream,
            place.scheme,
            &place.authority,
            &place.path,
            discovery.map_or("", |discovery| &discovery.issuer),
            discovery
                .and_then(|discovery| discovery.jwks_cluster.as_deref())
                .unwrap_or_default(),
            match self.holds {
                Holds::Keys if plain_http => "plain_http",
                Holds::Keys => "",
                Holds::DenyList => "deny_list",
                Holds::Objections => "objections",
            },
            self.token_env.as_deref().unwrap_or_default(),
        ]
    }
}

impl KeySource {
    pub(super) fn read(node: &Node<'_>, rules: &KeyRules, issuer: Option<&str>) -> Option<Self> {
        let (form, inner) = node.variant(&["inline", "remote", "discovery"])?;
        let Some(inner) = inner else {
            node.reject(format_args!("expected an object behind {form:?}"));
            return None;
        };
        match form {
            "remote" => inner.object(|fields| {
                let endpoint = Endpoint::read(fields, "the address of the JWK set");
                let settings = FetchSettings::read(fields, true);
                Some(Self::Fetched(DocumentSource {
                    endpoint: endpoint?,
                    discovery: None,
                    settings,
                    holds: Holds::Keys,
                    token_env: None,
                }))
            }),
            "inline" => InlineKeys::read(&inner, rules).map(Self::Inline),
            _ => DocumentSource::discovered(&inner, issuer).map(Self::Fetched),
        }
    }
}

impl InlineKeys {
    /// Whether the keys are shared secrets; then all of them are.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        !self.from_environment.is_empty() || self.set.kinds().0
    }

    fn read(node: &Node<'_>, rules: &KeyRules) -> Option<Self> {
        // The set itself, or its text.
        let set = match node.json() {
            Json::String(text) if is_pem(text) => {
                node.reject_unseen(PEM_INSTEAD_OF_JWK);
                return None;
            }
            Json::String(text) => match Json::parse(text.as_bytes()) {
                Ok(set) => set,
                Err(error) => {
                    node.reject_unseen(error);
                    return None;
                }
            },
            set => set.clone(),
        };
        let (set, from_environment) = Self::split(node, set)?;
        let rules = KeyRules {
            secrets: true,
            ..*rules
        };
        let (set, skipped) = match KeySet::import(&set, &rules) {
            Ok(imported) => imported,
            Err(error) => {
                node.reject_unseen(error);
                return None;
            }
        };
        if set.is_empty() && from_environment.is_empty() {
            let mut reasons = "no usable key".to_owned();
            for key in &skipped {
                reasons.push_str(&format!("; keys[{}]: {}", key.index, key.reason));
            }
            if skipped.is_empty() {
                reasons.push_str(": the set is empty");
            }
            node.reject_unseen(reasons);
            return None;
        }
        let (secret, public) = set.kinds();
        if public && (secret || !from_environment.is_empty()) {
            node.reject_unseen(
                "shared secrets and public keys in one set; use a provider for each kind",
            );
            return None;
        }
        for key in &skipped {
            let message = format_args!("keys[{}]: {}", key.index, key.reason);
            node.warn_unseen("key_unusable", message);
        }
        Some(Self {
            set,
            skipped,
            from_environment,
        })
    }

    /// Takes the keys out whose secret is in the environment: `k_env` in place of `k`.
    fn split(node: &Node<'_>, mut set: Json) -> Option<(Json, Vec<EnvironmentKey>)> {
        let mut from_environment = Vec::new();
        let mut wrong = false;
        if let Json::Object(members) = &mut set {
            for (name, value) in members {
                let Json::Array(keys) = value else { continue };
                if name != "keys" {
                    continue;
                }
                let mut index: usize = 0;
                keys.retain(|key| {
                    let path = format!("{}.keys[{index}]", node.path());
                    index = index.saturating_add(1);
                    if key.member("k_env").is_none() {
                        return true;
                    }
                    match EnvironmentKey::read(path, key) {
                        Ok(key) => from_environment.push(key),
                        Err(error) => {
                            wrong = true;
                            node.reject_unseen(error);
                        }
                    }
                    false
                });
            }
        }
        (!wrong).then_some((set, from_environment))
    }
}

impl EnvironmentKey {
    fn read(path: String, jwk: &Json) -> Result<Self, String> {
        let text = |name: &str| jwk.member(name).and_then(Json::as_str);
        let variable = text("k_env").filter(|name| !name.is_empty());
        let algorithm = text("alg")
            .and_then(Algorithm::named)
            .filter(|algorithm| algorithm.is_symmetric());
        let known = |name: &str| ["kty", "alg", "kid", "use", "k_env"].contains(&name);
        let other = match jwk {
            Json::Object(members) => members.iter().find(|(name, _)| !known(name)),
            _ => None,
        };
        match (variable, algorithm, other) {
            (Some(variable), Some(algorithm), None) if text("kty") == Some("oct") => Ok(Self {
                path,
                id: text("kid").map(str::to_owned),
                algorithm,
                variable: variable.to_owned(),
            }),
            _ => Err(format!(
                r#"{path}: expected {{"kty": "oct", "alg": "HS256", "kid": "...", "k_env": "NAME"}}"#
            )),
        }
    }
}

impl DocumentSource {
    fn discovered(node: &Node<'_>, issuer: Option<&str>) -> Option<Self> {
        node.object(|fields| {
            let plain_http = fields.or("plain_http", false, |n| n.boolean());
            let uri = fields.optional("uri");
            let address = match uri {
                Some(uri) => uri.parsed(Endpoint::split, "an http or https address"),
                None => issuer.and_then(|issuer| metadata_of(fields, issuer)),
            };
            if address
                .as_ref()
                .is_some_and(|(scheme, ..)| *scheme == "http" && !plain_http)
            {
                fields.node().reject_unseen(
                    r#"whoever is on the way can change what is fetched without TLS; use https, or say "plain_http": true"#,
                );
            }
            let cluster = fields.name("cluster", "the cluster that reaches the provider", 256);
            let jwks_cluster = fields.or("jwks_cluster", None, |n| {
                n.name(256).map(str::to_owned).map(Some)
            });
            let settings = FetchSettings::read(fields, true);
            Some(Self {
                endpoint: Endpoint::within(address?, cluster?),
                discovery: Some(Discovery {
                    issuer: issuer?.to_owned(),
                    jwks_cluster,
                    plain_http,
                }),
                settings,
                holds: Holds::Keys,
                token_env: None,
            })
        })
    }
}

/// Where an issuer publishes its metadata (OpenID Connect Discovery 1.0, section 4).
fn metadata_of(fields: &Fields<'_>, issuer: &str) -> Option<Address> {
    let uri = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let address = Endpoint::split(&uri).ok();
    if address.is_none() {
        fields.node().reject_unseen(
            r#"the issuer is no address that metadata could be found below; set "uri""#,
        );
    }
    address
}

impl FetchSettings {
    /// What of this concerns the fetches, which providers with one address share.
    pub(crate) const fn pace(&self) -> Pace {
        Pace {
            timeout: self.timeout,
            cache_duration: self.cache_duration,
            min_refresh: self.min_refresh,
        }
    }

    /// `has_names` says that clients name what is in the document, which may be fetched for the sake of it.
    pub(super) fn read(fields: &mut Fields<'_>, has_names: bool) -> Self {
        let mut duration = |name, default: Duration, low: Duration, high: Duration| {
            fields.or(name, default, |n: Node<'_>| n.duration(low..=high))
        };
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        let defaults = Self::default();
        let minute = Duration::from_secs(60);
        Self {
            timeout: duration(
                "timeout",
                defaults.timeout,
                Duration::from_millis(10),
                minute,
            ),
            cache_duration: duration("cache_duration", defaults.cache_duration, second, day),
            max_stale: duration(
                "max_stale",
                defaults.max_stale,
                Duration::ZERO,
                day.saturating_mul(7),
            ),
            min_refresh: match has_names {
                true => duration("min_refresh", defaults.min_refresh, second, day),
                false => defaults.min_refresh,
            },
        }
    }
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            cache_duration: Duration::from_secs(600),
            max_stale: Duration::from_secs(3600),
            min_refresh: Duration::from_secs(30),
        }
    }
}
