//! What a configuration says and probably does not mean.

use std::collections::BTreeMap;

use policy::config::{Fields, Warning};
use policy::json::Json;

use super::{Access, Config, ProviderKind, Rule};

/// Warns about rules that no request reaches, a configuration that admits nobody, names that stand for two rules, providers that no rule
/// asks, and a default that refuses while all rules only report.
pub(super) fn warn(fields: &Fields<'_>, config: &Config) {
    let node = fields.node();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, rule) in config.rules.iter().enumerate() {
        let path = format!("rules[{index}]");
        let mut earlier = config.rules.iter().take(index).enumerate();
        if let Some((first, _)) = earlier.find(|(_, first)| first.matches.covers(&rule.matches)) {
            let message =
                format!("rules[{first}] decides about every request that this rule matches");
            node.warn_at(&path, "rule_unreachable", message);
        }
        if let Some(first) = names.insert(&rule.name, index) {
            let message = format!(
                "rules[{first}] has the name {:?} too; logs and records cannot tell them apart",
                rule.name
            );
            node.warn_at(&path, "rule_name_duplicate", message);
        }
    }
    let asks = |rule: &Rule, provider: usize| match &rule.access {
        Access::Require(requirement) => requirement.providers.list().contains(&provider),
        Access::Anonymous | Access::Deny => false,
    };
    for (index, provider) in config.providers.iter().enumerate() {
        if !config.rules.iter().any(|rule| asks(rule, index)) {
            let path = format!("providers.{}", provider.name);
            node.warn_at(&path, "provider_unused", "no rule asks for this provider");
        }
    }
    let admits = |access: &Access| !matches!(access, Access::Deny);
    let is_admitted = config.rules.iter().any(|rule| admits(&rule.access));
    let listed = node.json().member("rules").and_then(Json::as_array);
    // A rule that could not be read has been told of, and may be the one that admits somebody.
    let all_are_read = listed.map_or(0, <[Json]>::len) == config.rules.len();
    if !is_admitted && !admits(&config.default.access) && all_are_read {
        let place = ["rules", "default", "providers"];
        let is_there = |key: &&&str| node.json().member(key).is_some();
        node.warn_at(
            place.iter().find(is_there).copied().unwrap_or_default(),
            "everything_denied",
            "no rule lets anybody pass, and neither does the default",
        );
    }
    let reports = |rule: &Rule| !rule.mode.enforces();
    let refuses = matches!(config.default.access, Access::Deny) && config.default.mode.enforces();
    if !config.rules.is_empty() && config.rules.iter().all(reports) && refuses {
        node.warn_at(
            "default",
            "default_enforces",
            "all rules only report, and what no rule matches is refused all the same; \
             \"default\": {\"access\": \"deny\", \"mode\": \"report\"} refuses nothing",
        );
    }
}

impl Config {
    /// API keys that have expired at this time, seconds since 1970: what the configuration alone
    /// does not say.
    #[must_use]
    pub fn expired_keys(&self, now_s: i64) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for provider in &self.providers {
            let ProviderKind::ApiKeys(keys) = &provider.kind else {
                continue;
            };
            for (index, entry) in keys.entries.iter().enumerate() {
                if entry.expires_s.is_some_and(|expires_s| expires_s <= now_s) {
                    let path = format!("providers.{}.api_keys.keys[{index}]", provider.name);
                    let message = format!("this key of {:?} has expired", entry.id);
                    warnings.push(Warning::new("api_key_expired", path, message));
                }
            }
        }
        warnings
    }
}
