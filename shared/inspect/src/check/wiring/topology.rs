//! What manifests say of the proxies in front of a gateway: how it finds the address of a client.

use crate::check::tree::{self, Tree};

/// How a gateway finds the address of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Topology {
    /// So many proxies are in front, and each appends its peer to `X-Forwarded-For`, as the gateway does.
    Proxies { count: u64, said_by: &'static str },
    /// The proxies in front are known by their addresses, however many there are.
    Ranges,
    /// A header of theirs has it, and the gateway appends nothing.
    Header(String),
}

impl Topology {
    /// What is wrong with a number of trusted hops.
    pub(super) fn contradicts(&self, hops: u64) -> Option<String> {
        match self {
            Self::Proxies { count, said_by } => {
                let right = count.saturating_add(1);
                (hops != right).then(|| {
                    format!(
                        "{said_by} says {count}, and the gateway appends its peer, so the client is entry {right} of X-Forwarded-For: leave \"trusted_hops\" out, as the gateway gives the client's address, or say {right}"
                    )
                })
            }
            Self::Ranges => Some(
                "trustedCIDRs of the ClientTrafficPolicy says by their addresses which entries of X-Forwarded-For are proxies, however many there are: leave \"trusted_hops\" out, as the gateway gives the client's address"
                    .to_owned(),
            ),
            Self::Header(name) => Some(format!(
                "the gateway takes the client's address from {name:?} and appends nothing to X-Forwarded-For: leave \"trusted_hops\" out"
            )),
        }
    }
}

/// What the policies for Envoy Gateway say.
pub(super) fn of_envoy_gateway(documents: &[Tree]) -> Vec<Topology> {
    let policies = documents.iter().filter(|document| {
        document.get("kind").and_then(Tree::text) == Some("ClientTrafficPolicy")
    });
    let detections = policies.filter_map(|policy| policy.at(&["spec", "clientIPDetection"]));
    detections
        .filter_map(|detection| {
            let hops = detection.at(&["xForwardedFor", "numTrustedHops"]);
            if let Some(count) = hops.and_then(|hops| hops.json().as_u64()) {
                let said_by = "numTrustedHops of the ClientTrafficPolicy";
                return Some(Topology::Proxies { count, said_by });
            }
            let ranges = detection.at(&["xForwardedFor", "trustedCIDRs"]);
            if ranges.is_some_and(|ranges| !ranges.items().is_empty()) {
                return Some(Topology::Ranges);
            }
            let name = detection.at(&["customHeader", "name"])?.text()?;
            Some(Topology::Header(name.to_owned()))
        })
        .collect()
}

/// What the configuration of the mesh, or of a gateway's pods, says in Istio.
pub(super) fn of_istio(documents: &[Tree]) -> Vec<Topology> {
    let mut found = Vec::new();
    documents.iter().for_each(|tree| visit(tree, &mut found));
    found
}

fn visit(tree: &Tree, found: &mut Vec<Topology>) {
    tree.items().iter().for_each(|item| visit(item, found));
    for member in tree.members() {
        match (member.name.as_str(), member.value.text()) {
            ("gatewayTopology", None) => {
                let count = member.value.get("numTrustedProxies");
                let count = count.and_then(|count| count.json().as_u64());
                let said_by = "numTrustedProxies of gatewayTopology";
                found.extend(count.map(|count| Topology::Proxies { count, said_by }));
            }
            // The annotation of a pod and the ConfigMap of the mesh have YAML in a text.
            ("proxy.istio.io/config" | "mesh", Some(text)) => {
                let inner = tree::read(text).trees;
                inner.iter().for_each(|tree| visit(tree, found));
            }
            _ => visit(&member.value, found),
        }
    }
}
