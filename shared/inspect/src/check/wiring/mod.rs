//! What stands around the filters in a manifest: clusters, order, stored data, failure, variables.

mod calls;
mod capabilities;
mod chain;
mod client_address;
mod names;
mod priorities;
mod switched;
mod topology;

use std::ops::Range;

use policy::filters::{AUDIT_EMITTER, TOKEN_BUCKET};
use policy::json::Json;

use super::callers;
use super::codes::{self, Code};
use super::finding::Bypass;
use super::plugin::{Host, Site};
use super::tree::{Kind, Tree};

pub(crate) use calls::called;
pub(super) use client_address::trusted_hops;
pub(super) use names::is_of_apisix;
pub(super) use priorities::priorities;

/// What is wrong around a filter, and where.
pub(super) struct Fault {
    pub(super) code: &'static Code,
    pub(super) is_error: bool,
    pub(super) span: Range<usize>,
    pub(super) message: String,
    /// The filters that requests pass by because of it.
    pub(super) bypasses: Vec<Bypass>,
}

pub(super) struct Wiring<'t> {
    /// The whole text.
    source: &'t str,
    document: &'t Tree,
    /// All documents of the text, with this one.
    documents: &'t [Tree],
    faults: Vec<Fault>,
}

/// Checks what is around the filters of one of the documents of a text.
pub(super) fn check(
    source: &str,
    document: &Tree,
    documents: &[Tree],
    sites: &[(Site<'_>, Option<Json>)],
) -> Vec<Fault> {
    let mut wiring = Wiring {
        source,
        document,
        documents,
        faults: Vec::new(),
    };
    for (site, config) in sites {
        wiring.identity(site);
        wiring.failure(site);
        wiring.vm(site);
        wiring.capabilities(site, config.as_ref());
        wiring.module(site);
        if let Some(config) = config {
            wiring.environment(site, config);
            wiring.clusters(site, config);
        }
    }
    wiring.plugin_names(sites);
    wiring.order(sites);
    wiring.shared_vms(sites);
    wiring.stats_tags(sites);
    wiring.client_addresses(sites);
    wiring.switched_off(sites);
    wiring.internal_redirects(sites);
    wiring.upgrades(sites);
    wiring.listeners_without(sites);
    wiring.stores_before(sites);
    wiring.faults.extend(callers::of_sites(source, sites));
    wiring.faults
}

impl Wiring<'_> {
    fn error(&mut self, code: &'static Code, span: &Range<usize>, message: String) {
        self.add(code, true, span, message);
    }

    fn warning(&mut self, code: &'static Code, span: &Range<usize>, message: String) {
        self.add(code, false, span, message);
    }

    fn add(&mut self, code: &'static Code, is_error: bool, span: &Range<usize>, message: String) {
        self.faults.push(Fault {
            code,
            is_error,
            span: span.clone(),
            message,
            bypasses: Vec::new(),
        });
    }

    /// Says of the last fault that requests pass these filters by because of it: all requests, or some.
    fn bypassed(&mut self, filters: impl IntoIterator<Item = &'static str>, is_of_all: bool) {
        if let Some(fault) = self.faults.last_mut() {
            let bypasses = filters.into_iter();
            let bypasses = bypasses.map(|filter| Bypass { filter, is_of_all });
            fault.bypasses.extend(bypasses);
        }
    }

    fn failure(&mut self, site: &Site<'_>) {
        let policy = ["failure_policy", "failStrategy"]
            .iter()
            .find_map(|name| site.plugin.get(name));
        if let Some(policy) = policy
            && is_fail_open(policy)
        {
            self.warning(
                &codes::FAIL_OPEN,
                &policy.span,
                format!("when {} fails, requests pass it unchecked", site.filter),
            );
            self.bypassed([site.filter], false);
        }
        let open = ["fail_open", "failOpen"]
            .iter()
            .find_map(|name| site.plugin.get(name));
        if let Some(open) = open
            && matches!(open.kind, Kind::Bool(true))
        {
            self.warning(
                &codes::FAIL_OPEN,
                &open.span,
                format!("when {} fails, requests pass it unchecked", site.filter),
            );
            self.bypassed([site.filter], false);
        }
    }

    fn vm(&mut self, site: &Site<'_>) {
        let keeps_data = [TOKEN_BUCKET, AUDIT_EMITTER, super::BUNDLE].contains(&site.filter);
        let is_missing = site
            .plugin
            .at(&["vm_config", "vm_id"])
            .is_none_or(|id| id.text().is_none_or(str::is_empty));
        if site.host == Host::Envoy && keeps_data && is_missing {
            let message = format!(
                "{} keeps data under its vm_id, and there is none: a new configuration begins with empty stores",
                site.filter
            );
            self.warning(&codes::VM_ID_MISSING, &site.span(), message);
        }
    }

    fn module(&mut self, site: &Site<'_>) {
        let (url, digest) = match site.host {
            Host::Envoy => (
                site.plugin
                    .at(&["vm_config", "code", "remote", "http_uri", "uri"]),
                site.plugin.at(&["vm_config", "code", "remote", "sha256"]),
            ),
            Host::Istio | Host::Higress => (site.plugin.get("url"), site.plugin.get("sha256")),
            Host::EnvoyGateway => {
                let source = site
                    .plugin
                    .at(&["code", "http"])
                    .or_else(|| site.plugin.at(&["code", "image"]));
                (
                    source.and_then(|s| s.get("url")),
                    source.and_then(|s| s.get("sha256")),
                )
            }
            _ => return,
        };
        let Some(url) = url else { return };
        let text = url.text().unwrap_or_default();
        let is_pinned = text.contains("@sha256:") || text.starts_with("file:");
        let has_digest = digest
            .and_then(Tree::text)
            .is_some_and(|digest| !digest.is_empty());
        if !is_pinned && !has_digest {
            let message = format!("nothing says which module {text:?} has to be");
            self.warning(&codes::SHA256_MISSING, &url.span, message);
        }
    }
}

/// `FAIL_OPEN`, or its number in Envoy's `FailurePolicy`.
fn is_fail_open(policy: &Tree) -> bool {
    policy.text() == Some("FAIL_OPEN") || policy.json().as_u64() == Some(3)
}
