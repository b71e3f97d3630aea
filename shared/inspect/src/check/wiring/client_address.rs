//! Whose address a filter takes for the client's, where the proxy's own configuration is not in the
//! manifest: the gateways of Istio and Envoy Gateway are Envoys that append their peer to
//! `X-Forwarded-For`.

use policy::json::Json;

use super::Wiring;
use crate::check::codes;
use crate::check::plugin::{Host, Site};
use crate::check::tree::Tree;

impl Wiring<'_> {
    /// One trusted hop is the peer that the gateway appends.
    pub(super) fn client_addresses(&mut self, sites: &[(Site<'_>, Option<Json>)]) {
        for (site, config) in sites {
            let is_at_gateway = match site.host {
                Host::EnvoyGateway => true,
                Host::Istio => is_for_gateway(site.plugin) || is_for_gateway_spec(self.document),
                _ => false,
            };
            let hops = config.as_ref().and_then(trusted_hops);
            if is_at_gateway && hops == Some(1) {
                self.warning(
                    &codes::PEER_HOPS,
                    &site.start_of_config(),
                    "the gateway itself appends its peer to X-Forwarded-For, and \"trusted_hops\": 1 is that peer; behind one proxy, 2 is the client".to_owned(),
                );
            }
        }
    }
}

/// What a configuration says of trusted hops.
pub(in crate::check) fn trusted_hops(config: &Json) -> Option<u64> {
    let block = config.member("client_address").unwrap_or(config);
    block.member("trusted_hops").and_then(Json::as_u64)
}

fn is_for_gateway_spec(document: &Tree) -> bool {
    document.get("spec").is_some_and(is_for_gateway)
}

/// Whether the selector or the target of a resource is a gateway.
fn is_for_gateway(spec: &Tree) -> bool {
    let labels = spec
        .at(&["selector", "matchLabels"])
        .map_or(&[][..], Tree::members);
    let is_gateway = |label: &Tree| label.text().is_some_and(|value| value.contains("gateway"));
    let is_selected = labels.iter().any(|label| is_gateway(&label.value));
    let one = spec.get("targetRef").into_iter();
    let several = spec.get("targetRefs").map_or(&[][..], Tree::items);
    let is_target = |target: &Tree| target.get("kind").and_then(Tree::text) == Some("Gateway");
    is_selected || one.chain(several).any(is_target)
}
