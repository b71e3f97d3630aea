//! What the credentials of each provider are checked with.

use host::{Capabilities, Host};
use policy::config::Problem;
use policy::secret::Secret;

use crate::api_key::{ApiKeyHolders, MIN_PEPPER_BYTES};
use crate::config::{ApiKeyHash, InlineKeys, KeySource, Provider, ProviderKind};
use crate::fetch::KeyFetcher;
use crate::introspection::Introspector;
use crate::jose::{Key, KeySet};

/// What a provider's credentials are checked with.
pub(crate) enum Source {
    /// Keys from the configuration.
    Inline(KeySet),
    /// Keys that are fetched.
    Fetched(Box<KeyFetcher>),
    /// Hashes of keys.
    ApiKeys(ApiKeyHolders),
    /// The issuer itself.
    Introspection(Box<Introspector>),
}

impl Source {
    /// What a provider, at this place in the configuration, is checked with.
    ///
    /// # Errors
    /// A secret that the configuration names is not in the environment, or too weak.
    pub(crate) fn of(
        host: &dyn Host,
        capabilities: &Capabilities,
        index: usize,
        provider: &Provider,
    ) -> Result<Self, Problem> {
        let variable = |path: &str, name: &str| {
            let path = format!("providers.{}.{path}", provider.name);
            let value = host
                .environment_variable(name)
                .filter(|value| !value.is_empty());
            value.ok_or_else(|| {
                Problem::new(
                    path,
                    format!("the environment variable {name:?} is not set"),
                )
            })
        };
        match &provider.kind {
            ProviderKind::Token(token) => match &token.keys {
                KeySource::Inline(inline) => Self::inline(host, inline).map(Self::Inline),
                KeySource::Fetched(source) => Ok(Self::Fetched(Box::new(KeyFetcher::new(
                    source.clone(),
                    token.key_rules,
                    capabilities.shares_data(),
                )))),
            },
            ProviderKind::ApiKeys(keys) => {
                let pepper = match &keys.hash {
                    ApiKeyHash::Sha256 => None,
                    ApiKeyHash::HmacSha256 { pepper_env } => {
                        let path = "api_keys.pepper_env";
                        let pepper = variable(path, pepper_env)?;
                        if pepper.len() < MIN_PEPPER_BYTES {
                            let path = format!("providers.{}.{path}", provider.name);
                            let message = format!(
                                "the environment variable {pepper_env:?} has less than \
                                 {MIN_PEPPER_BYTES} bytes, which can be guessed"
                            );
                            return Err(Problem::new(path, message));
                        }
                        Some(Secret::new(pepper))
                    }
                };
                let holders = ApiKeyHolders::new(index, provider, keys, pepper);
                Ok(Self::ApiKeys(holders))
            }
            ProviderKind::Introspection(settings) => {
                let path = "introspection.client_secret_env";
                let secret = Secret::new(variable(path, &settings.client_secret_env)?);
                let introspector = Introspector::new(settings.clone(), secret);
                Ok(Self::Introspection(Box::new(introspector)))
            }
        }
    }

    fn inline(host: &dyn Host, inline: &InlineKeys) -> Result<KeySet, Problem> {
        let mut set = inline.set.clone();
        for key in &inline.from_environment {
            let secret = host.environment_variable(&key.variable).unwrap_or_default();
            let imported = Key::secret(key.id.clone(), key.algorithm, secret.as_bytes());
            set.add(imported.map_err(|reason| {
                let message = format!("the environment variable {:?} has {reason}", key.variable);
                Problem::new(key.path.clone(), message)
            })?);
        }
        Ok(set)
    }
}
