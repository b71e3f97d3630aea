//! What a configuration says and probably does not mean.

use std::collections::BTreeMap;

use policy::config::{Fields, Warning};
use policy::json::Json;

use super::{Access, Config, OnError, OnMultiple, ProviderKind, Providers, Rule};

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
    for (index, rule) in config.rules.iter().enumerate() {
        if let Access::Require(requirement) = &rule.access {
            let path = format!("rules[{index}].require");
            for (code, message) in of_providers(config, &requirement.providers) {
                node.warn_at(&path, code, message);
            }
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
    let rules = config.rules.iter().map(|rule| &rule.matches);
    let requests = config.requests.iter().map(|limit| &limit.matches);
    let responses = config.response_rules.iter().map(|rule| &rule.matches);
    let before_caller = (rules.enumerate().map(|found| ("rules", found)))
        .chain(requests.enumerate().map(|found| ("requests", found)))
        .chain(responses.enumerate().map(|found| ("response_rules", found)));
    for (key, (index, matches)) in before_caller {
        if matches.asks_for_consent() {
            node.warn_at(
                &format!("{key}[{index}].match.consent"),
                "consent_before_caller",
                "the caller is not known yet, so only signals of the request count: no claim, lookup, \
                 remembered opt-out or objection; put what callers must have agreed to under \"require\"",
            );
        }
    }
    if config.on_error == OnError::Allow {
        node.warn_at(
            "on_error",
            "on_error_allow",
            "nobody is authenticated while a provider is away",
        );
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

/// Providers that can never all vouch for one request, and headers that two of them set.
fn of_providers(config: &Config, providers: &Providers) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let Providers::AllOf(list) = providers else {
        return found;
    };
    for (place, index) in list.iter().enumerate() {
        let Some(provider) = config.providers.get(*index) else {
            continue;
        };
        let name = &provider.name;
        let earlier = list.get(..place).unwrap_or_default();
        for other in earlier
            .iter()
            .filter_map(|index| config.providers.get(*index))
        {
            let accept_each_other = config.on_multiple == OnMultiple::All
                && provider.issuer().is_some()
                && provider.issuer() == other.issuer();
            if provider.from.len() == 1 && provider.from == other.from && !accept_each_other {
                let message = format!(
                    "no request can meet this: {:?} and {name:?} look for their credentials at one place \
                     only, the same",
                    other.name
                );
                found.push(("all_of_impossible", message));
            }
            let shared = provider.managed_headers().find(|header| {
                let mut others = other.managed_headers();
                others.any(|other| other == *header)
            });
            if let Some(header) = shared {
                let message = format!(
                    "{:?} and {name:?} both set {header:?}; the upstream gets that of {:?} only",
                    other.name, other.name
                );
                found.push(("header_shared", message));
            }
        }
    }
    found
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
