//! What a configuration names and the manifest has to have: environment variables, and clusters that
//! speak the right protocol.

use std::collections::BTreeMap;

use policy::config::join;
use policy::json::Json;

use super::Wiring;
use crate::check::codes;
use crate::check::plugin::{Host, Site};
use crate::check::tree::{self, Tree};
use crate::simulated::variables_at;

impl<'t> Wiring<'t> {
    /// Variables that a configuration names, against those that the manifest hands over.
    pub(super) fn environment(&mut self, site: &Site<'_>, config: &Json) {
        let mut wanted = BTreeMap::new();
        variables_at(config, "", &mut wanted);
        let mut given: Vec<&str> = Vec::new();
        match site.host {
            Host::Envoy => {
                if let Some(block) = site.plugin.at(&["vm_config", "environment_variables"]) {
                    let keys = block.get("host_env_keys").map_or(&[][..], Tree::items);
                    given.extend(keys.iter().filter_map(Tree::text));
                    let values = block.get("key_values").map_or(&[][..], Tree::members);
                    given.extend(values.iter().map(|member| member.name.as_str()));
                }
            }
            Host::Istio | Host::Higress => {
                let env = site
                    .plugin
                    .at(&["vmConfig", "env"])
                    .map_or(&[][..], Tree::items);
                // Without either the value is a text of nothing.
                let has_value = |item: &&Tree| {
                    let from = item.get("valueFrom").and_then(Tree::text);
                    from == Some("HOST") || item.get("value").is_some()
                };
                let env = env.iter().filter(has_value);
                given.extend(env.filter_map(|item| item.get("name")?.text()));
            }
            Host::EnvoyGateway => {
                let keys = site
                    .plugin
                    .at(&["env", "hostKeys"])
                    .map_or(&[][..], Tree::items);
                given.extend(keys.iter().filter_map(Tree::text));
                self.of_containers(site, &given);
            }
            Host::Apisix | Host::Kong => return,
        }
        wanted.retain(|name, _| !given.contains(&name.as_str()));
        for (name, path) in wanted {
            let message =
                format!("the configuration needs {name}, which this does not hand to the VM");
            let place = site.place(self.source, &path);
            self.error(&codes::ENV_MISSING, &place, message);
        }
    }

    /// Variables that Envoy Gateway hands over, against those that an EnvoyProxy of the text gives its containers.
    fn of_containers(&mut self, site: &Site<'_>, keys: &[&str]) {
        let proxies = self.of_kind("EnvoyProxy");
        if proxies.is_empty() {
            return;
        }
        let containers = proxies.iter().flat_map(|proxy| {
            let kubernetes = proxy.at(&["spec", "provider", "kubernetes"]);
            ["envoyDeployment", "envoyDaemonSet"]
                .map(|kind| kubernetes.and_then(|host| host.at(&[kind, "container", "env"])))
        });
        let variables = containers.flatten().flat_map(Tree::items);
        let set: Vec<&str> = variables
            .filter_map(|item| item.get("name")?.text())
            .collect();
        let unset: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| !set.contains(key))
            .collect();
        if !unset.is_empty() {
            let message = format!(
                "env.hostKeys names {}, and the EnvoyProxy does not set it for its containers",
                unset.join(", ")
            );
            let keys = site.plugin.at(&["env", "hostKeys"]);
            let place = keys.map_or_else(|| site.span(), |keys| keys.span.clone());
            self.error(&codes::ENV_MISSING, &place, message);
        }
    }

    /// The documents of the text that are of one kind.
    fn of_kind(&self, kind: &str) -> Vec<&'t Tree> {
        let is_one = |tree: &&Tree| tree.get("kind").and_then(Tree::text) == Some(kind);
        self.documents.iter().filter(is_one).collect()
    }

    /// Clusters that a configuration names, against those that the manifest has, and what the host calls them.
    pub(super) fn clusters(&mut self, site: &Site<'_>, config: &Json) {
        let mut calls = Vec::new();
        named_clusters(config, "", &mut calls);
        match site.host {
            Host::Envoy => {
                let document = self.document;
                let is_dynamic = document.at(&["dynamic_resources", "cds_config"]).is_some();
                if let Some(list) = document.at(CLUSTERS).filter(|_| !is_dynamic) {
                    self.listed(site, &calls, list.items(), true);
                    self.fetched(site, list.items());
                }
            }
            Host::EnvoyGateway => {
                let proxies = self.of_kind("EnvoyProxy").into_iter();
                let texts =
                    proxies.filter_map(|proxy| proxy.at(&["spec", "bootstrap", "value"])?.text());
                let bootstraps = texts.flat_map(|text| tree::read(text).trees);
                let clusters: Vec<Tree> = bootstraps
                    .filter_map(|bootstrap| {
                        bootstrap.at(CLUSTERS).map(|list| list.items().to_vec())
                    })
                    .flatten()
                    .collect();
                if !clusters.is_empty() {
                    self.listed(site, &calls, &clusters, false);
                }
            }
            Host::Istio | Host::Higress => self.generated(site, &calls),
            Host::Apisix | Host::Kong => {
                for call in calls.iter().filter(|call| !has_port(&call.cluster)) {
                    let message = format!(
                        "{:?} names no port: on this host a cluster is host:port",
                        call.cluster
                    );
                    let place = site.place(self.source, &call.path);
                    self.warning(&codes::CLUSTER_FORM, &place, message);
                }
            }
        }
    }

    /// The cluster that the module is fetched from: Envoy starts without it, and refuses every request.
    fn fetched(&mut self, site: &Site<'_>, list: &[Tree]) {
        let uri = ["vm_config", "code", "remote", "http_uri", "cluster"];
        let Some((cluster, name)) = site
            .plugin
            .at(&uri)
            .and_then(|tree| Some((tree, tree.text()?)))
        else {
            return;
        };
        let is_there = |known: &Tree| known.get("name").and_then(Tree::text) == Some(name);
        if !list.iter().any(is_there) {
            let message =
                format!("the module is fetched from {name:?}, and no cluster is called so");
            self.error(&codes::CLUSTER_MISSING, &cluster.span, message);
        }
    }

    /// Calls against a list of clusters, which stand in the text itself or in a text within it.
    fn listed(&mut self, site: &Site<'_>, calls: &[Call], list: &[Tree], are_in_text: bool) {
        let names: Vec<&str> = list
            .iter()
            .filter_map(|cluster| cluster.get("name")?.text())
            .collect();
        for call in calls {
            let start = site.place(self.source, &call.path);
            let cluster = list
                .iter()
                .find(|cluster| cluster.get("name").and_then(Tree::text) == Some(&call.cluster));
            let Some(cluster) = cluster else {
                let near = policy::nearest(&call.cluster, names.iter().copied());
                let hint = near.map_or_else(
                    || format!("there are {}", names.join(", ")),
                    |near| format!("did you mean {near:?}?"),
                );
                let message = format!("no cluster is called {:?}; {hint}", call.cluster);
                self.error(&codes::CLUSTER_MISSING, &start, message);
                continue;
            };
            let span = if are_in_text { &cluster.span } else { &start };
            let text = cluster.json().to_string();
            let speaks_http2 =
                text.contains("http2_protocol_options") || text.contains("http2ProtocolOptions");
            if call.is_grpc && !speaks_http2 {
                let message = format!(
                    "{} asks the cluster {:?} over gRPC, and it does not speak HTTP/2",
                    site.filter, call.cluster
                );
                self.error(&codes::CLUSTER_PROTOCOL, span, message);
            }
            let has_tls = cluster.get("transport_socket").is_some()
                || text.contains("transport_socket_matches");
            if call.is_https && !has_tls {
                let message = format!(
                    "the address behind the cluster {:?} is https, and the cluster has no TLS",
                    call.cluster
                );
                self.warning(&codes::CLUSTER_TLS, span, message);
            }
        }
    }

    /// Calls against the names that Istio gives clusters. An EnvoyFilter may add some of other names.
    fn generated(&mut self, site: &Site<'_>, calls: &[Call]) {
        if !self.of_kind("EnvoyFilter").is_empty() {
            return;
        }
        let bridges = self.of_kind("McpBridge").into_iter();
        let lists = bridges.filter_map(|bridge| bridge.at(&["spec", "registries"]));
        let services: Vec<String> = lists
            .flat_map(Tree::items)
            .filter_map(|registry| {
                let text = |name: &str| registry.get(name).and_then(Tree::text);
                Some(format!("{}.{}", text("name")?, text("type")?))
            })
            .collect();
        for call in calls {
            let start = site.place(self.source, &call.path);
            let parts: Vec<&str> = call.cluster.split('|').collect();
            let host = match parts.as_slice() {
                ["outbound", port, _, host] if port.parse::<u16>().is_ok() => *host,
                _ => {
                    let message = format!(
                        "{:?} is no name that Istio gives a cluster; did you mean {:?}?",
                        call.cluster,
                        call.generated()
                    );
                    self.warning(&codes::CLUSTER_FORM, &start, message);
                    continue;
                }
            };
            let is_of_bridge = host.ends_with(".dns") || host.ends_with(".static");
            if is_of_bridge && !services.is_empty() && !services.iter().any(|known| known == host) {
                let message = format!(
                    "no registry of the McpBridge makes {host:?}; there are {}",
                    services.join(", ")
                );
                self.error(&codes::CLUSTER_MISSING, &start, message);
            }
        }
    }
}

const CLUSTERS: &[&str] = &["static_resources", "clusters"];

/// Whether an address has a port, or is that of a socket.
fn has_port(address: &str) -> bool {
    let port = address.rsplit_once(':').map(|(_, port)| port);
    address.starts_with("unix:") || port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The names of the clusters that a configuration calls, in its order, each once.
pub(crate) fn called(config: &Json) -> Vec<String> {
    let mut calls = Vec::new();
    named_clusters(config, "", &mut calls);
    let mut names: Vec<String> = Vec::new();
    for call in calls {
        if !names.contains(&call.cluster) {
            names.push(call.cluster);
        }
    }
    names
}

/// A call that a configuration makes.
pub(super) struct Call {
    cluster: String,
    /// Where in the configuration it is named.
    path: String,
    pub(super) is_grpc: bool,
    is_https: bool,
}

impl Call {
    /// What Istio would call the cluster of the host that this one seems to name.
    fn generated(&self) -> String {
        let mut words = self
            .cluster
            .split(['|', ':'])
            .filter(|word| !word.is_empty());
        let port = words.clone().find(|word| word.parse::<u16>().is_ok());
        let host = words.rfind(|word| word.parse::<u16>().is_err());
        let usual = if self.is_https { "443" } else { "80" };
        let port = port.unwrap_or(usual);
        format!("outbound|{port}||{}", host.unwrap_or_default())
    }
}

/// Every object with a `cluster`.
pub(super) fn named_clusters(json: &Json, path: &str, found: &mut Vec<Call>) {
    match json {
        Json::Object(members) => {
            let text = |name: &str| json.member(name).and_then(Json::as_str);
            if let Some(cluster) = text("cluster") {
                let is_rls = json.member("domain").is_some();
                found.push(Call {
                    cluster: cluster.to_owned(),
                    path: join(path, "cluster"),
                    is_grpc: is_rls && text("transport") != Some("http"),
                    is_https: text("uri").is_some_and(|uri| uri.starts_with("https:")),
                });
            }
            if let Some(cluster) = text("jwks_cluster") {
                found.push(Call {
                    cluster: cluster.to_owned(),
                    path: join(path, "jwks_cluster"),
                    is_grpc: false,
                    is_https: false,
                });
            }
            for (name, value) in members {
                named_clusters(value, &join(path, name), found);
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                named_clusters(item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}
