//! What the messages of a rule may ask for at most.

use policy::config::{Fields, Node};

use super::rule::{Place, Places, Rule};
use crate::json::MAX_DEPTH;
use crate::limits::{GraphqlLimits, Limits};

/// The keys of a rule about it.
pub(super) const KEYS: [&str; 4] = ["max_body", "max_depth", "max_members", "graphql"];

/// `"max_body": "1MiB"`, `"max_depth": 32`, `"max_members": 10000`, `"graphql": { … }` of a rule.
/// `says_places`: the configuration says where the rule applies.
pub(super) fn read(rule: &mut Fields<'_>, places: Places, says_places: bool) -> Limits {
    let limits = Limits {
        body_bytes: rule.or("max_body", None, |n| {
            n.size(0..=1_099_511_627_776).map(Some)
        }),
        depth: rule.or("max_depth", None, |n| {
            n.integer(1..=u64::try_from(MAX_DEPTH).unwrap_or(0))
                .map(Some)
        }),
        members: rule.or("max_members", None, |n| n.integer(0..=u64::MAX).map(Some)),
        graphql: rule.or("graphql", None, |n| read_graphql(&n).map(Some)),
    };
    let is_of_bodies = places.has(Place::RequestBody) || places.has(Place::ResponseBody);
    let is_of_queries = places.has(Place::RequestBody) || places.has(Place::RequestQuery);
    // Owners are looked for in bodies alone.
    if !is_of_bodies && rule.node().json().member("owner").is_some() {
        rule.node()
            .reject_unseen(format_args!("\"owner\" needs {BODIES} in \"apply_to\""));
    }
    for (key, fits, expected) in [
        ("max_body", is_of_bodies, BODIES),
        ("max_depth", is_of_bodies, BODIES),
        ("max_members", is_of_bodies, BODIES),
        ("graphql", is_of_queries, QUERIES),
    ] {
        let is_there = rule.node().json().member(key).is_some();
        if is_there && !(fits && says_places) {
            rule.node()
                .reject_unseen(format_args!("\"{key}\" needs {expected} in \"apply_to\""));
        }
    }
    limits
}

const BODIES: &str = r#""request.body" or "response.body""#;
const QUERIES: &str = r#""request.body" or "request.query""#;

/// Looks whether aliases of GraphQL walk around rules about members of the response.
pub(super) fn check_aliases(node: &Node<'_>, rules: &[Rule]) {
    for rule in rules {
        let answers = rule.places.has(Place::ResponseBody) && rule.matches.has_segment("graphql");
        let is_read = |other: &Rule| {
            other.limits.graphql.is_some()
                && other.places.has(Place::RequestBody)
                && rule.matches.may_share_path(&other.matches)
        };
        if rule.goes_by_members() && answers && !rules.iter().any(is_read) {
            node.warn_at(
                "rules",
                "graphql_aliases_pass",
                format_args!(
                    "callers of GraphQL rename what the rule {:?} goes by ({{ me {{ x: ssn }} }}): add a rule with \"graphql\": {{}} and \"apply_to\": [\"request.body\", \"request.query\"] for this path",
                    rule.name
                ),
            );
        }
    }
}

/// `{ "max_depth": 8, "max_cost": 500, "introspection": false }`.
fn read_graphql(node: &Node<'_>) -> Option<GraphqlLimits> {
    node.object(|fields| {
        Some(GraphqlLimits {
            depth: fields.or("max_depth", None, |n| n.integer(1..=u64::MAX).map(Some)),
            cost: fields.or("max_cost", None, |n| n.integer(1..=u64::MAX).map(Some)),
            introspection: fields.or("introspection", true, |n| n.boolean()),
            passes_upgrades: fields.or("websocket", false, |n| {
                n.one_of(&[("refuse", false), ("pass", true)])
            }),
            passes_aliases: fields.or("aliases", false, |n| {
                n.one_of(&[("refuse", false), ("pass", true)])
            }),
        })
    })
}
