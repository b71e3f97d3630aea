//! Configuration by route: what the metadata of a route or a virtual host says, and what Higress
//! folds into the configuration of a plugin.
//!
//! ```json
//! { "route_config": true, "rules": [] }
//! ```
//! ```yaml
//! metadata:
//!   filter_metadata:
//!     meshward.jwt-auth: { config: '{"rules": [{"allow": "anonymous"}]}' }
//! ```
//! A route says only what a filter decides by ([`RoutePart`]); whatever it leaves out stays as the
//! plugin has it. It never names secrets, providers or sinks.

mod by_route;
mod choose;
mod folded;
mod metadata;

pub use by_route::goes_by_route;
pub(crate) use by_route::keys_by_route;
pub use choose::{Choice, PolicyOfRoute, RouteConfigs};

use std::collections::BTreeSet;

use policy::config::{Checked, Fields, Node, Problem, Problems};
use policy::filters::part_key;
use policy::json::Json;
use policy::mode::OnError;

use folded::FoldedRule;

/// What a route may say to a filter.
#[derive(Clone, Copy, Debug)]
pub struct RoutePart {
    /// The keys of the configuration that may differ by route.
    pub keys: &'static [&'static str],
    /// Checks a whole configuration of this part, given as JSON.
    pub check: fn(&str) -> Checked<()>,
    /// The keys that a route has no use for but the names of their members: there may be many thousands of
    /// API keys, and they are read once, for the plugin.
    pub unread: &'static [&'static str],
    /// Reads a configuration in which only names are left of those keys.
    pub check_route: fn(&str) -> Checked<()>,
}

impl RoutePart {
    /// That of a filter whose routes are read with everything that its plugin says.
    #[must_use]
    pub const fn new(keys: &'static [&'static str], check: fn(&str) -> Checked<()>) -> Self {
        Self {
            keys,
            check,
            unread: &[],
            check_route: check,
        }
    }

    /// A configuration of a plugin without what its routes have no use for.
    fn base(&self, plugin: &Json) -> Json {
        let Json::Object(members) = plugin else {
            return plugin.clone();
        };
        let members = members.iter().map(|(key, value)| {
            let value = match value {
                Json::Object(named) if self.unread.contains(&key.as_str()) => {
                    let names = named.iter().map(|(name, _)| (name.clone(), Json::Null));
                    Json::Object(names.collect())
                }
                Json::Array(_) if self.unread.contains(&key.as_str()) => Json::Array(Vec::new()),
                value => value.clone(),
            };
            (key.clone(), value)
        });
        // The rules that Higress folds in may be many, and none has use for the others.
        let members = members.filter(|(key, _)| key != FOLDED_KEY && key != METADATA_KEY);
        Json::Object(members.collect())
    }
}

/// The keys `route_config` and `_rules_`.
#[derive(Clone, Debug, Default)]
pub struct RouteSettings {
    /// How requests on a route with invalid metadata are handled; `None` reads no metadata.
    metadata: Option<OnError>,
    /// The first that is about a request says what differs.
    folded: Vec<FoldedRule>,
}

impl RouteSettings {
    /// Whether routes may differ at all.
    #[must_use]
    pub const fn is_used(&self) -> bool {
        self.metadata.is_some() || !self.folded.is_empty()
    }

    /// Reads the keys at the top level of a filter.
    #[must_use]
    pub fn read(fields: &mut Fields<'_>, part: &RoutePart) -> Self {
        let metadata = fields.or("route_config", None, |n| read_metadata_key(&n));
        let Some(node) = fields.optional(FOLDED_KEY) else {
            return Self {
                metadata,
                folded: Vec::new(),
            };
        };
        let base = part.base(fields.node().json());
        let rule = |rule: Node<'_>| FoldedRule::read(&rule, &base, part);
        Self {
            metadata,
            folded: node
                .at_most(MAX_FOLDED_RULES)
                .list(rule)
                .unwrap_or_default(),
        }
    }
}

fn read_metadata_key(node: &Node<'_>) -> Option<Option<OnError>> {
    if let Json::Bool(is_on) = node.json() {
        return Some(is_on.then_some(OnError::Deny));
    }
    node.object(|fields| {
        let on_error = fields.or("on_error", OnError::Deny, |n| OnError::read(&n));
        Some(Some(on_error))
    })
}

/// Reads the `config` of route metadata as a filter does, for whoever has the manifest and no proxy.
///
/// `plugin` is the configuration of the filter itself; what is wrong there is left out. `is_for_all`:
/// the name space is that of all filters, so that what is for `filter` is the part of its key.
#[must_use]
pub fn check_metadata(
    config: &Json,
    is_for_all: bool,
    filter: &str,
    plugin: &Json,
    part: &RoutePart,
) -> Checked<()> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut warnings = Vec::new();
    if config
        .as_str()
        .is_some_and(|text| text.len() > metadata::MAX_BYTES)
    {
        let message = format!("expected at most {} bytes", metadata::MAX_BYTES);
        problems.push(Problem::new("", message));
    }
    let own = metadata::members(config.clone()).and_then(|members| {
        if !is_for_all {
            return Ok(Some(members));
        }
        problems.extend(metadata::unknown_part(&members));
        metadata::part(members, filter)
    });
    match own {
        Ok(own) => {
            let place = if is_for_all { part_key(filter) } else { "" };
            let own = own.unwrap_or_default();
            let foreign = foreign_keys(&own, part.keys);
            problems.extend(foreign.into_iter().map(|problem| problem.under(place)));
            let is_own = |(key, _): &&(String, Json)| part.keys.contains(&key.as_str());
            let own: Vec<(String, Json)> = own.iter().filter(is_own).cloned().collect();
            // A plugin that is no object is wrong by itself.
            if let Ok(configuration) = merged(plugin, &own, part.keys) {
                let checked = (part.check)(&configuration);
                let found = checked.result.err().into_iter();
                let found = found.flat_map(|problems| said_by(&own, problems));
                problems.extend(found.map(|problem| problem.under(place)));
                let found = checked.warnings.into_iter();
                let found = found.filter(|warning| is_said_by(&own, warning.problem()));
                warnings.extend(found.map(|warning| warning.under(place)));
            }
        }
        Err(found) => problems.extend(found),
    }
    Checked::found(problems, warnings, BTreeSet::new())
}

/// Those of the problems of a whole configuration that are about what a route says.
fn said_by(own: &[(String, Json)], problems: Problems) -> impl Iterator<Item = Problem> {
    problems
        .into_iter()
        .filter(|problem| is_said_by(own, problem))
}

fn is_said_by(own: &[(String, Json)], problem: &Problem) -> bool {
    let key = problem.path().split(['.', '[']).next().unwrap_or_default();
    own.iter().any(|(known, _)| known == key)
}

/// Keys that are said once, for the plugin.
fn foreign_keys(own: &[(String, Json)], keys: &[&str]) -> Vec<Problem> {
    let wrong = own.iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    wrong
        .map(|(key, _)| {
            let message = format!(
                "cannot differ by route; what can is {}. The rest is said once, for the plugin",
                keys.join(", ")
            );
            Problem::new(key.as_str(), message)
        })
        .collect()
}

/// The configuration of a plugin, with what a route says in place of its own.
fn merged(base: &Json, own: &[(String, Json)], keys: &[&str]) -> Result<String, Problems> {
    let problems = foreign_keys(own, keys);
    if !problems.is_empty() {
        return Err(Problems::from_list(problems));
    }
    let Json::Object(members) = base else {
        return Err(Problems::whole("the plugin has no configuration"));
    };
    let is_own = |key: &str| own.iter().any(|(known, _)| known == key);
    let kept = members
        .iter()
        .filter(|(key, _)| !is_own(key) && key != METADATA_KEY && key != FOLDED_KEY);
    Ok(Json::Object(kept.chain(own).cloned().collect()).to_string())
}

const METADATA_KEY: &str = "route_config";
const FOLDED_KEY: &str = "_rules_";
/// A control plane writes one for each route that differs.
const MAX_FOLDED_RULES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_routes_have_no_use_for_they_get_the_names() {
        let part = RoutePart {
            unread: &["providers", "objections"],
            ..RoutePart::new(&["rules"], |text| policy::config::check(text, |_| Some(())))
        };
        let plugin = r#"{"providers":{"a":{"api_keys":{}},"b":{}},"objections":[{}],"rules":[{}],"_rules_":[{}]}"#;
        let base = part.base(&Json::parse(plugin.as_bytes()).unwrap());
        let expected = r#"{"providers":{"a":null,"b":null},"objections":[],"rules":[{}]}"#;
        assert_eq!(base.to_string(), expected);
    }
}
