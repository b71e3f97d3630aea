//! Conditions on consent.

use super::Consent;
use crate::config::Node;
use crate::explain::Condition;

/// A condition on consent: `{ "denied": ["sharing"] }`, `{ "granted": ["analytics"] }`.
///
/// Holds when any purpose under `denied` is denied, or all under `granted` are granted; with both,
/// both must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentCondition {
    granted: Vec<String>,
    denied: Vec<String>,
}

impl ConsentCondition {
    /// Reads the `consent` key of a match.
    #[must_use]
    pub fn read(node: &Node<'_>) -> Option<Self> {
        node.object(|fields| {
            let condition = Self {
                granted: fields.or("granted", Vec::new(), |n| n.strings()),
                denied: fields.or("denied", Vec::new(), |n| n.strings()),
            };
            if condition == Self::default() {
                if !fields.refused(&["granted", "denied"]) {
                    fields
                        .node()
                        .reject(r#"expected "granted" or "denied" with purposes"#);
                }
                return None;
            }
            Some(condition)
        })
    }

    /// The condition, and what the signals say to it.
    #[must_use]
    pub fn told(&self, key: &'static str, consent: &Consent) -> Condition {
        let purposes = self.granted.iter().chain(&self.denied);
        let found: Vec<String> = purposes
            .map(
                |purpose| match (consent.is_denied(purpose), consent.is_granted(purpose)) {
                    (true, _) => format!("{purpose} is denied"),
                    (_, true) => format!("{purpose} is granted"),
                    _ => format!("nothing is said about {purpose}"),
                },
            )
            .collect();
        let mut expected = Vec::new();
        if !self.granted.is_empty() {
            expected.push(format!("granted {:?}", self.granted));
        }
        if !self.denied.is_empty() {
            expected.push(format!("denied {:?}", self.denied));
        }
        Condition {
            key,
            expected: expected.join(" and "),
            found: found.join(", "),
        }
    }

    /// Whether `consent` fulfils the condition.
    #[must_use]
    pub fn holds(&self, consent: &Consent) -> bool {
        let denied =
            self.denied.is_empty() || self.denied.iter().any(|purpose| consent.is_denied(purpose));
        denied
            && self
                .granted
                .iter()
                .all(|purpose| consent.is_granted(purpose))
    }

    /// The purposes that it wants granted.
    #[must_use]
    pub fn required(&self) -> &[String] {
        &self.granted
    }

    /// Of the purposes that it wants granted, those that are not.
    #[must_use]
    pub fn missing(&self, consent: &Consent) -> Vec<&str> {
        let required = self.granted.iter().map(String::as_str);
        required
            .filter(|purpose| !consent.is_granted(purpose))
            .collect()
    }
}
