//! An identity as text: compact JSON, the value of the stream property `meshward.identity`.
//!
//! It is written for every new token and read with every request by those who ask for it, so both
//! are done by hand, in one pass and without a general serialiser.

use super::{Agreed, AuthenticationMethod, Claims, Identity};
use crate::json::{Json, push_string};

/// Why a text is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identity as an authentication filter writes it")]
pub struct NotAnIdentity;

impl Identity {
    /// Reads the property.
    ///
    /// # Errors
    /// Not what [`Identity::to_json`] writes.
    pub fn parse(text: &[u8]) -> Result<Self, NotAnIdentity> {
        let json = Json::parse(text).map_err(|_| NotAnIdentity)?;
        Self::of(json).ok_or(NotAnIdentity)
    }

    fn of(json: Json) -> Option<Self> {
        let Json::Object(members) = json else {
            return None;
        };
        let mut identity = Self::default();
        let (mut method, mut provider) = (None, None);
        for (name, value) in members {
            match name.as_str() {
                "subject" => identity.subject = Some(string(value)?),
                "issuer" => identity.issuer = Some(string(value)?),
                "client_id" => identity.client_id = Some(string(value)?),
                "scopes" => identity.scopes = strings(value)?,
                "roles" => identity.roles = strings(value)?,
                "agreed" if value == Json::Null => identity.agreed = Agreed::Unanswered,
                "agreed" => identity.agreed = Agreed::Purposes(strings(value)?),
                "objects_to" => identity.objects_to = strings(value)?,
                "emergency" => identity.emergency = Some(string(value)?),
                "opted_out" => identity.opted_out = value == Json::Bool(true),
                "consents" => identity.consents = Some(strings(value)?),
                "tenant" => identity.tenant = Some(string(value)?),
                "method" => method = Some(AuthenticationMethod::named(value.as_str()?)?),
                "provider" => provider = Some(string(value)?),
                "rule" => identity.rule = Some(string(value)?),
                "claims" => identity.claims = Claims(value),
                _ => return None,
            }
        }
        identity.method = method?;
        identity.provider = provider?;
        Some(identity)
    }

    /// Compact JSON, as it goes into the property.
    #[must_use]
    pub fn to_json(&self) -> String {
        match &self.claims.0 {
            Json::Null => self.to_json_with_claims(None),
            claims => self.to_json_with_claims(Some(&claims.to_string())),
        }
    }

    /// As [`Identity::to_json`], with the text that the claims were read from: it is as good as
    /// what they would be written as. Never a text that is not JSON, or that says something else.
    #[must_use]
    pub fn to_json_with_claims(&self, claims: Option<&str>) -> String {
        let claims_len = claims.map_or(0, str::len);
        let mut text = String::with_capacity(claims_len.saturating_add(TYPICAL_BYTES));
        text.push_str("{\"method\":\"");
        text.push_str(self.method.as_str());
        text.push_str("\",\"provider\":");
        push_string(&mut text, &self.provider);
        for (name, value) in [
            (",\"subject\":", &self.subject),
            (",\"issuer\":", &self.issuer),
            (",\"client_id\":", &self.client_id),
            (",\"tenant\":", &self.tenant),
            (",\"rule\":", &self.rule),
        ] {
            if let Some(value) = value {
                text.push_str(name);
                push_string(&mut text, value);
            }
        }
        for (name, values) in [
            (
                ",\"scopes\":[",
                Some(&self.scopes).filter(|scopes| !scopes.is_empty()),
            ),
            (
                ",\"roles\":[",
                Some(&self.roles).filter(|roles| !roles.is_empty()),
            ),
            // No consent to anything is another thing than no word about it.
            (",\"consents\":[", self.consents.as_ref()),
        ] {
            let Some(values) = values else { continue };
            text.push_str(name);
            push_list(&mut text, values);
        }
        push_context(
            &mut text,
            &self.agreed,
            &self.objects_to,
            self.opted_out,
            self.emergency.as_deref(),
        );
        if let Some(claims) = claims {
            text.push_str(",\"claims\":");
            text.push_str(claims);
        }
        text.push('}');
        text
    }
}

/// Appends what is known of a caller beyond the claims, for one request, to the members of an identity.
pub fn push_context(
    text: &mut String,
    agreed: &Agreed,
    objects_to: &[String],
    opted_out: bool,
    emergency: Option<&str>,
) {
    match agreed {
        Agreed::NotAsked => {}
        Agreed::Unanswered => text.push_str(",\"agreed\":null"),
        Agreed::Purposes(purposes) => {
            text.push_str(",\"agreed\":[");
            push_list(text, purposes);
        }
    }
    if !objects_to.is_empty() {
        text.push_str(",\"objects_to\":[");
        push_list(text, objects_to);
    }
    if opted_out {
        text.push_str(",\"opted_out\":true");
    }
    if let Some(reason) = emergency {
        text.push_str(",\"emergency\":");
        push_string(text, reason);
    }
}

fn push_list(text: &mut String, values: &[String]) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_string(text, value);
    }
    text.push(']');
}

fn string(value: Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text),
        _ => None,
    }
}

fn strings(value: Json) -> Option<Vec<String>> {
    match value {
        Json::Array(items) => items.into_iter().map(string).collect(),
        _ => None,
    }
}

/// What an identity takes beside its claims.
const TYPICAL_BYTES: usize = 384;
