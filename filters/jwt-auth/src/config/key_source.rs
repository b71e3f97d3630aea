//! Where the keys of a provider come from.

use std::time::Duration;

use policy::config::Node;
use policy::json::Json;

use crate::jwks::{KeySet, SkippedKey};

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

impl KeySource {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
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
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
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
