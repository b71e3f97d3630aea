//! What a configuration names and the manifest has to have: environment variables, and clusters that
//! speak the right protocol.

use policy::json::Json;

use super::Wiring;
use crate::check::codes;
use crate::check::plugin::{Host, Site};
use crate::check::tree::Tree;

impl Wiring<'_> {
    /// Variables that a configuration names, against those that the manifest hands over.
    pub(super) fn environment(&mut self, site: &Site<'_>, config: &Json) {
        let mut wanted = Vec::new();
        variables(config, &mut wanted);
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
            Host::Istio => {
                let env = site
                    .plugin
                    .at(&["vmConfig", "env"])
                    .map_or(&[][..], Tree::items);
                given.extend(env.iter().filter_map(|item| item.get("name")?.text()));
            }
            Host::EnvoyGateway => {
                let keys = site
                    .plugin
                    .at(&["env", "hostKeys"])
                    .map_or(&[][..], Tree::items);
                given.extend(keys.iter().filter_map(Tree::text));
            }
            _ => return,
        }
        wanted.retain(|name| !given.contains(&name.as_str()));
        wanted.sort();
        wanted.dedup();
        if !wanted.is_empty() {
            let message = format!(
                "the configuration needs {}, which this does not hand to the VM",
                wanted.join(", ")
            );
            self.error(&codes::ENV_MISSING, &site.start_of_config(), message);
        }
    }

    /// Clusters that a configuration names, against those of a bootstrap.
    pub(super) fn clusters(&mut self, site: &Site<'_>, config: &Json) {
        let document = self.document;
        let Some(list) = document.at(&["static_resources", "clusters"]) else {
            return;
        };
        if document.at(&["dynamic_resources", "cds_config"]).is_some() {
            return;
        }
        let start = site.start_of_config();
        let mut calls = Vec::new();
        named_clusters(config, &mut calls);
        let names: Vec<&str> = list
            .items()
            .iter()
            .filter_map(|cluster| cluster.get("name")?.text())
            .collect();
        for call in calls {
            let cluster = list
                .items()
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
            let text = cluster.json().to_string();
            let speaks_http2 =
                text.contains("http2_protocol_options") || text.contains("http2ProtocolOptions");
            if call.is_grpc && !speaks_http2 {
                let message = format!(
                    "{} asks the cluster {:?} over gRPC, and it does not speak HTTP/2",
                    site.filter, call.cluster
                );
                self.error(&codes::CLUSTER_PROTOCOL, &cluster.span, message);
            }
            let has_tls = cluster.get("transport_socket").is_some()
                || text.contains("transport_socket_matches");
            if call.is_https && !has_tls {
                let message = format!(
                    "the address behind the cluster {:?} is https, and the cluster has no TLS",
                    call.cluster
                );
                self.warning(&codes::CLUSTER_TLS, &cluster.span, message);
            }
        }
    }
}

/// The values of keys that end in `_env`, of `env` and of `headers_env`.
pub(super) fn variables(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            for (name, value) in members {
                match value {
                    Json::String(variable) if name.ends_with("_env") => {
                        found.push(variable.clone());
                    }
                    Json::Object(headers) if name == "headers_env" => {
                        let values = headers.iter().filter_map(|(_, value)| value.as_str());
                        found.extend(values.map(str::to_owned));
                    }
                    inner => variables(inner, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| variables(item, found)),
        _ => {}
    }
}

/// A call that a configuration makes.
pub(super) struct Call {
    cluster: String,
    pub(super) is_grpc: bool,
    is_https: bool,
}

/// Every object with a `cluster`.
pub(super) fn named_clusters(json: &Json, found: &mut Vec<Call>) {
    match json {
        Json::Object(members) => {
            let text = |name: &str| json.member(name).and_then(Json::as_str);
            if let Some(cluster) = text("cluster") {
                let is_rls = json.member("domain").is_some();
                found.push(Call {
                    cluster: cluster.to_owned(),
                    is_grpc: is_rls && text("transport") != Some("http"),
                    is_https: text("uri").is_some_and(|uri| uri.starts_with("https:")),
                });
            }
            if let Some(cluster) = text("jwks_cluster") {
                found.push(Call {
                    cluster: cluster.to_owned(),
                    is_grpc: false,
                    is_https: false,
                });
            }
            members
                .iter()
                .for_each(|(_, value)| named_clusters(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| named_clusters(item, found)),
        _ => {}
    }
}
