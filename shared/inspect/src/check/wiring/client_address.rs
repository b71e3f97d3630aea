//! Whose address a filter takes for the client's, where the proxy's own configuration is not in the
//! manifest: the gateways of Istio, Higress and Envoy Gateway are Envoys that append their peer to
//! `X-Forwarded-For`.

use meshward_bundle::config::Part;
use policy::json::Json;

use super::{Wiring, topology};
use crate::check::codes;
use crate::check::plugin::{Host, Site};
use crate::check::tree::Tree;

impl Wiring<'_> {
    /// One trusted hop is the peer that the gateway appends, and what is said of the proxies in front holds
    /// for filters too.
    pub(super) fn client_addresses(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        for (site, config) in sites {
            let topologies = match site.host {
                Host::EnvoyGateway => topology::of_envoy_gateway(self.documents),
                Host::Istio | Host::Higress | Host::Envoy => topology::of_istio(self.documents),
                _ => Vec::new(),
            };
            let is_at_gateway = match site.host {
                Host::EnvoyGateway | Host::Higress => true,
                Host::Istio => is_for_gateway(site.plugin) || is_for_gateway_spec(self.document),
                Host::Envoy => is_filter_of_gateway(self.document),
                _ => false,
            };
            let Some(config) = config.as_ref().filter(|_| is_at_gateway) else {
                continue;
            };
            for hops in trusted_hops(config).filter(|hops| *hops > 0) {
                // Policies may be about other gateways: one that agrees is enough.
                let mut wrong = topologies.iter().map(|topology| topology.contradicts(hops));
                let (code, message) = match wrong.clone().next() {
                    Some(first) if wrong.all(|message| message.is_some()) => {
                        (&codes::HOPS_OF_GATEWAY, first)
                    }
                    None if hops == 1 => (&codes::PEER_HOPS, Some("the gateway itself appends its peer to X-Forwarded-For, and \"trusted_hops\": 1 is that peer; behind one proxy, 2 is the client".to_owned())),
                    _ => continue,
                };
                if let Some(message) = message {
                    let place = site.place(self.source, "client_address");
                    self.warning(code, &place, message);
                }
            }
        }
    }
}

/// What a configuration says of trusted hops, and what the parts of the bundle's say.
pub(in crate::check) fn trusted_hops(config: &Json) -> impl Iterator<Item = u64> {
    let parts = Part::ALL.into_iter();
    let parts = parts.filter_map(|part| config.member(part.key()));
    std::iter::once(config).chain(parts).filter_map(|config| {
        let block = config.member("client_address").unwrap_or(config);
        block.member("trusted_hops").and_then(Json::as_u64)
    })
}

fn is_for_gateway_spec(document: &Tree) -> bool {
    document.get("spec").is_some_and(is_for_gateway)
}

/// Whether a document is an `EnvoyFilter` of Istio that changes gateways.
fn is_filter_of_gateway(document: &Tree) -> bool {
    let is_filter = document.get("kind").and_then(Tree::text) == Some("EnvoyFilter");
    let patches = document.at(&["spec", "configPatches"]);
    let mut patches = patches.map_or(&[][..], Tree::items).iter();
    let is_of_gateway = |patch: &Tree| {
        let context = patch.at(&["match", "context"]);
        context.and_then(Tree::text) == Some("GATEWAY")
    };
    is_filter && (is_for_gateway_spec(document) || patches.any(is_of_gateway))
}

/// Whether the selector or the target of a resource is a gateway.
fn is_for_gateway(spec: &Tree) -> bool {
    let labels = [
        &["selector", "matchLabels"][..],
        &["workloadSelector", "labels"],
    ];
    let mut labels = labels
        .into_iter()
        .filter_map(|place| spec.at(place))
        .flat_map(Tree::members);
    let is_gateway = |label: &Tree| label.text().is_some_and(|value| value.contains("gateway"));
    let is_selected = labels.any(|label| is_gateway(&label.value));
    let one = spec.get("targetRef").into_iter();
    let several = spec.get("targetRefs").map_or(&[][..], Tree::items);
    let is_target = |target: &Tree| target.get("kind").and_then(Tree::text) == Some("Gateway");
    is_selected || one.chain(several).any(is_target)
}
