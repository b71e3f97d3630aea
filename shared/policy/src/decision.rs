//! What each filter decided about a request: the stream property `meshward.decisions`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One filter's decision. The property holds an array of them, in the order of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The filter: `jwt-auth`.
    pub filter: String,
    /// The rule or limit that decided, by name or by place in the configuration (`rules[2]`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What became of the request.
    pub outcome: Outcome,
    /// A stable snake_case code: `token_expired`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Counts by kind, such as redactions by type; never values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// The filter is in report mode: this is what it would have done.
    #[serde(default, skip_serializing_if = "is_false")]
    pub report_only: bool,
}

/// What a filter did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Let it pass.
    Allowed,
    /// Refused it.
    Denied,
    /// Changed the message.
    Redacted,
    /// Could not decide; the configuration says what follows.
    Error,
}

impl Outcome {
    /// The word in properties, metrics and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Redacted => "redacted",
            Self::Error => "error",
        }
    }
}

impl Decision {
    /// A decision of `filter`.
    #[must_use]
    pub fn new(filter: &str, outcome: Outcome) -> Self {
        Self {
            filter: filter.to_owned(),
            rule: None,
            outcome,
            reason: String::new(),
            counts: BTreeMap::new(),
            report_only: false,
        }
    }

    /// Names the rule that decided.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Gives the reason code.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }

    /// Marks it as what would have been done.
    #[must_use]
    pub const fn report_only(mut self, report_only: bool) -> Self {
        self.report_only = report_only;
        self
    }

    /// Reads the property; what is not an array of decisions is no decision.
    #[must_use]
    pub fn parse_list(text: &[u8]) -> Vec<Self> {
        serde_json::from_slice(text).unwrap_or_default()
    }

    /// Writes the property.
    #[must_use]
    pub fn list_to_json(list: &[Self]) -> String {
        serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn survives_the_property() {
        let mut redacted = Decision::new("pii-redactor", Outcome::Redacted).rule("patients");
        redacted.counts.insert("EMAIL".to_owned(), 3);
        let list = [
            Decision::new("jwt-auth", Outcome::Denied).reason("token_expired"),
            redacted,
        ];
        let text = Decision::list_to_json(&list);
        assert_eq!(
            text,
            r#"[{"filter":"jwt-auth","outcome":"denied","reason":"token_expired"},{"filter":"pii-redactor","rule":"patients","outcome":"redacted","counts":{"EMAIL":3}}]"#
        );
        assert_eq!(Decision::parse_list(text.as_bytes()), list);
        assert_eq!(Decision::parse_list(b"nonsense"), []);
    }
}
