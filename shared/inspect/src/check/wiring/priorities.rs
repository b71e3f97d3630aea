//! Plugins of several documents, which their phases and priorities put in order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use policy::filters::place_in_chain;

use super::chain::why_before;
use crate::check::BUNDLE;
use crate::check::codes::{self, Code};
use crate::check::plugin::named;
use crate::check::tree::Tree;

/// A plugin in the order of its proxy.
struct Plugin<'t> {
    /// The place of its phase, and in the phase the highest priority first.
    rank: (usize, Reverse<i64>),
    filter: &'static str,
    /// What findings point at.
    at: &'t Tree,
}

/// Plugins of one phase and priority, and plugins in another order than their filters need.
pub(in crate::check) fn priorities(documents: &[Tree]) -> Vec<(&'static Code, &Tree, String)> {
    let mut proxies: BTreeMap<String, Vec<Plugin<'_>>> = BTreeMap::new();
    for document in documents {
        if let Some((proxy, plugin)) = plugin(document) {
            proxies.entry(proxy).or_default().push(plugin);
        }
    }
    let mut found = Vec::new();
    for mut plugins in proxies.into_values() {
        plugins.sort_by_key(|plugin| plugin.rank);
        same_priority(&plugins, &mut found);
        order(&plugins, &mut found);
    }
    found.sort_by_key(|(_, at, _)| at.span.start);
    found
}

fn plugin(document: &Tree) -> Option<(String, Plugin<'_>)> {
    let kind = document.get("kind").and_then(Tree::text)?;
    if kind != "WasmPlugin" && kind != "TrafficExtension" {
        return None;
    }
    let spec = document.get("spec")?;
    let url = spec.get("url").or_else(|| spec.at(&["wasm", "url"]));
    let filter = url.and_then(Tree::text).and_then(named)?;
    let priority = spec.get("priority");
    let number = priority.map(|priority| priority.json().to_string());
    let number = number.and_then(|number| number.trim_matches('"').parse().ok());
    let number: i64 = number.unwrap_or_default();
    let phase = spec.get("phase");
    let place = match phase.and_then(Tree::text) {
        Some("AUTHN") => 0,
        Some("AUTHZ") => 1,
        Some("STATS") => 2,
        // At the end of the chain, before the router.
        _ => 3,
    };
    // Plugins of other workloads are not in the chain.
    let words = [
        document.get("apiVersion"),
        document.at(&["metadata", "namespace"]),
        spec.get("selector"),
        spec.get("targetRef"),
        spec.get("targetRefs"),
    ];
    let words = words.map(|word| word.map(|word| word.json().to_string()).unwrap_or_default());
    let plugin = Plugin {
        rank: (place, Reverse(number)),
        filter,
        at: priority.or(phase).unwrap_or(spec),
    };
    Some((words.join(" "), plugin))
}

type Found<'t> = Vec<(&'static Code, &'t Tree, String)>;

fn same_priority<'t>(plugins: &[Plugin<'t>], found: &mut Found<'t>) {
    for group in plugins.chunk_by(|one, other| one.rank == other.rank) {
        let Some(first) = group.first() else { continue };
        for plugin in group.iter().filter(|other| other.filter != first.filter) {
            let message = format!(
                "{} and {} have one phase and one priority",
                plugin.filter, first.filter
            );
            found.push((&codes::SAME_PRIORITY, plugin.at, message));
        }
    }
}

fn order<'t>(plugins: &[Plugin<'t>], found: &mut Found<'t>) {
    // The filter that belongs furthest behind, of those that run before.
    let mut last: Option<&'static str> = None;
    for group in plugins.chunk_by(|one, other| one.rank == other.rank) {
        // The bundle has a place of its own.
        let separate = || group.iter().filter(|plugin| plugin.filter != BUNDLE);
        for plugin in separate() {
            let before = last.filter(|last| place_in_chain(last) > place_in_chain(plugin.filter));
            if let Some(before) = before {
                let message = format!(
                    "by phase and priority {} runs behind {before}; {}",
                    plugin.filter,
                    why_before(plugin.filter)
                );
                found.push((&codes::CHAIN_ORDER, plugin.at, message));
            }
        }
        let filters = separate().map(|plugin| plugin.filter).chain(last);
        last = filters.max_by_key(|filter| place_in_chain(filter));
    }
}
