//! Filters of Envoy that are switched off or bypassed, and requests that pass them twice.

use std::collections::BTreeSet;

use policy::filters::{JWT_AUTH, TOKEN_BUCKET};
use policy::json::Json;

use crate::check::plugin::{Host, Site};
use crate::check::tree::{Kind, Member, Tree};
use crate::check::{BUNDLE, codes};

use super::Wiring;

impl Wiring<'_> {
    /// A filter that is disabled, and where nothing enables it; routes that switch it off.
    pub(super) fn switched_off(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let mut own = Vec::new();
        let is_of_envoy = sites.iter().any(|(site, _)| entry(site).is_some());
        for document in self.documents.iter().filter(|_| is_of_envoy) {
            visit(document, &mut |tree| {
                let of_route = tree.get("typed_per_filter_config");
                own.extend(of_route.map_or(&[][..], Tree::members));
            });
        }
        for (site, _) in sites {
            self.switched_off_elsewhere(site);
            let Some((name, entry)) = entry(site) else {
                continue;
            };
            let of_this = own.iter().filter(|member| member.name == name);
            let (off, on): (Vec<&Member>, Vec<&Member>) =
                of_this.partition(|member| is_disabled(&member.value).is_some());
            let filter = site.filter;
            if let Some(disabled) = is_disabled(entry)
                && on.is_empty()
            {
                let message = format!(
                    "{filter} is disabled and no route enables it: requests pass it unchecked"
                );
                self.warning(&codes::DISABLED, &disabled.span, message);
                self.bypassed([filter], true);
            }
            for member in off {
                let message = format!("{filter} is switched off here: requests pass it unchecked");
                self.warning(&codes::DISABLED_ON_ROUTE, &member.value.span, message);
                self.bypassed([filter], false);
            }
        }
    }

    /// What other hosts than Envoy switch a plugin off with.
    fn switched_off_elsewhere(&mut self, site: &Site<'_>) {
        let filter = site.filter;
        let mut off = Vec::new();
        match site.host {
            Host::Kong => {
                off.extend(site.plugin.get("enabled").filter(|on| is_false(on)));
                for document in self.documents {
                    visit(document, &mut |chain| {
                        let own = chain.get("filters").is_some_and(|list| is_in(site, list));
                        off.extend(chain.get("enabled").filter(|on| own && is_false(on)));
                    });
                }
            }
            Host::Apisix => {
                let disabled = site.plugin.at(&["_meta", "disable"]);
                off.extend(disabled.filter(|off| matches!(off.kind, Kind::Bool(true))));
                // A plugin in the resources of its ingress controller.
                off.extend(site.plugin.get("enable").filter(|on| is_false(on)));
                if let Some(some) = site.plugin.at(&["_meta", "filter"])
                    && !some.items().is_empty()
                {
                    let message = format!(
                        "{filter} runs only for requests that this chooses, and clients choose what they send: others pass it unchecked"
                    );
                    self.warning(&codes::DISABLED_ON_ROUTE, &some.span, message);
                    self.bypassed([filter], false);
                }
            }
            Host::Istio => {
                let network = site.plugin.get("type");
                off.extend(network.filter(|kind| kind.text() == Some("NETWORK")));
            }
            Host::Envoy | Host::EnvoyGateway | Host::Higress => {}
        }
        // One is enough, and both say the same.
        if let Some(off) = off.first() {
            let message = format!("{filter} is switched off here: requests pass it unchecked");
            self.warning(&codes::DISABLED, &off.span, message);
            self.bypassed([filter], true);
        }
    }

    /// Connection managers of Envoy that lead to the clusters of one with a filter of ours, and lack it.
    pub(super) fn listeners_without(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let mut managers = Vec::new();
        visit(self.document, &mut |manager| {
            let lists = ["http_filters", "httpFilters"];
            let list = lists.iter().find_map(|name| manager.get(name));
            managers.extend(list.map(|list| (manager, list, clusters(manager))));
        });
        let in_list = |list: &Tree| -> Vec<&'static str> {
            let of_list = sites.iter().filter(|(site, _)| is_in(site, list));
            of_list.map(|(site, _)| site.filter).collect()
        };
        for (_, list, to) in &managers {
            let own = in_list(list);
            let mut lost: Vec<&'static str> = Vec::new();
            for (_, other, of_other) in &managers {
                if !to.is_disjoint(of_other) {
                    lost.extend(in_list(other));
                }
            }
            // The bundle has the place of each filter.
            let is_here = |filter: &&str| own.contains(filter) || own.contains(&BUNDLE);
            lost.retain(|filter| !is_here(filter));
            lost.sort_unstable();
            lost.dedup();
            if lost.is_empty() {
                continue;
            }
            let message = format!(
                "requests come this way to clusters before which {} stands elsewhere, and do not pass it",
                lost.join(" and ")
            );
            self.warning(&codes::LISTENER_UNFILTERED, &list.span, message);
            self.bypassed(lost, false);
        }
    }

    /// Routes whose requests pass the filters again.
    pub(super) fn internal_redirects(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let changes = |site: &Site<'_>| {
            [JWT_AUTH, TOKEN_BUCKET, BUNDLE].contains(&site.filter) && site.host == Host::Envoy
        };
        let Some((site, _)) = sites.iter().find(|(site, _)| changes(site)) else {
            return;
        };
        let mut found = Vec::new();
        visit(self.document, &mut |tree| {
            let policy = tree.get("internal_redirect_policy");
            found.extend(policy.map(|policy| policy.span.clone()));
        });
        for span in found {
            let message = format!(
                "a redirect within Envoy passes {} again, without the credential and charged twice",
                site.filter
            );
            self.warning(&codes::INTERNAL_REDIRECT, &span, message);
        }
    }

    /// Upgrades that pass filters of their own in place of ours.
    pub(super) fn upgrades(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let mut found = Vec::new();
        visit(self.document, &mut |manager| {
            let named = |name: &str, other: &str| manager.get(name).or_else(|| manager.get(other));
            let Some(filters) = named("http_filters", "httpFilters") else {
                return;
            };
            let upgrades = named("upgrade_configs", "upgradeConfigs");
            for upgrade in upgrades.map_or(&[][..], Tree::items) {
                let is_off = upgrade.get("enabled").is_some_and(is_false);
                let own = upgrade.get("filters").filter(|own| !own.items().is_empty());
                let Some(own) = own.filter(|_| !is_off) else {
                    continue;
                };
                let in_list = |list: &Tree| {
                    let of_list = sites.iter().filter(|(site, _)| is_in(site, list));
                    let filters: Vec<&'static str> = of_list.map(|(site, _)| site.filter).collect();
                    filters
                };
                let kept = in_list(own);
                let mut lost = in_list(filters);
                lost.retain(|filter| !kept.contains(filter));
                if !lost.is_empty() {
                    found.push((own.span.clone(), lost));
                }
            }
        });
        for (span, lost) in found {
            let message = format!(
                "these requests pass the filters here in place of http_filters, and so not {}",
                lost.join(" and ")
            );
            self.warning(&codes::UPGRADE_UNFILTERED, &span, message);
            self.bypassed(lost, false);
        }
    }

    /// Filters of Envoy that respond from a store before ours have seen the request.
    pub(super) fn stores_before(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let mut known: Vec<&Tree> = Vec::new();
        for (site, _) in sites {
            let Some((list, place)) = site.chain.filter(|_| site.host == Host::Envoy) else {
                continue;
            };
            let before = list.items().iter().take(place);
            for store in before.filter(|entry| is_store(entry)) {
                // Once for each store: the first of ours behind it tells.
                if known.iter().any(|known| std::ptr::eq(*known, store)) {
                    continue;
                }
                known.push(store);
                let message = format!(
                    "a response from this store has not passed {}, which stands behind it",
                    site.filter
                );
                let span = store.get("name").map_or(&store.span, |name| &name.span);
                self.warning(&codes::ANSWERED_BEFORE, span, message);
                let behind = sites.iter().map(|(other, _)| other);
                let behind = behind.filter(|other| {
                    is_in(other, list) && other.chain.is_some_and(|(_, at)| at >= place)
                });
                self.bypassed(behind.map(|other| other.filter), false);
            }
        }
    }
}

/// The clusters to which the routes of a connection manager lead.
fn clusters(manager: &Tree) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for key in ["route_config", "routeConfig"] {
        let Some(routes) = manager.get(key) else {
            continue;
        };
        visit(routes, &mut |tree| {
            let action = tree.get("route");
            let weighted = action.and_then(|route| {
                route
                    .at(&["weighted_clusters", "clusters"])
                    .or_else(|| route.at(&["weightedClusters", "clusters"]))
            });
            let of_weighted = weighted.map_or(&[][..], Tree::items).iter();
            let named = of_weighted.filter_map(|one| one.get("name"));
            let named = action
                .and_then(|route| route.get("cluster"))
                .into_iter()
                .chain(named);
            names.extend(named.filter_map(Tree::text).map(str::to_owned));
        });
    }
    names
}

fn is_in(site: &Site<'_>, list: &Tree) -> bool {
    site.chain.is_some_and(|(own, _)| std::ptr::eq(own, list))
}

/// Envoy's cache filters, by the type of their configuration or, where there is none, by their name.
fn is_store(entry: &Tree) -> bool {
    let of_entry = ["typed_config", "typedConfig"]
        .iter()
        .find_map(|name| entry.get(name)?.get("@type")?.text());
    let name = entry.get("name").and_then(Tree::text);
    of_entry.or(name).is_some_and(|text| {
        text.contains("filters.http.cache.")
            || text.contains("filters.http.cache_v2.")
            || text.ends_with("filters.http.cache")
    })
}

fn is_false(tree: &Tree) -> bool {
    match &tree.kind {
        Kind::Bool(value) => !value,
        // A BoolValue as Envoy's own dumps write it.
        _ => tree
            .get("value")
            .is_some_and(|inner| matches!(inner.kind, Kind::Bool(false))),
    }
}

/// The entry of a list of filters that a filter of Envoy is, and its name, by which routes know it.
fn entry<'t>(site: &Site<'t>) -> Option<(&'t str, &'t Tree)> {
    let (list, place) = site.chain.filter(|_| site.host == Host::Envoy)?;
    let entry = list.items().get(place)?;
    Some((entry.get("name")?.text()?, entry))
}

/// The member that disables an entry of a list, or what a route has of a filter.
fn is_disabled(tree: &Tree) -> Option<&Tree> {
    let disabled = tree.get("disabled")?;
    matches!(disabled.kind, Kind::Bool(true)).then_some(disabled)
}

fn visit<'t>(tree: &'t Tree, found: &mut impl FnMut(&'t Tree)) {
    found(tree);
    for member in tree.members() {
        visit(&member.value, found);
    }
    for item in tree.items() {
        visit(item, found);
    }
}
