//! Who the caller is, as one filter verified it and the others use it.

mod mapping;
mod text;

pub use mapping::IdentityMapping;
pub use text::{NotAnIdentity, push_context};

use crate::json::{Json, JsonError};

/// A verified caller: the value of the stream property `meshward.identity`, compact JSON.
///
/// Only an authentication filter writes it, after it has checked the credential; whoever reads it
/// reads it from the proxy, never from a header that a client can send (unless the configuration
/// says `"identity_from": "header"`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// Who: the claim `sub`, or the id of an API key.
    pub subject: Option<String>,
    /// Who says so: the claim `iss`.
    pub issuer: Option<String>,
    /// The application that acts (RFC 9068 section 2.2: `client_id`, else `azp`).
    pub client_id: Option<String>,
    /// What the caller was granted (RFC 8693 section 4.2).
    pub scopes: Vec<String>,
    /// Roles and groups, from the claims that [`IdentityMapping`] names.
    pub roles: Vec<String>,
    /// The purposes that the caller consented to, perhaps none; `None` where nothing says so.
    pub consents: Option<Vec<String>>,
    /// What a consent service says that the caller agreed to.
    pub agreed: Agreed,
    /// The purposes that the caller objects to, whatever anybody has agreed to.
    pub objects_to: Vec<String>,
    /// The caller has opted out by Global Privacy Control with an earlier request.
    pub opted_out: bool,
    /// The reason for which the caller breaks the glass; `None` in all ordinary cases.
    pub emergency: Option<String>,
    /// The customer that the caller belongs to.
    pub tenant: Option<String>,
    /// How the caller was authenticated.
    pub method: AuthenticationMethod,
    /// The name of the provider in the configuration.
    pub provider: String,
    /// The rule of the authentication filter that let the caller in. It stands for that filter's
    /// decision: nearly all requests pass, and a second property for each would cost as much as
    /// this one.
    pub rule: Option<String>,
    /// All verified claims, for keys and conditions; `null` where there are none.
    pub claims: Claims,
}

/// What a consent service says of a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Agreed {
    /// No service was asked, or its failure counts for nothing.
    #[default]
    NotAsked,
    /// It was asked, and nobody knows: nothing counts as agreed to.
    Unanswered,
    /// The purposes that the caller agreed to, perhaps none.
    Purposes(Vec<String>),
}

/// The verified claims of a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(pub Json);

impl Default for Claims {
    fn default() -> Self {
        Self(Json::Null)
    }
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticationMethod {
    /// A signed token (RFC 7519).
    #[default]
    Jwt,
    /// A key from the configuration.
    ApiKey,
    /// A token that its issuer vouched for (RFC 7662).
    Introspection,
    /// The certificate of the client's connection.
    ClientCertificate,
}

impl AuthenticationMethod {
    const ALL: [Self; 4] = [
        Self::Jwt,
        Self::ApiKey,
        Self::Introspection,
        Self::ClientCertificate,
    ];

    /// The word in the property.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
            Self::Introspection => "introspection",
            Self::ClientCertificate => "client_certificate",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl Identity {
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

    /// All that a claim says as one text, which tells callers apart: as [`Identity::claim_text`], of a list
    /// its items in whatever order they came, of an object its JSON.
    #[must_use]
    pub fn claim_key(&self, path: &str) -> Option<String> {
        self.claim_text(path).or_else(|| match self.claim(path)? {
            Json::Array(items) if !items.is_empty() => {
                let mut items: Vec<String> = items.iter().map(ToString::to_string).collect();
                crate::sort::by_key(&mut items, String::clone);
                Some(format!("[{}]", items.join(",")))
            }
            object @ Json::Object(_) => Some(object.to_string()),
            _ => None,
        })
    }

    /// The values of a claim as text: the items of a list, or the one there is.
    #[must_use]
    pub fn claim_values(&self, path: &str) -> Vec<String> {
        let mut values: Vec<String> = match self.claim(path) {
            Some(Json::Array(items)) => items.iter().filter_map(Json::scalar_text).collect(),
            _ => self.claim_text(path).into_iter().collect(),
        };
        values.retain(|value| !value.is_empty());
        values
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
            agreed: Agreed::Purposes(vec!["care".to_owned()]),
            objects_to: vec!["ads".to_owned()],
            opted_out: true,
            emergency: Some("fire".to_owned()),
            claims: parse_claims(br#"{"sub":"jane","n":9007199254740993,"a":{"b":["c"]}}"#)
                .unwrap(),
            ..Identity::default()
        };
        let text = identity.to_json();
        assert_eq!(Identity::parse(text.as_bytes()).unwrap(), identity);
        let unanswered = Identity {
            agreed: Agreed::Unanswered,
            ..identity.clone()
        };
        let of_failure = unanswered.to_json();
        assert!(of_failure.contains(r#","agreed":null,"#), "{of_failure}");
        assert_eq!(Identity::parse(of_failure.as_bytes()).unwrap(), unanswered);
        assert_eq!(
            text,
            r#"{"method":"jwt","provider":"corp","subject":"jane","scopes":["orders:read"],"agreed":["care"],"objects_to":["ads"],"opted_out":true,"emergency":"fire","claims":{"sub":"jane","n":9007199254740993,"a":{"b":["c"]}}}"#
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
