//! Who the caller is, as one filter verified it and the others use it.

use serde::{Deserialize, Serialize};

use crate::json::{Json, JsonError};

/// A verified caller: the value of the stream property `meshward.identity`, compact JSON.
///
/// Only an authentication filter writes it, after it has checked the credential; whoever reads it
/// reads it from the proxy, never from a header that a client can send (unless the configuration
/// says `"identity_from": "header"`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Who: the claim `sub`, or the id of an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who says so: the claim `iss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The application that acts (RFC 9068 section 2.2: `client_id`, else `azp`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the caller was granted (RFC 8693 section 4.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Roles and groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The purposes that the caller consented to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<String>,
    /// The customer that the caller belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How it was verified.
    pub method: AuthenticationMethod,
    /// The name of the provider in the configuration.
    pub provider: String,
    /// All verified claims, for keys and conditions; `null` where there are none.
    #[serde(default = "no_claims", skip_serializing_if = "is_null")]
    pub claims: Claims,
}

/// The verified claims of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(pub Json);

impl Default for Claims {
    fn default() -> Self {
        no_claims()
    }
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthenticationMethod {
    /// A signed token (RFC 7519).
    #[default]
    Jwt,
    /// A key from the configuration.
    ApiKey,
    /// A token that its issuer vouched for (RFC 7662).
    Introspection,
}

impl Identity {
    /// Reads the property.
    ///
    /// # Errors
    /// Not what [`Identity::to_json`] writes.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// Compact JSON, as it goes into the property.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and lists only: there is nothing that could fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A claim by dotted path, the registered names included.
    #[must_use]
    pub fn claim(&self, path: &str) -> Option<&Json> {
        self.claims.0.at(path)
    }

    /// A claim as text: the subject, issuer and tenant work for API keys too, which have no claims.
    #[must_use]
    pub fn claim_text(&self, path: &str) -> Option<String> {
        self.claim(path)
            .and_then(Json::scalar_text)
            .or_else(|| match path {
                "sub" => self.subject.clone(),
                "iss" => self.issuer.clone(),
                "client_id" => self.client_id.clone(),
                "tenant" => self.tenant.clone(),
                _ => None,
            })
    }

    /// Whether the caller was granted this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }
}

/// Reads claims from the payload of a token.
///
/// # Errors
/// Not JSON, or a duplicate member.
pub fn parse_claims(payload: &[u8]) -> Result<Claims, JsonError> {
    Json::parse(payload).map(Claims)
}

const fn no_claims() -> Claims {
    Claims(Json::Null)
}

fn is_null(claims: &Claims) -> bool {
    claims.0 == Json::Null
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn survives_the_property() {
        let identity = Identity {
            subject: Some("jane".to_owned()),
            scopes: vec!["orders:read".to_owned()],
            provider: "corp".to_owned(),
            claims: parse_claims(br#"{"sub":"jane","n":9007199254740993,"a":{"b":["c"]}}"#)
                .unwrap(),
            ..Identity::default()
        };
        let text = identity.to_json();
        assert_eq!(Identity::parse(text.as_bytes()).unwrap(), identity);
        assert_eq!(
            text,
            r#"{"subject":"jane","scopes":["orders:read"],"method":"jwt","provider":"corp","claims":{"sub":"jane","n":9007199254740993,"a":{"b":["c"]}}}"#
        );
        assert_eq!(
            identity.claim_text("n").as_deref(),
            Some("9007199254740993")
        );
    }

    #[test]
    fn refuses_what_it_did_not_write() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"method":"magic","provider":"x"}"#,
            r#"{"admin":true}"#,
        ] {
            assert!(Identity::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
