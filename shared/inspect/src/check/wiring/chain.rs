//! Filters beside others: their order, the data they share, the metrics they name.

use policy::filters::{AUDIT_EMITTER, JWT_AUTH, place_in_chain};
use policy::json::Json;

use super::Wiring;
use crate::check::plugin::Site;
use crate::check::tree::Tree;
use crate::check::{BUNDLE, codes};

impl Wiring<'_> {
    pub(super) fn order(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        for (position, (site, _)) in sites.iter().enumerate() {
            let Some((list, index)) = site.chain else {
                continue;
            };
            let router = list.items().iter().position(|item| {
                item.get("name").and_then(Tree::text) == Some("envoy.filters.http.router")
            });
            if router.is_some_and(|router| router < index) {
                let message = format!("{} stands behind the router and never runs", site.filter);
                self.error(&codes::AFTER_ROUTER, &site.span(), message);
                self.bypassed([site.filter], true);
            }
            let late = sites.iter().take(position).rev().find(|(earlier, _)| {
                let is_same = earlier
                    .chain
                    .is_some_and(|(other, _)| std::ptr::eq(other, list));
                is_same
                    && place_in_chain(earlier.filter) > place_in_chain(site.filter)
                    && earlier.filter != BUNDLE
                    && site.filter != BUNDLE
            });
            if let Some((earlier, _)) = late {
                let message = format!(
                    "{} stands behind {}; {}",
                    site.filter,
                    earlier.filter,
                    why_before(site.filter)
                );
                self.warning(&codes::CHAIN_ORDER, &site.span(), message);
            }
        }
    }

    pub(super) fn shared_vms(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        for (position, (site, _)) in sites.iter().enumerate() {
            let id = site.plugin.at(&["vm_config", "vm_id"]);
            let Some((id, text)) = id.and_then(|id| Some((id, id.text()?))) else {
                continue;
            };
            let earlier = sites.iter().take(position).find(|(earlier, _)| {
                let other = earlier.plugin.at(&["vm_config", "vm_id"]);
                earlier.filter != site.filter && other.and_then(Tree::text) == Some(text)
            });
            if let (Some((earlier, _)), false) = (earlier, text.is_empty()) {
                let message = format!(
                    "{} has the vm_id of {}: they share one space of stored data",
                    site.filter, earlier.filter
                );
                self.warning(&codes::VM_ID_SHARED, &id.span, message);
            }
        }
    }

    /// Only a bootstrap can split the names of metrics.
    pub(super) fn stats_tags(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        let is_bootstrap = self.document.get("static_resources").is_some();
        let Some((site, _)) = sites.first().filter(|_| is_bootstrap) else {
            return;
        };
        let tags = self
            .document
            .at(&["stats_config", "stats_tags"])
            .map_or(&[][..], Tree::items);
        let has = |label: &str| {
            tags.iter().any(|tag| {
                let regex = tag.get("regex").and_then(Tree::text).unwrap_or_default();
                regex.contains(&format!(";{label}="))
            })
        };
        let labels = ["outcome", "reason"];
        let missing: Vec<&str> = labels.into_iter().filter(|label| !has(label)).collect();
        if !missing.is_empty() {
            let message = format!(
                "stats_config.stats_tags does not split {}",
                missing.join(", ")
            );
            self.warning(&codes::STATS_TAGS, &site.span(), message);
        }
    }
}

pub(super) fn why_before(filter: &str) -> &'static str {
    match filter {
        AUDIT_EMITTER => "it sees no request that those before it refuse",
        JWT_AUTH => "those before it do not know the caller",
        _ => "the order is audit-emitter, jwt-auth, token-bucket, pii-redactor",
    }
}
