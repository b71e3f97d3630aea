//! The filters in a proxy that is simulated in this process.

use std::collections::{BTreeMap, BTreeSet};

use host::fake::{Profile, Proxy};
use policy::config::{Problem, Problems, join};
use policy::filters::{AUDIT_EMITTER, JWT_AUTH, PII_REDACTOR, TOKEN_BUCKET};
use policy::json::Json;

/// A proxy around a filter, or around all four as one.
#[must_use]
pub fn proxy(filter: &str, profile: Profile) -> Proxy {
    match filter {
        AUDIT_EMITTER => Proxy::native::<audit_emitter::AuditEmitter>(profile),
        JWT_AUTH => Proxy::native::<jwt_auth::JwtAuth>(profile),
        TOKEN_BUCKET => Proxy::native::<token_bucket::TokenBucket>(profile),
        PII_REDACTOR => Proxy::native::<pii_redactor::PiiRedactor>(profile),
        _ => Proxy::native::<meshward_bundle::Meshward>(profile),
    }
}

/// A value for each environment variable that a configuration names: whether it is there is for the machine
/// to say on which the proxy runs, and what it is decides about nothing that is shown but pseudonyms.
pub(crate) fn environment(json: &str) -> BTreeMap<String, String> {
    let mut names = BTreeSet::new();
    if let Ok(json) = Json::parse(json.as_bytes()) {
        variables(&json, &mut names);
    }
    let value = |name: String| (name, SECRET.to_owned());
    names.into_iter().map(value).collect()
}

/// The variables that a configuration names: the values of keys that end in `_env`, and those in them.
pub(crate) fn variables(json: &Json, found: &mut BTreeSet<String>) {
    let mut places = BTreeMap::new();
    variables_at(json, "", &mut places);
    found.extend(places.into_keys());
}

/// The same, each with the first path that names it.
pub(crate) fn variables_at(json: &Json, path: &str, found: &mut BTreeMap<String, String>) {
    match json {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                variables_at(item, &format!("{path}[{index}]"), found);
            }
        }
        Json::Object(members) => {
            for (key, value) in members {
                let inner = join(path, key);
                match value {
                    Json::String(variable) if key.ends_with("_env") => {
                        found.entry(variable.clone()).or_insert(inner);
                    }
                    Json::Object(several) if key.ends_with("_env") => {
                        for (name, value) in several {
                            if let Some(variable) = value.as_str() {
                                let place = join(&inner, name);
                                found.entry(variable.to_owned()).or_insert(place);
                            }
                        }
                    }
                    _ => variables_at(value, &inner, found),
                }
            }
        }
        _ => {}
    }
}

/// Why a filter refuses a configuration on a host, if it does.
pub(crate) fn refusals(
    filter: &str,
    profile: Profile,
    json: &str,
    environment: &BTreeMap<String, String>,
) -> Option<Problems> {
    let mut proxy = proxy(filter, profile);
    for (name, value) in environment {
        proxy.host().set_environment_variable(name, value);
    }
    let refused = proxy.configure(json).err()?;
    let lines = refused.logs.iter().map(|line| line.text.as_str());
    let problems = lines.filter_map(|line| {
        let (_, problem) = line.split_once(": configuration refused: ")?;
        let named = problem.split_once(": ");
        let named = named.filter(|(path, _)| !path.contains(' '));
        Some(match named {
            Some((path, message)) => Problem::new(path, message),
            None => Problem::new("", problem),
        })
    });
    let problems: Vec<Problem> = problems.collect();
    (!problems.is_empty()).then(|| problems.into_iter().collect())
}

/// Good for every kind of secret: 32 bytes in hexadecimal digits.
pub(crate) const SECRET: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
