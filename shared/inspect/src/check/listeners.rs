//! Whether connections must speak TLS to come to the filters, as far as manifests say so of their listeners.

use super::document;
use super::tree::Tree;

/// How many of the listeners that a text has take only TLS 1.2 and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerTls {
    /// All listeners take only TLS 1.2 and later.
    All,
    /// Some listeners do, and some take older versions or plain text.
    Some,
    /// No listener does.
    None,
}

impl ListenerTls {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Some => "some",
            Self::None => "none",
        }
    }

    /// Of listeners in two texts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::Some }
    }
}

/// What the listeners of a text take. `None`: it has none.
///
/// # Errors
/// It cannot be read.
pub fn tls(text: &str) -> Result<Option<ListenerTls>, String> {
    let mut all = Vec::new();
    for tree in &document::trees(text.trim_start_matches('\u{feff}'))? {
        visit(tree, &mut all);
    }
    let one = |speaks: bool| {
        if speaks {
            ListenerTls::All
        } else {
            ListenerTls::None
        }
    };
    Ok(all.into_iter().map(one).reduce(ListenerTls::and))
}

fn visit(tree: &Tree, found: &mut Vec<bool>) {
    tree.items().iter().for_each(|item| visit(item, found));
    let text = |name: &str| tree.get(name).and_then(Tree::text);
    // Those of Kong and Envoy have one name, and only Envoy's have transport sockets and typed configurations.
    let chains = tree
        .get("filter_chains")
        .map_or(&[][..], Tree::items)
        .iter();
    let chains = chains.chain(tree.get("default_filter_chain"));
    for chain in chains.filter(|chain| has_manager(chain)) {
        found.push(is_tls_of_envoy(chain));
    }
    if text("kind") == Some("Gateway") {
        let listeners = tree.at(&["spec", "listeners"]).map_or(&[][..], Tree::items);
        for listener in listeners {
            let protocol = listener.get("protocol").and_then(Tree::text);
            let mode = listener.at(&["tls", "mode"]).and_then(Tree::text);
            found.push(protocol == Some("HTTPS") && mode != Some("Passthrough"));
        }
        for server in tree.at(&["spec", "servers"]).map_or(&[][..], Tree::items) {
            found.push(is_tls_of_istio(server));
        }
    }
    for member in tree.members() {
        visit(&member.value, found);
    }
}

fn has_manager(chain: &Tree) -> bool {
    let filters = chain.get("filters").map_or(&[][..], Tree::items);
    let kind = |filter: &Tree| {
        filter
            .at(&["typed_config", "@type"])
            .and_then(Tree::text)
            .map(str::to_owned)
    };
    filters
        .iter()
        .filter_map(kind)
        .any(|kind| kind.ends_with(".HttpConnectionManager"))
}

/// Envoy takes nothing older than TLS 1.2 unless it is told to.
fn is_tls_of_envoy(chain: &Tree) -> bool {
    let Some(socket) = chain.at(&["transport_socket", "typed_config"]) else {
        return false;
    };
    let kind = socket.get("@type").and_then(Tree::text).unwrap_or_default();
    let is_tls =
        kind.ends_with(".DownstreamTlsContext") || kind.ends_with(".QuicDownstreamTransport");
    let oldest = [
        "common_tls_context",
        "tls_params",
        "tls_minimum_protocol_version",
    ];
    let oldest = socket.at(&oldest).and_then(Tree::text);
    is_tls && !matches!(oldest, Some("TLSv1_0" | "TLSv1_1"))
}

fn is_tls_of_istio(server: &Tree) -> bool {
    let tls = server.get("tls");
    let text = |name: &str| tls.and_then(|tls| tls.get(name)).and_then(Tree::text);
    let redirects = tls
        .and_then(|tls| tls.get("httpsRedirect"))
        .is_some_and(|on| matches!(on.json(), policy::json::Json::Bool(true)));
    let terminates = matches!(
        text("mode"),
        Some("SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" | "ISTIO_MUTUAL")
    );
    let is_old = matches!(text("minProtocolVersion"), Some("TLSV1_0" | "TLSV1_1"));
    redirects || terminates && !is_old
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(socket: &str) -> String {
        let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
        format!(
            "static_resources:\n  listeners:\n  - filter_chains:\n    - filters:\n      - typed_config: {{\"@type\": {manager}}}\n{socket}"
        )
    }

    #[test]
    fn listeners_take_tls_or_do_not() {
        let tls_type =
            "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
        let socket = |more: &str| {
            format!("      transport_socket: {{typed_config: {{\"@type\": {tls_type}{more}}}}}\n")
        };
        let old = ", common_tls_context: {tls_params: {tls_minimum_protocol_version: TLSv1_1}}";
        let new = ", common_tls_context: {tls_params: {tls_minimum_protocol_version: TLSv1_3}}";
        let https = "kind: Gateway\nspec: {listeners: [{protocol: HTTPS, tls: {mode: Terminate}}, {protocol: HTTP}]}\n";
        let istio = "kind: Gateway\nspec: {servers: [{tls: {mode: SIMPLE}}, {tls: {httpsRedirect: true}}]}\n";
        for (text, expected) in [
            (listener(""), Some(ListenerTls::None)),
            (listener(&socket("")), Some(ListenerTls::All)),
            (listener(&socket(new)), Some(ListenerTls::All)),
            (listener(&socket(old)), Some(ListenerTls::None)),
            (
                format!("{}---\n{}", listener(&socket("")), listener("")),
                Some(ListenerTls::Some),
            ),
            (https.to_owned(), Some(ListenerTls::Some)),
            (istio.to_owned(), Some(ListenerTls::All)),
            (
                "filter_chains: [{name: a, filters: [{name: b}]}]".to_owned(),
                None,
            ),
            ("{\"rules\": []}".to_owned(), None),
        ] {
            assert_eq!(tls(&text), Ok(expected), "{text}");
        }
    }
}
