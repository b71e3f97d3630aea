//! Which rules refused a request, and why.

use std::borrow::Cow;

use serde::Deserialize;

/// A refusal by a rule.
pub(super) struct RuleRefusal<'t> {
    /// The filter and its rule.
    pub(super) rule: Cow<'t, str>,
    /// The reason code of the refusal.
    pub(super) reason: Cow<'t, str>,
    /// It was one, and not only reported.
    pub(super) is_applied: bool,
}

/// The refusals among the decisions of a record.
pub(super) fn refusals(decisions: &str) -> Vec<RuleRefusal<'_>> {
    if decisions.is_empty() {
        return Vec::new();
    }
    let decisions: Vec<Authorization<'_>> = serde_json::from_str(decisions).unwrap_or_default();
    let refusals = decisions.into_iter();
    let refusals = refusals.filter(|one| matches!(one.decision.as_ref(), "denied" | "error"));
    refusals
        .map(|one| RuleRefusal {
            rule: one.policy.name,
            reason: one.policy.desc.map(|desc| desc.0).unwrap_or_default(),
            is_applied: one.policy.is_applied,
        })
        .collect()
}

#[derive(Deserialize)]
struct Authorization<'t> {
    #[serde(borrow)]
    decision: Cow<'t, str>,
    #[serde(borrow)]
    policy: Policy<'t>,
}

#[derive(Deserialize)]
struct Policy<'t> {
    #[serde(default, borrow)]
    desc: Option<Text<'t>>,
    #[serde(default)]
    is_applied: bool,
    #[serde(default, borrow)]
    name: Cow<'t, str>,
}

/// Borrowed where there is nothing to unescape.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'t>(#[serde(borrow)] pub(super) Cow<'t, str>);
