//! Keys and credentials from the environment of the proxy.

use audit::keys::SigningKey;
use host::Host;
use policy::config::{Problem, Problems};
use policy::secret::{Secret, SecretKind};

use crate::config::{Config, HttpSink, Witness};
use crate::pseudonym::Pseudonymizer;

/// The keys that the environment holds.
pub(crate) struct Secrets {
    pub(crate) subject: Option<Pseudonymizer>,
    pub(crate) signing_key: Option<SigningKey>,
    pub(crate) sink_headers: Vec<(String, String)>,
    pub(crate) witness_headers: Vec<(String, String)>,
}

impl Secrets {
    /// # Errors
    /// All that is missing or weak.
    pub(crate) fn read(host: &dyn Host, config: &Config) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let subject = config.subject.as_ref().and_then(|subject| {
            let key = host.environment_variable(&subject.key_env);
            let read = Pseudonymizer::from_environment(subject, key);
            read.map_err(|problem| problems.push(problem)).ok()
        });
        let signing_key = config.chain.signing_key_env.as_ref().and_then(|variable| {
            let value = host.environment_variable(variable);
            let read = Secret::from_environment(variable, value, SecretKind::Issued)
                .map_err(|error| error.to_string())
                .and_then(|text| {
                    SigningKey::from_text(config.chain.key_id.as_deref(), text.expose_text())
                        .map_err(|error| format!("the environment variable {variable:?}: {error}"))
                });
            read.map_err(|message| problems.push(Problem::new("chain.signing_key_env", message)))
                .ok()
        });
        let mut headers = |place: &str, sink: Option<&HttpSink>| {
            let mut headers = Vec::new();
            for (name, variable) in sink.map_or(&[][..], |sink| sink.headers_env.as_slice()) {
                let value = host.environment_variable(variable);
                match Secret::from_environment(variable, value, SecretKind::Issued) {
                    Ok(value) => headers.push((name.clone(), value.expose_text().to_owned())),
                    Err(error) => {
                        let path = format!("{place}.headers_env.{name}");
                        problems.push(Problem::new(path, error.to_string()));
                    }
                }
            }
            headers
        };
        let sink_headers = headers("sink", config.sink.http());
        let witness = config.chain.witness.as_ref().and_then(Witness::http);
        let witness_headers = headers("chain.witness", witness);
        if problems.is_empty() {
            Ok(Self {
                subject,
                signing_key,
                sink_headers,
                witness_headers,
            })
        } else {
            Err(Problems::from_list(problems))
        }
    }
}
