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
pub use choose::{Choice, RouteConfigs};

use policy::config::{Checked, Fields, Node, Problem, Problems};
use policy::json::Json;
use policy::mode::OnError;

use folded::FoldedRule;

/// What a route may say to a filter.
#[derive(Clone, Copy, Debug)]
pub struct RoutePart {
    /// The keys of the configuration that may differ by route.
    pub keys: &'static [&'static str],
    /// Reads a whole configuration.
    pub check: fn(&str) -> Checked<()>,
}

/// The keys `route_config` and `_rules_`.
#[derive(Clone, Debug, Default)]
pub struct RouteSettings {
    /// What becomes of requests on a route whose metadata is wrong; `None` reads no metadata.
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
        let base = fields.node().json();
        let rule = |rule: Node<'_>| FoldedRule::read(&rule, base, part);
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

/// The configuration of a plugin, with what a route says in place of its own.
fn merged(base: &Json, own: &[(String, Json)], keys: &[&str]) -> Result<String, Problems> {
    let wrong = own.iter().filter(|(key, _)| !keys.contains(&key.as_str()));
    let problems: Vec<Problem> = wrong
        .map(|(key, _)| {
            let message = format!(
                "cannot differ by route; what can is {}. The rest is said once, for the plugin",
                keys.join(", ")
            );
            Problem::new(key.as_str(), message)
        })
        .collect();
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
