//! What the credentials of each provider are checked with.

use std::rc::Rc;

use host::Host;
use policy::config::Problem;
use policy::secret::{Secret, SecretKind};

use crate::config::{ApiKeyHash, InlineKeys, KeySource, Provider, ProviderKind};
use crate::jose::{Key, KeySet};
use crate::keys::provider_keys::ProviderKeys;
use crate::opaque::api_key::{ApiKeyHolders, MIN_PEPPER_BYTES};
use crate::opaque::introspection::Introspector;

/// A provider with the keys that it has at present.
pub(crate) struct ActiveProvider {
    pub(crate) settings: Rc<Provider>,
    pub(crate) source: CredentialSource,
}

/// What a provider's credentials are checked with.
pub(crate) enum CredentialSource {
    /// Keys that the configuration holds.
    Inline(KeySet),
    /// Keys that are fetched.
    Fetched(Box<ProviderKeys>),
    /// Hashes of API keys.
    ApiKeys(ApiKeyHolders),
    /// The issuer is asked about each token.
    Introspection(Box<Introspector>),
}

impl CredentialSource {
    /// What a provider, at this place in the configuration, is checked with.
    ///
    /// # Errors
    /// A secret that the configuration names is not in the environment, or too weak.
    pub(crate) fn of(host: &dyn Host, index: usize, provider: &Provider) -> Result<Self, Problem> {
        let secret = |path: &str, name: &str, kind| {
            Secret::from_environment(name, host.environment_variable(name), kind).map_err(|error| {
                let path = format!("providers.{}.{path}", provider.name);
                Problem::new(path, error.to_string())
            })
        };
        match &provider.kind {
            ProviderKind::Token(token) => match &token.keys {
                KeySource::Inline(inline) => Self::inline(host, inline).map(Self::Inline),
                // These need the documents of the verifier.
                KeySource::Fetched(_) => Ok(Self::Inline(KeySet::default())),
            },
            ProviderKind::ApiKeys(keys) => {
                let pepper = match &keys.hash {
                    ApiKeyHash::Sha256 => None,
                    ApiKeyHash::HmacSha256 { pepper_env } => {
                        let kind = SecretKind::Key {
                            min_bytes: MIN_PEPPER_BYTES,
                        };
                        Some(secret("api_keys.pepper_env", pepper_env, kind)?)
                    }
                };
                let holders = ApiKeyHolders::new(index, provider, keys, pepper)?;
                Ok(Self::ApiKeys(holders))
            }
            ProviderKind::Introspection(settings) => {
                let path = "introspection.client_secret_env";
                let secret = secret(path, &settings.client_secret_env, SecretKind::Issued)?;
                let introspector = Introspector::new(settings.clone(), secret);
                Ok(Self::Introspection(Box::new(introspector)))
            }
        }
    }

    fn inline(host: &dyn Host, inline: &InlineKeys) -> Result<KeySet, Problem> {
        let mut set = inline.set.clone();
        for key in &inline.from_environment {
            let problem = |message| Problem::new(key.path.clone(), message);
            let kind = SecretKind::Key {
                min_bytes: key.algorithm.hash().digest_bytes(),
            };
            let value = host.environment_variable(&key.variable);
            let secret = Secret::from_environment(&key.variable, value, kind)
                .map_err(|error| problem(error.to_string()))?;
            let imported = Key::secret(key.id.clone(), key.algorithm, secret.expose());
            set.add(imported.map_err(|reason| problem(reason.to_owned()))?);
        }
        Ok(set)
    }
}
