//! What each filter decided about a request: the stream property
//! [`crate::filters::DECISIONS_PROPERTY`].
//!
//! A filter adds to the property whenever it has decided or found something, not only at the end: a
//! stream may be cut off at any time, and what was found until then is evidence. The list is
//! bounded, whatever a client sends: decisions that differ in their findings alone are one, and what
//! has no place any more is counted as [`Decision::omitted`].

#[cfg(test)]
mod tests;

#[cfg(test)]
use serde::{Deserialize, Serialize};

use crate::filters::place_in_chain;
use crate::finding::{Finding, by_word};
use crate::json::{Json, push_string};

/// What one filter decided about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Serialize, Deserialize))]
pub struct Decision {
    /// The name of the filter: `jwt-auth`.
    pub filter: String,
    /// The rule or limit that decided, by name or by place in the configuration (`rules[2]`).
    #[cfg_attr(test, serde(default, skip_serializing_if = "Option::is_none"))]
    pub rule: Option<String>,
    /// The outcome for the request.
    pub outcome: Outcome,
    /// A stable snake_case code: `token_expired`.
    #[cfg_attr(test, serde(default, skip_serializing_if = "String::is_empty"))]
    pub reason: String,
    /// What was found in the messages; never values.
    #[cfg_attr(test, serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub findings: Vec<Finding>,
    /// Values that were found too, in findings for which the list has no room.
    #[cfg_attr(test, serde(default, skip_serializing_if = "is_zero"))]
    pub omitted: u64,
    /// The purposes that the rule wanted consent to.
    #[cfg_attr(test, serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub purposes: Vec<String>,
    /// The filter or the rule is in report mode: this is what it would have done.
    #[cfg_attr(test, serde(default, skip_serializing_if = "is_false"))]
    pub report_only: bool,
}

/// What a filter did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(Serialize, Deserialize))]
#[cfg_attr(test, serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outcome {
    /// The request may pass.
    Allowed,
    /// The filter refused the request.
    Denied,
    /// The message was changed.
    Redacted,
    /// Let a message pass without having looked into it: its type or encoding is none that the
    /// filter reads.
    NotSearched,
    /// Could not decide; the configuration says what follows.
    Error,
}

impl Outcome {
    /// All outcomes, for parsing and for tests.
    pub const ALL: [Self; 5] = [
        Self::Allowed,
        Self::Denied,
        Self::Redacted,
        Self::NotSearched,
        Self::Error,
    ];

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
    /// Makes a decision of `filter` without a rule, a reason or findings.
    #[must_use]
    pub fn new(filter: &str, outcome: Outcome) -> Self {
        Self {
            filter: filter.to_owned(),
            rule: None,
            outcome,
            reason: String::new(),
            findings: Vec::new(),
            omitted: 0,
            purposes: Vec::new(),
            report_only: false,
        }
    }

    /// Names the rule that decided.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Sets the reason code: `scope_missing`.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }

    /// Names the purposes that the rule wanted consent to.
    #[must_use]
    pub fn purposes(mut self, purposes: &[String]) -> Self {
        let purposes = purposes.iter().take(MAX_PURPOSES);
        self.purposes = purposes.cloned().map(cut).collect();
        self
    }

    /// Adds a finding.
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
        let list = Json::parse(text).ok();
        let items = list.as_ref().and_then(Json::as_array).unwrap_or_default();
        items.iter().filter_map(Self::from_json).collect()
    }

    /// Writes decisions as the JSON that the property between filters holds.
    #[must_use]
    pub fn list_to_json(list: &[Self]) -> String {
        let mut json = String::from("[");
        for decision in list {
            if json.len() > 1 {
                json.push(',');
            }
            decision.push_json(&mut json);
        }
        json.push(']');
        json
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
            purposes: self.purposes.clone(),
            findings: Vec::new(),
            omitted: 0,
            ..self
        };
        added.merge(self, room);
        list.push(added);
    }

    /// Puts decisions into the order of the chain.
    pub fn sort_by_chain(list: &mut Vec<Self>) {
        crate::sort::by_key(list, |decision| place_in_chain(&decision.filter));
    }

    // By hand and not by serde: the module of every filter holds this code, and what serde derives
    // weighs 70 KiB, with the printing of floating point numbers that never occur.
    fn from_json(json: &Json) -> Option<Self> {
        let word = |name: &str| json.member(name)?.as_str();
        let findings = json.member("findings").and_then(Json::as_array);
        Some(Self {
            filter: word("filter")?.to_owned(),
            rule: word("rule").map(str::to_owned),
            outcome: by_word(Outcome::ALL, Outcome::as_str, word("outcome")?)?,
            reason: word("reason").unwrap_or_default().to_owned(),
            findings: findings
                .unwrap_or_default()
                .iter()
                .filter_map(Finding::from_json)
                .collect(),
            omitted: json.member("omitted").and_then(Json::as_u64).unwrap_or(0),
            purposes: json.member("purposes").map(Json::words).unwrap_or_default(),
            report_only: json.member("report_only") == Some(&Json::Bool(true)),
        })
    }

    fn push_json(&self, json: &mut String) {
        json.push_str("{\"filter\":");
        push_string(json, &self.filter);
        if let Some(rule) = &self.rule {
            json.push_str(",\"rule\":");
            push_string(json, rule);
        }
        json.push_str(",\"outcome\":");
        push_string(json, self.outcome.as_str());
        if !self.reason.is_empty() {
            json.push_str(",\"reason\":");
            push_string(json, &self.reason);
        }
        for (place, finding) in self.findings.iter().enumerate() {
            json.push_str(if place == 0 { ",\"findings\":[" } else { "," });
            finding.push_json(json);
        }
        if !self.findings.is_empty() {
            json.push(']');
        }
        if self.omitted > 0 {
            json.push_str(",\"omitted\":");
            json.push_str(&self.omitted.to_string());
        }
        for (place, purpose) in self.purposes.iter().enumerate() {
            json.push_str(if place == 0 { ",\"purposes\":[" } else { "," });
            push_string(json, purpose);
        }
        if !self.purposes.is_empty() {
            json.push(']');
        }
        if self.report_only {
            json.push_str(",\"report_only\":true");
        }
        json.push('}');
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

#[cfg(test)]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// The most decisions that are kept for one stream.
const MAX_DECISIONS: usize = 32;
/// Refusals that have a place when the list is full of others.
const MAX_REFUSALS_MORE: usize = 8;
/// Findings of all decisions of one stream.
const MAX_FINDINGS: usize = 128;
/// The most purposes that are kept of one decision.
const MAX_PURPOSES: usize = 8;
/// Of a rule, a reason or a kind.
const MAX_NAME_BYTES: usize = 128;
