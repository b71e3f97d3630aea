//! How the chain is signed, and who else sees its signatures.

use std::time::Duration;

use policy::config::Node;

use super::{Envelope, HttpSink};

/// How the chain is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSettings {
    /// How long records may go without a checkpoint; zero is one with every batch.
    pub checkpoint_every: Duration,
    /// The longest time between two records of the chain.
    pub heartbeat: Duration,
    /// The environment variable of the VM with the key.
    pub signing_key_env: Option<String>,
    /// The id of the key; without one its public key names it.
    pub key_id: Option<String>,
    /// Who else gets signed records.
    pub witness: Option<Witness>,
}

/// Who else gets signed records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// An HTTP server that stores signed records.
    Http(HttpSink),
    /// Signed records are written to the proxy's log.
    HostLog,
}

impl ChainSettings {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let defaults = Self::default();
        node.object(|fields| {
            let settings = Self {
                checkpoint_every: fields.or("checkpoint_every", defaults.checkpoint_every, |n| {
                    n.duration(Duration::from_millis(100)..=Duration::from_secs(3_600))
                }),
                heartbeat: fields.or("heartbeat", defaults.heartbeat, |n| {
                    n.duration(Duration::from_secs(1)..=Duration::from_secs(86_400))
                }),
                signing_key_env: fields.or("signing_key_env", None, |n| {
                    n.name(128).map(str::to_owned).map(Some)
                }),
                key_id: fields.or("key_id", None, |n| {
                    let id = n.name(64)?;
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
                    if !id.bytes().all(plain) {
                        n.reject("expected letters, digits, dots, dashes and underscores");
                        return None;
                    }
                    Some(Some(id.to_owned()))
                }),
                witness: fields.or("witness", None, |n| Witness::read(&n).map(Some)),
            };
            if settings.signing_key_env.is_none()
                && (settings.key_id.is_some() || settings.witness.is_some())
            {
                fields.node().reject_unseen(
                    "key_id and witness need signing_key_env: nothing is signed without",
                );
                return None;
            }
            Some(settings)
        })
    }
}

impl Default for ChainSettings {
    fn default() -> Self {
        Self {
            checkpoint_every: Duration::ZERO,
            heartbeat: Duration::from_secs(60),
            signing_key_env: None,
            key_id: None,
            witness: None,
        }
    }
}

impl Witness {
    /// The server, unless it is the proxy's log.
    #[must_use]
    pub const fn http(&self) -> Option<&HttpSink> {
        match self {
            Self::Http(sink) => Some(sink),
            Self::HostLog => None,
        }
    }

    fn read(node: &Node<'_>) -> Option<Self> {
        match node.variant(&["ndjson_http", "host_log"])? {
            ("ndjson_http", Some(inner)) => inner
                .object(|fields| HttpSink::read(fields, Envelope::Ndjson))
                .map(Self::Http),
            ("host_log", None) => Some(Self::HostLog),
            _ => {
                node.reject(r#"expected { "ndjson_http": { "cluster": "..." } } or "host_log""#);
                None
            }
        }
    }
}
