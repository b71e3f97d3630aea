//! A token in the making: its claims, and what stands in its header.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

/// The claims of a token in the making.
#[derive(Clone, Debug)]
pub struct Token {
    issuer: Option<String>,
    subject: String,
    audience: String,
    expires_in: Option<i64>,
    claims: Map<String, Value>,
    header: Map<String, Value>,
}

impl Token {
    /// A token for `orders-api` that expires in ten minutes.
    #[must_use]
    pub fn of(subject: &str) -> Self {
        Self {
            issuer: None,
            subject: subject.to_owned(),
            audience: "orders-api".to_owned(),
            expires_in: Some(600),
            claims: Map::new(),
            header: Map::new(),
        }
    }

    /// Sets the subject, `sub`.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }

    /// Gives it scopes, separated by spaces.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Adds a claim, or replaces one; `null` leaves it out.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member to its header, or replaces one; `null` leaves it out.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Binds it to the client certificate with this thumbprint (RFC 8705).
    #[must_use]
    pub fn bound_to(self, thumbprint: &str) -> Self {
        self.claim("cnf", json!({"x5t#S256": thumbprint}))
    }

    /// Names another issuer than the one that signs it.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.to_owned());
        self
    }

    /// Sets the audience, `aud`.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        audience.clone_into(&mut self.audience);
        self
    }

    /// Lets it expire this many seconds from now; a negative number is in the past.
    #[must_use]
    pub fn expires_in_seconds(mut self, seconds: i64) -> Self {
        self.expires_in = Some(seconds);
        self
    }

    /// Leaves out the expiry, `exp`.
    #[must_use]
    pub fn without_expiry(mut self) -> Self {
        self.expires_in = None;
        self
    }

    /// Its header, for a key of this algorithm and id.
    pub(super) fn header_json(&self, algorithm: &str, key_id: &str) -> String {
        let usual = json!({"alg": algorithm, "kid": key_id, "typ": "JWT"});
        overlay(usual, &self.header)
    }

    /// Its claims, if issued now.
    pub(super) fn claims_json(&self, issuer: &str) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let expires = self
            .expires_in
            .map(|seconds| now.saturating_add_signed(seconds));
        let usual = json!({
            "iss": self.issuer.as_deref().unwrap_or(issuer),
            "sub": self.subject,
            "aud": self.audience,
            "iat": now,
            "exp": expires,
        });
        overlay(usual, &self.claims)
    }
}

/// An object with the members of another laid over it, and without those that are `null`.
fn overlay(mut below: Value, above: &Map<String, Value>) -> String {
    if let Value::Object(members) = &mut below {
        members.extend(above.clone());
        members.retain(|_, value| !value.is_null());
    }
    below.to_string()
}
