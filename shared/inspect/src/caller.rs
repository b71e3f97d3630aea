//! A caller of whom only the verified claims are given, in place of a token.
//!
//! jwt-auth lets nobody through without a token that a provider has signed, and has no switch for
//! that. So a key that is made here becomes one of the provider's, and the claims a token that is signed
//! with it: everything but whose signature it is, the filter decides as it always does.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cases::{HeaderValues, RequestData};
use ed25519_dalek::{Signer as _, SigningKey};
use policy::filters::JWT_AUTH;
use policy::identity::{AuthenticationMethod, IdentityMapping, parse_claims};
use serde_json::{Map, Value, json};

use crate::check::BUNDLE;
use crate::members::set;

/// A configuration that takes tokens of [`Callers::credential`].
#[derive(Debug)]
pub struct Callers {
    /// With the key of the callers among those of each provider.
    pub configuration: String,
    providers: Vec<Provider>,
    key: SigningKey,
}

#[derive(Debug)]
struct Provider {
    issuer: Option<String>,
    audience: Option<String>,
    kind: String,
    lifetime_s: u64,
    from: Value,
}

/// What a request of a caller carries.
#[derive(Debug, PartialEq, Eq)]
pub enum Credential {
    /// A header, by name and value.
    Header(String, String),
    /// A parameter of the query.
    Query(String, String),
}

/// Whether a configuration verifies callers itself.
#[must_use]
pub fn authenticates(filter: &str, configuration: &str) -> bool {
    let is_bundle_with_auth = || {
        let parts = meshward_bundle::config::split(configuration).parts;
        parts.iter().any(|text| text.part.filter() == JWT_AUTH)
    };
    filter == JWT_AUTH || (filter == BUNDLE && is_bundle_with_auth())
}

/// What a filter before this one would tell of a caller with these claims.
fn identity(claims: &Map<String, Value>) -> Result<String, String> {
    let text = Value::Object(claims.clone()).to_string();
    let claims = parse_claims(text.as_bytes()).map_err(|error| format!("{error:?}"))?;
    let method = AuthenticationMethod::default();
    Ok(IdentityMapping::default()
        .identity("", method, claims.0)
        .to_json())
}

impl Callers {
    /// Of a configuration of jwt-auth or of the bundle.
    ///
    /// # Errors
    /// It has no provider of signed tokens.
    pub fn of(filter: &str, configuration: &str) -> Result<Self, String> {
        let mut whole: Value =
            serde_json::from_str(configuration).map_err(|error| error.to_string())?;
        let auth = match filter {
            BUNDLE => whole.get_mut("auth"),
            _ => Some(&mut whole),
        };
        let key = SigningKey::from_bytes(&SEED);
        let mut providers = Vec::new();
        let list = auth.and_then(|auth| auth.get_mut("providers"));
        for provider in list.and_then(Value::as_object_mut).into_iter().flatten() {
            let Some(provider) = provider.1.as_object_mut() else {
                continue;
            };
            if !provider.contains_key("jwks") {
                continue;
            }
            admit(provider, &key);
            providers.push(Provider::of(provider));
        }
        if providers.is_empty() {
            return Err(
                "claims are given, and the configuration has no provider of signed tokens; send the \
                 credential itself in a header"
                    .to_owned(),
            );
        }
        Ok(Self {
            configuration: whole.to_string(),
            providers,
            key,
        })
    }

    /// A token with these claims. What every token must have is filled in where they say nothing:
    /// issuer and audience of the provider, and times.
    #[must_use]
    pub fn credential(&self, claims: &Map<String, Value>, now_s: u64) -> Credential {
        let issuer = claims.get("iss").and_then(Value::as_str);
        let named = self
            .providers
            .iter()
            .find(|provider| issuer.is_some() && provider.issuer.as_deref() == issuer);
        let Some(provider) = named.or_else(|| self.providers.first()) else {
            return Credential::Header("authorization".to_owned(), String::new());
        };
        let mut claims = claims.clone();
        let mut fill = |name: &str, value: Option<Value>| {
            if let Some(value) = value
                && !claims.contains_key(name)
            {
                claims.insert(name.to_owned(), value);
            }
        };
        fill("iss", provider.issuer.clone().map(Value::from));
        fill("aud", provider.audience.clone().map(Value::from));
        fill("iat", Some(now_s.into()));
        fill(
            "exp",
            Some(now_s.saturating_add(provider.lifetime_s).into()),
        );
        let mut header = json!({ "alg": "EdDSA", "kid": KEY_ID });
        if !provider.kind.is_empty() {
            set(&mut header, "typ", provider.kind.as_str());
        }
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encoded(&header), encoded(&Value::Object(claims)));
        let signature = self.key.sign(input.as_bytes()).to_bytes();
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        let word = |name: &str| provider.from.get(name).and_then(Value::as_str);
        match (word("header"), word("cookie"), word("query")) {
            (_, Some(cookie), _) => {
                Credential::Header("cookie".to_owned(), format!("{cookie}={token}"))
            }
            (_, _, Some(query)) => Credential::Query(query.to_owned(), token),
            (Some(header), _, _) => {
                let prefix = word("prefix").unwrap_or_default();
                Credential::Header(header.to_ascii_lowercase(), format!("{prefix}{token}"))
            }
            _ => Credential::Header("authorization".to_owned(), format!("Bearer {token}")),
        }
    }
}

/// Lets a request come from a caller with these claims.
///
/// # Errors
/// The claims are none.
pub fn present(
    request: &mut RequestData,
    callers: Option<&Callers>,
    claims: &Map<String, Value>,
    now_s: u64,
) -> Result<(), String> {
    let Some(callers) = callers else {
        request.identity = Some(identity(claims)?);
        return Ok(());
    };
    match callers.credential(claims, now_s) {
        Credential::Header(name, value) => {
            request.headers.insert(name, HeaderValues::One(value));
        }
        Credential::Query(name, value) => {
            request.path.push(match request.path.contains('?') {
                true => '&',
                false => '?',
            });
            request.path.push_str(&format!("{name}={value}"));
        }
    }
    Ok(())
}

impl Provider {
    fn of(provider: &Map<String, Value>) -> Self {
        let word = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let first = |name: &str| {
            let list = provider.get(name).and_then(Value::as_array);
            list.and_then(|list| list.first()).cloned()
        };
        let lifetime = word(provider.get("max_lifetime"));
        let lifetime = lifetime.and_then(|text| policy::units::parse_duration(&text).ok());
        let is_access_token = provider.get("profile").is_some();
        Self {
            issuer: word(provider.get("issuer")),
            audience: word(first("audiences").as_ref()),
            kind: match word(first("types").as_ref()) {
                Some(kind) => kind,
                None if is_access_token => "at+jwt".to_owned(),
                None => "JWT".to_owned(),
            },
            lifetime_s: lifetime.unwrap_or(LIFETIME).min(LIFETIME).as_secs(),
            from: first("from").unwrap_or(Value::Null),
        }
    }
}

/// Makes the key one of the provider's: beside those of its configuration, in place of those that it
/// would fetch.
fn admit(provider: &mut Map<String, Value>, key: &SigningKey) {
    let public = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": public
    });
    let inline = provider
        .get_mut("jwks")
        .and_then(|jwks| jwks.pointer_mut("/inline/keys"))
        .and_then(Value::as_array_mut);
    match inline {
        Some(keys) => keys.push(jwk),
        None => {
            provider.insert("jwks".to_owned(), json!({ "inline": { "keys": [jwk] } }));
        }
    }
    if let Some(algorithms) = provider.get_mut("algorithms").and_then(Value::as_array_mut)
        && !algorithms.iter().any(|algorithm| algorithm == "EdDSA")
    {
        algorithms.push("EdDSA".into());
    }
}

/// The key never leaves this process and opens nothing.
const SEED: [u8; 32] = *b"claims in place of a token, test";
const KEY_ID: &str = "meshward-given-claims";
const LIFETIME: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: &str = r#"{ "providers": {
        "corp": { "issuer": "https://idp.example.com", "audiences": ["orders"],
            "algorithms": ["RS256"], "max_lifetime": "5m",
            "jwks": { "remote": { "uri": "https://idp.example.com/certs", "cluster": "idp" } } },
        "other": { "issuer": "https://other.example.com", "from": [{ "cookie": "session" }],
            "jwks": { "inline": { "keys": [] } } },
        "keys": { "api_keys": { "from": [{ "header": "x-api-key" }], "keys": [] } }
    } }"#;

    #[test]
    fn a_token_is_put_where_its_provider_looks() {
        let callers = Callers::of(JWT_AUTH, AUTH).unwrap();
        let claims = |iss: &str| {
            let claims = json!({ "sub": "alice", "iss": iss });
            claims.as_object().unwrap().clone()
        };
        let Credential::Header(name, value) =
            callers.credential(&claims("https://other.example.com"), 100)
        else {
            panic!("a header");
        };
        assert_eq!(name, "cookie");
        let token = value.strip_prefix("session=").unwrap();
        let body = token.split('.').nth(1).unwrap();
        let body: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        assert_eq!(body["sub"], "alice");
        assert_eq!(body["exp"], 3_700);
        let mut unsaid = claims("");
        unsaid.remove("iss");
        let Credential::Header(_, value) = callers.credential(&unsaid, 100) else {
            panic!("a header");
        };
        let body = value.split('.').nth(1).unwrap();
        let body: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        assert_eq!(body["iss"], "https://idp.example.com");
        assert_eq!(
            (body["aud"].as_str(), body["exp"].as_u64()),
            (Some("orders"), Some(400))
        );
    }

    #[test]
    fn no_keys_are_fetched_and_api_keys_are_none_of_its_business() {
        let callers = Callers::of(JWT_AUTH, AUTH).unwrap();
        assert!(!callers.configuration.contains("remote"));
        assert!(callers.configuration.contains("RS256"));
        let keys = r#"{"providers": {"a": {"api_keys": {"keys": []}}}}"#;
        assert!(Callers::of(JWT_AUTH, keys).is_err());
        let bundle = format!(r#"{{"auth": {AUTH}}}"#);
        assert!(Callers::of(BUNDLE, &bundle).is_ok());
    }
}
