//! What an Envoy is started with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{CaseFile, EnvoySettings};

/// The clusters that a configuration calls.
pub(super) fn clusters_of(configuration: &str) -> BTreeSet<String> {
    fn collect(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(cluster) if name == "cluster" || name == "jwks_cluster" => {
                            names.insert(cluster.clone());
                        }
                        other => collect(other, names),
                    }
                }
            }
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    let value: Value = serde_json::from_str(configuration).unwrap_or_default();
    collect(&value, &mut names);
    names
}

/// One listener with one filter in front of one upstream. Paths reach the filter as clients write them,
/// as in the process: it must hold without Envoy's help. A client's address is that of its connection.
pub(super) fn bootstrap(
    settings: &EnvoySettings,
    file: &CaseFile,
    upstream: SocketAddr,
    clusters: &BTreeMap<String, SocketAddr>,
) -> String {
    let environment: BTreeMap<&String, &String> = file.environment.iter().collect();
    let filter = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": settings.name,
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                "vm_id": format!("meshward.{}", settings.name),
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": settings.module } },
                "environment_variables": { "key_values": environment },
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": file.configuration,
            },
        },
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "cases",
        "use_remote_address": true,
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": UPSTREAM } }],
        }] },
        "http_filters": [
            { "name": settings.name, "typed_config": filter },
            { "name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            } },
        ],
    });
    let others = clusters
        .iter()
        .map(|(name, address)| (name.as_str(), *address));
    let all = others.chain([(UPSTREAM, upstream)]);
    let clusters: Vec<Value> = all.map(|(name, address)| cluster(name, address)).collect();
    let bootstrap = json!({
        "admin": { "address": socket("127.0.0.1", 0) },
        "static_resources": {
            "listeners": [{
                "name": LISTENER,
                "address": socket("127.0.0.1", 0),
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": manager,
                }] }],
            }],
            "clusters": clusters,
        },
    });
    bootstrap.to_string()
}

fn cluster(name: &str, address: SocketAddr) -> Value {
    let endpoint = json!({ "address": socket(&address.ip().to_string(), address.port()) });
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": endpoint }] }],
        },
    })
}

fn socket(address: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": address, "port_value": port } })
}

/// The listener's name, by which its port is found.
pub(super) const LISTENER: &str = "cases";
/// No configuration names this cluster.
const UPSTREAM: &str = "meshward-cases-upstream";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_found_wherever_they_stand() {
        let configuration = r#"{"audit": {"sink": {"otlp_http": {"cluster": "collector"}}},
            "auth": {"providers": {"a": {"jwks": {"discovery": {"cluster": "idp", "jwks_cluster": "keys"}}}}},
            "limits": {"limits": [{"service": {"cluster": "ratelimit"}}, {"cluster": 1}]}}"#;
        let found: Vec<String> = clusters_of(configuration).into_iter().collect();
        assert_eq!(found, ["collector", "idp", "keys", "ratelimit"]);
        assert!(clusters_of("nonsense").is_empty());
    }
}
