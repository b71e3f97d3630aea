//! What each filter decided about a request: the stream property
//! [`crate::filters::DECISIONS_PROPERTY`].
//!
//! A filter adds to the property whenever it has decided or found something, not only at the end: a
//! stream may be cut off at any time, and what was found until then is evidence. The list is
//! bounded, whatever a client sends: decisions that differ in their findings alone are one, and what
//! has no place any more is counted as [`Decision::omitted`].

use serde::{Deserialize, Serialize};

use crate::filters::place_in_chain;
use crate::finding::Finding;

/// One filter's decision.
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
    /// What was found in the messages; never values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Values that were found too, in findings for which the list has no room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
    /// The filter or the rule is in report mode: this is what it would have done.
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
    /// Let a message pass without having looked into it: its type or encoding is none that the
    /// filter reads.
    NotSearched,
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
            Self::NotSearched => "not_searched",
            Self::Error => "error",
        }
    }

    const fn is_refusal(self) -> bool {
        matches!(self, Self::Denied | Self::Error)
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
            findings: Vec::new(),
            omitted: 0,
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

    /// Adds what was found.
    #[must_use]
    pub fn found(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    /// How many values of a kind were found, wherever and whatever became of them.
    #[must_use]
    pub fn count_of(&self, kind: &str) -> u64 {
        let alike = self.findings.iter().filter(|finding| finding.kind == kind);
        alike
            .map(|finding| finding.count)
            .fold(0, u64::saturating_add)
    }

    /// Marks it as what would have been done.
    #[must_use]
    pub const fn report_only(mut self, report_only: bool) -> Self {
        self.report_only = report_only;
        self
    }

    /// Reads the property; what is not an array of decisions is no decision, and one that this
    /// version does not know is left out.
    #[must_use]
    pub fn parse_list(text: &[u8]) -> Vec<Self> {
        serde_json::from_slice(text).unwrap_or_else(|_| {
            let items: Vec<serde_json::Value> = serde_json::from_slice(text).unwrap_or_default();
            let known = |item| serde_json::from_value(item).ok();
            items.into_iter().filter_map(known).collect()
        })
    }

    /// Writes the property.
    #[must_use]
    pub fn list_to_json(list: &[Self]) -> String {
        serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
    }

    /// Adds a decision to those of a stream. One that differs from a known one in its findings alone
    /// adds those to it.
    pub fn add_to(self, list: &mut Vec<Self>) {
        let room =
            MAX_FINDINGS.saturating_sub(list.iter().map(|decision| decision.findings.len()).sum());
        if let Some(known) = list.iter_mut().find(|known| known.is_alike(&self)) {
            known.merge(self, room);
            return;
        }
        let most = if self.outcome.is_refusal() {
            MAX_DECISIONS.saturating_add(MAX_REFUSALS_MORE)
        } else {
            MAX_DECISIONS
        };
        if list.len() >= most {
            let last = list
                .iter_mut()
                .rev()
                .find(|last| last.filter == self.filter);
            if let Some(last) = last {
                let values = self.findings.iter().map(|finding| finding.count);
                let values = values.fold(self.omitted, u64::saturating_add);
                last.omitted = last.omitted.saturating_add(values);
            }
            return;
        }
        let mut added = Self {
            filter: cut(self.filter.clone()),
            rule: self.rule.clone().map(cut),
            reason: cut(self.reason.clone()),
            findings: Vec::new(),
            omitted: 0,
            ..self
        };
        added.merge(self, room);
        list.push(added);
    }

    /// Puts decisions into the order of the chain.
    pub fn sort_by_chain(list: &mut [Self]) {
        list.sort_by_key(|decision| place_in_chain(&decision.filter));
    }

    fn is_alike(&self, other: &Self) -> bool {
        self.filter == other.filter
            && self.rule == other.rule
            && self.outcome == other.outcome
            && self.reason == other.reason
            && self.report_only == other.report_only
    }

    fn merge(&mut self, other: Self, mut room: usize) {
        self.omitted = self.omitted.saturating_add(other.omitted);
        for finding in other.findings {
            let known = self
                .findings
                .iter_mut()
                .find(|known| known.is_alike(&finding));
            match known {
                Some(known) => known.count = known.count.saturating_add(finding.count),
                None if room > 0 => {
                    room = room.saturating_sub(1);
                    self.findings.push(Finding {
                        kind: cut(finding.kind),
                        rule: finding.rule.map(cut),
                        ..finding
                    });
                }
                None => self.omitted = self.omitted.saturating_add(finding.count),
            }
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_NAME_BYTES {
        text.truncate(text.floor_char_boundary(MAX_NAME_BYTES));
        text.push('…');
    }
    text
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Decisions of one stream.
const MAX_DECISIONS: usize = 32;
/// Refusals that have a place when the list is full of others.
const MAX_REFUSALS_MORE: usize = 8;
/// Findings of all decisions of one stream.
const MAX_FINDINGS: usize = 128;
/// Of a rule, a reason or a kind.
const MAX_NAME_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::finding::{Category, FindingOutcome, Place};

    fn found(kind: &str, count: u64) -> Finding {
        Finding {
            kind: kind.to_owned(),
            category: Category::Personal,
            rule: None,
            place: Place::ResponseBody,
            outcome: FindingOutcome::Masked,
            count,
        }
    }

    fn redacted(finding: Finding) -> Decision {
        Decision::new("pii-redactor", Outcome::Redacted)
            .rule("patients")
            .found(finding)
    }

    #[test]
    fn survives_the_property() {
        let list = [
            Decision::new("jwt-auth", Outcome::Denied).reason("token_expired"),
            redacted(found("EMAIL", 3)),
        ];
        let text = Decision::list_to_json(&list);
        assert_eq!(
            text,
            r#"[{"filter":"jwt-auth","outcome":"denied","reason":"token_expired"},{"filter":"pii-redactor","rule":"patients","outcome":"redacted","findings":[{"kind":"EMAIL","category":"personal","place":"response.body","outcome":"masked","count":3}]}]"#
        );
        assert_eq!(Decision::parse_list(text.as_bytes()), list);
        assert_eq!(Decision::parse_list(b"nonsense"), []);
    }

    #[test]
    fn a_decision_of_another_version_does_not_hide_the_others() {
        let text =
            br#"[{"filter":"x","outcome":"teleported"},{"filter":"jwt-auth","outcome":"denied"}]"#;
        let list = Decision::parse_list(text);
        assert_eq!(list, [Decision::new("jwt-auth", Outcome::Denied)]);
    }

    #[test]
    fn findings_of_one_decision_add_up() {
        let mut list = Vec::new();
        for _ in 0..1000 {
            redacted(found("EMAIL", 2)).add_to(&mut list);
        }
        redacted(found("PHONE", 1)).add_to(&mut list);
        redacted(found("PHONE", 1))
            .report_only(true)
            .add_to(&mut list);
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].findings, [found("EMAIL", 2000), found("PHONE", 1)]);
    }

    #[test]
    fn the_list_is_bounded_and_says_what_it_lacks() {
        let mut list = Vec::new();
        for number in 0..1000 {
            redacted(found(&format!("{number}{}", "é".repeat(500)), 3)).add_to(&mut list);
        }
        assert_eq!(list[0].findings.len(), MAX_FINDINGS);
        assert_eq!(list[0].omitted, 3 * (1000 - MAX_FINDINGS as u64));
        for number in 0..1000 {
            Decision::new("pii-redactor", Outcome::Allowed)
                .rule(format!("{number}{}", "x".repeat(1000)))
                .found(found("EMAIL", 1))
                .add_to(&mut list);
        }
        // A refusal has a place all the same.
        Decision::new("token-bucket", Outcome::Denied).add_to(&mut list);
        assert_eq!(list.len(), MAX_DECISIONS + 1);
        let values = |decision: &Decision| {
            let counts = decision.findings.iter().map(|finding| finding.count);
            counts.sum::<u64>() + decision.omitted
        };
        assert_eq!(list.iter().map(values).sum::<u64>(), 4000);
        assert!(Decision::list_to_json(&list).len() < 65_536);
    }

    #[test]
    fn decisions_stand_in_the_order_of_the_chain() {
        let mut list = ["someone-elses", "pii-redactor", "audit-emitter", "jwt-auth"]
            .map(|filter| Decision::new(filter, Outcome::Allowed));
        Decision::sort_by_chain(&mut list);
        let filters = list.map(|decision| decision.filter);
        assert_eq!(
            filters,
            ["audit-emitter", "jwt-auth", "pii-redactor", "someone-elses"]
        );
    }
}
